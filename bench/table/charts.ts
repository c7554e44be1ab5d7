/** The plots of the report, as SVG, drawn without a browser. */
import * as echarts from 'echarts';
import { ALGORITHMS, HALOD } from './algorithms.js';
import { NODES, SLOTS, type TableResults } from './results.js';

const WIDTH = 920;
const HEIGHT = 420;
const INK = '#0f172a';
const FAINT = '#64748b';
const LINE = '#e2e8f0';
const AIM = '#dc2626';
const COLOURS: Readonly<Record<string, string>> = {
  halod: '#0f766e',
  'halod-live': '#5eead4',
  hrw: '#2563eb',
  maglev: '#b45309',
  jump: '#7c3aed',
  ring: '#94a3b8',
};
const SLOT_COLOURS = ['#99f6e4', '#2dd4bf', '#0f766e', '#134e4a'];

type Series = echarts.LineSeriesOption | echarts.BarSeriesOption;

function svg(title: string, subtitle: string, option: echarts.EChartsOption): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif', color: INK },
    title: {
      text: title,
      subtext: subtitle,
      left: 16,
      top: 10,
      textStyle: { fontSize: 16 },
      subtextStyle: { color: FAINT },
    },
    grid: { left: 64, right: 200, top: 100, bottom: 48 },
    legend: { orient: 'vertical', right: 16, top: 84, itemGap: 12, textStyle: { color: INK } },
    ...option,
  });
  const text = chart.renderToSVGString();
  chart.dispose();
  return text;
}

const NODE_AXIS: echarts.XAXisComponentOption = {
  type: 'category',
  data: NODES.map(String),
  name: 'nodes',
  nameLocation: 'middle',
  nameGap: 28,
  axisLine: { lineStyle: { color: FAINT } },
};

function valueAxis(name: string, more: { min?: number; max?: number } = {}): echarts.YAXisComponentOption {
  return {
    type: 'value',
    name,
    nameTextStyle: { color: FAINT, align: 'left' },
    splitLine: { lineStyle: { color: LINE } },
    ...more,
  };
}

function line(
  name: string,
  color: string,
  data: (number | null)[],
  more: Partial<echarts.LineSeriesOption> = {},
): Series {
  return { type: 'line', name, data, symbolSize: 7, lineStyle: { width: 2.5, color }, itemStyle: { color }, ...more };
}

function dashed(
  name: string,
  color: string,
  data: (number | null)[],
  more: Partial<echarts.LineSeriesOption> = {},
): Series {
  return line(name, color, data, { symbol: 'none', ...more, lineStyle: { width: 1.5, type: 'dashed', color } });
}

function titleOf(name: string): string {
  return ALGORITHMS.find((algorithm) => algorithm.name === name)?.title ?? 'halod, not frozen';
}

function frontier({ moves }: TableResults): string {
  const series = SLOTS.map((slots, index) => {
    const of = (nodes: number) =>
      moves.find((m) => m.algorithm === HALOD.name && m.slots === slots && m.nodes === nodes);
    return line(
      `${slots.toLocaleString('en-US')} slots`,
      SLOT_COLOURS[index]!,
      NODES.map((nodes) => of(nodes)?.join.timesOptimum ?? null),
    );
  });
  const aim = dashed(
    'aim',
    AIM,
    NODES.map((nodes) => (nodes <= 8 ? 1.05 : nodes <= 32 ? 1.15 : null)),
    { step: 'start' },
  );
  return svg(
    'A join moves little more than it must',
    'slots moved ÷ the newcomer’s share, mean; 1 is the least possible',
    {
      xAxis: NODE_AXIS,
      yAxis: valueAxis('× optimum (cut off at 2)', { min: 1, max: 2 }),
      series: [...series.map((one) => ({ ...one, clip: true })), aim],
    },
  );
}

