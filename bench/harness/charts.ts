/** One SVG per workload: bars of the median with a line from min to max, a panel per figure, drawn without a browser. */
import * as echarts from 'echarts';
import { PEERS } from '../peers/registry.js';
import type { Variant, Workload } from '../workloads/workload.js';
import { cellsOf, figuresOf } from './report.js';
import type { Results } from './results.js';
import { printed, type Spread, spreadOf } from './stats.js';

const WIDTH = 920;
const ROW_HEIGHT = 26;
const OURS = '#0f766e';
const OTHERS = '#94a3b8';
const LINES = [
  '#0f766e',
  '#2dd4bf',
  '#b45309',
  '#7c3aed',
  '#2563eb',
  '#db2777',
  '#64748b',
  '#65a30d',
  '#dc2626',
  '#0891b2',
];

interface Bar {
  readonly title: string;
  readonly isOurs: boolean;
  readonly spread: Spread;
}

function barsOf(results: Results, workload: Workload, variant: Variant, key: string): Bar[] {
  return cellsOf(results, workload.name, variant.name).flatMap((cell) => {
    const spread = spreadOf(figuresOf(cell, key));
    return spread === undefined
      ? []
      : [{ title: results.peers[cell.peer]?.title ?? cell.peer, isOurs: cell.peer.startsWith('halod'), spread }];
  });
}

function svg(height: number, option: echarts.EChartsOption): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({ animation: false, backgroundColor: '#ffffff', textStyle: { fontFamily: 'sans-serif' }, ...option });
  const text = chart.renderToSVGString();
  chart.dispose();
  return text;
}

/** Bars from the best to the worst as the column says; a logarithmic axis where they differ by more than 30 times. */
export function barChart(results: Results, workload: Workload, variant: Variant, key: string): string | undefined {
  const column = workload.columns.find((candidate) => candidate.key === key)!;
  const bars = barsOf(results, workload, variant, key);
  if (bars.length < 2) return undefined;
  bars.sort((a, b) =>
    column.better === 'more' ? a.spread.median - b.spread.median : b.spread.median - a.spread.median,
  );
  const medians = bars.map((bar) => bar.spread.median);
  const isWide = Math.min(...medians) > 0 && Math.max(...medians) / Math.min(...medians) > 30;
  const direction = column.better === 'more' ? 'more is better' : 'less is better';
  return svg(90 + bars.length * ROW_HEIGHT, {
    title: {
      text: `${workload.title} (${variant.name})`,
      subtext: `${column.title}; ${direction}${isWide ? '; logarithmic' : ''}`,
      left: 12,
      top: 6,
      textStyle: { fontSize: 14 },
    },
    grid: { left: 190, right: 90, top: 58, bottom: 28 },
    xAxis: { type: isWide ? 'log' : 'value', axisLabel: { formatter: (value: number) => printed(value) } },
    yAxis: { type: 'category', data: bars.map((bar) => bar.title) },
    series: [
      {
        type: 'bar',
        data: bars.map((bar) => ({ value: bar.spread.median, itemStyle: { color: bar.isOurs ? OURS : OTHERS } })),
        label: {
          show: true,
          position: 'right',
          distance: 14,
          formatter: ({ value }: { value?: unknown }) => printed(Number(value)),
        },
      },
      {
        type: 'custom',
        data: bars.map((bar, index) => [bar.spread.min, bar.spread.max, index]),
        renderItem: (_parameters: unknown, api: echarts.CustomSeriesRenderItemAPI) => {
          const from = api.coord([api.value(0), api.value(2)]);
          const to = api.coord([api.value(1), api.value(2)]);
          return {
            type: 'line',
            shape: { x1: from[0]!, y1: from[1]!, x2: to[0]!, y2: to[1]! },
            style: { stroke: '#0f172a', lineWidth: 1.5 },
          };
        },
      } as echarts.SeriesOption,
    ],
  });
}

/** A line per peer over the variants: growth. */
export function lineChart(results: Results, workload: Workload, key: string): string | undefined {
  const column = workload.columns.find((candidate) => candidate.key === key)!;
  const peers = PEERS.filter((peer) =>
    results.cells.some((cell) => cell.workload === workload.name && cell.peer === peer.name),
  );
  if (peers.length === 0) return undefined;
  return svg(340, {
    color: LINES,
    title: { text: workload.title, subtext: column.title, left: 12, top: 6, textStyle: { fontSize: 14 } },
    legend: { bottom: 4 },
    grid: { left: 60, right: 30, top: 62, bottom: 60 },
    xAxis: { type: 'category', data: workload.variants.map((variant) => variant.name) },
    yAxis: { type: 'value', min: 0 },
    series: peers.map((peer) => ({
      type: 'line',
      name: peer.title,
      data: workload.variants.map((variant) => {
        const cell = cellsOf(results, workload.name, variant.name).find((candidate) => candidate.peer === peer.name);
        return cell === undefined ? null : (spreadOf(figuresOf(cell, key))?.median ?? null);
      }),
    })),
  });
}

/** Every chart that the result has figures for, by file name. */
export function charts(results: Results, workloads: readonly Workload[]): Map<string, string> {
  const files = new Map<string, string>();
  const add = (name: string, text: string | undefined) =>
    text !== undefined && files.set(`${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.svg`, text);
  for (const workload of workloads) {
    for (const key of workload.charts) {
      if (workload.variants.length > 4) add(`${workload.name}-${key}`, lineChart(results, workload, key));
      else
        for (const variant of workload.variants)
          add(`${workload.name}-${variant.name}-${key}`, barChart(results, workload, variant, key));
    }
  }
  return files;
}
