/** Lines over time as SVG, drawn without a browser. */
import * as echarts from 'echarts';

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly dashed?: boolean;
}

const COLOURS = ['#0f766e', '#b45309', '#7c3aed', '#2563eb', '#db2777', '#64748b'];

export function plot(title: string, subtitle: string, xName: string, yName: string, lines: readonly Line[]): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 920, height: 360 });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    color: COLOURS,
    textStyle: { fontFamily: 'sans-serif' },
    title: { text: title, subtext: subtitle, left: 12, top: 6, textStyle: { fontSize: 14 } },
    legend: { bottom: 4 },
    grid: { left: 64, right: 30, top: 66, bottom: 62 },
    xAxis: { type: 'value', name: xName, nameLocation: 'middle', nameGap: 24 },
    yAxis: { type: 'value', name: yName, min: 0 },
    series: lines.map(({ name, points, dashed }) => ({
      type: 'line',
      name,
      showSymbol: false,
      lineStyle: { width: 2, type: dashed ? 'dashed' : 'solid' },
      data: points.map((point) => [...point]),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