function extraMoves({ moves }: TableResults): string {
  const series = ALGORITHMS.filter(({ name }) => ['halod', 'maglev'].includes(name)).flatMap(({ name, title }) =>
    ([1_024, 16_384] as const).map((slots) => {
      const of = (nodes: number) => moves.find((m) => m.algorithm === name && m.slots === slots && m.nodes === nodes);
      const data = NODES.map((nodes) => {
        const row = of(nodes);
        return row === undefined ? null : row.join.superfluous / Math.sqrt(slots);
      });
      const style = slots === 1_024 ? { lineStyle: { width: 1.5, color: COLOURS[name]!, opacity: 0.5 } } : {};
      return line(`${title}, ${slots.toLocaleString('en-US')}`, COLOURS[name]!, data, style);
    }),
  );
  const aim = dashed(
    'aim',
    AIM,
    NODES.map((nodes) => (nodes <= 8 ? 0.45 : nodes <= 32 ? 0.75 : null)),
    { step: 'start' },
  );
  const bound = dashed(
    'about the least possible',
    FAINT,
    NODES.map((nodes) => (0.2 * (nodes - 1)) / (nodes + 1)),
  );
  return svg('Moves between nodes that stay', 'slots a join moves between two others, mean, in √slots', {
    xAxis: NODE_AXIS,
    yAxis: valueAxis('√slots'),
    series: [...series, aim, bound],
  });
}

function balance({ balance: rows }: TableResults): string {
  const series = ALGORITHMS.map(({ name, title }) => {
    const of = (nodes: number) =>
      rows.find((row) => row.algorithm === name && row.slots === 16_384 && row.nodes === nodes);
    return line(
      title,
      COLOURS[name]!,
      NODES.map((nodes) => of(nodes)?.fullest ?? null),
      name === HALOD.name ? { z: 10, lineStyle: { width: 4, color: COLOURS[name]! } } : {},
    );
  });
  return svg('The fullest node', 'its slots ÷ the mean, average over random memberships, 16,384 slots', {
    xAxis: NODE_AXIS,
    yAxis: valueAxis('÷ mean', { min: 1 }),
    series,
  });
}

function churn({ churn: rows }: TableResults): string {
  const names = [...new Set(rows.map((row) => row.algorithm))];
  const cases = [...new Set(rows.map((row) => `${row.slots.toLocaleString('en-US')} slots\n${row.nodes} nodes`))];
  const series = names.map(
    (name): Series => ({
      type: 'bar',
      name: titleOf(name),
      itemStyle: { color: COLOURS[name]! },
      barGap: '8%',
      data: rows.filter((row) => row.algorithm === name).map((row) => Math.max(0, row.timesMinimum - 1) * 100),
      label: {
        show: true,
        position: 'top',
        fontSize: 9,
        color: FAINT,
        formatter: ({ value }) => Number(value).toFixed(Number(value) < 10 ? 1 : 0),
      },
    }),
  );
  return svg(
    'Churn: moved beyond the minimum, in per cent',
    '70 % restarts, 15 % joins, 15 % leaves; rendezvous, ring and jump hash do not balance',
    {
      xAxis: { type: 'category', data: cases, axisLine: { lineStyle: { color: FAINT } } },
      yAxis: valueAxis('% more than needed (cut off at 60)', { max: 60 }),
      series,
    },
  );
}

function time({ timing }: TableResults): string {
  const kinds = [
    ['crash', '#5eead4', (row: (typeof timing)[number]) => row.crash.medianMs],
    ['join', '#0f766e', (row: (typeof timing)[number]) => row.join.medianMs],
    ['leave', '#2563eb', (row: (typeof timing)[number]) => row.leave.medianMs],
    ['from nothing', '#cbd5e1', (row: (typeof timing)[number]) => row.coldMs],
  ] as const;
  const series = kinds.map(
    ([name, color, of]): Series => ({
      type: 'bar',
      name,
      itemStyle: { color },
      data: timing.map((row) => Number(of(row).toPrecision(2))),
      label: { show: true, position: 'top', fontSize: 9, color: FAINT },
    }),
  );
  return svg('Time for the next table', 'milliseconds of the processor, median; logarithmic', {
    xAxis: {
      type: 'category',
      data: timing.map((row) => `${row.slots.toLocaleString('en-US')}\n× ${row.nodes.toLocaleString('en-US')}`),
      axisLine: { lineStyle: { color: FAINT } },
    },
    yAxis: { type: 'log', min: 0.05, startValue: 0.05, name: 'ms', splitLine: { lineStyle: { color: LINE } } },
    series,
  });
}

/** File name → SVG. */
export function charts(results: TableResults): Map<string, string> {
  return new Map([
    ['table-frontier.svg', frontier(results)],
    ['table-moves.svg', extraMoves(results)],
    ['table-balance.svg', balance(results)],
    ['table-churn.svg', churn(results)],
    ['table-time.svg', time(results)],
  ]);
}
