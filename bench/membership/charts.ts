/** Plots of the results as SVG, drawn without a browser. */
import * as echarts from 'echarts';
import { memberlistFirstMs } from './report.js';
import type { Results } from './results.js';
import { spread } from './statistics.js';

export function drawPlots(results: Results): Record<string, string> {
  return { 'membership-deaths.svg': deaths(results), 'membership-trust.svg': trust(results) };
}

function draw(option: echarts.EChartsCoreOption): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 760, height: 420 });
  chart.setOption({ backgroundColor: '#fff', animation: false, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

const AXES = {
  grid: { left: 70, right: 30, top: 60, bottom: 50 },
  legend: { top: 8 },
  xAxis: { type: 'log', name: 'nodes', nameLocation: 'middle', nameGap: 30, min: 1 },
  yAxis: { type: 'log', name: 'seconds', min: 0.01 },
} as const;

/** [size, seconds]; a log axis has no zero. */
function points(rows: readonly { readonly size: number; readonly ms: number }[]): [number, number][] {
  return rows
    .filter((row) => Number.isFinite(row.ms))
    .sort((a, b) => a.size - b.size)
    .map((row) => [row.size, Math.max(0.01, row.ms / 1_000)]);
}

function deaths(results: Results): string {
  const line = (name: string, data: [number, number][], dashed = false) => ({
    name,
    type: 'line',
    data,
    ...(dashed ? { lineStyle: { type: 'dashed' }, symbol: 'none' } : {}),
  });
  const sizes = [3, 10, 30, 100, 300, 1_000];
  return draw({
    ...AXES,
    series: [
      line('killed, all views, p99', points(bySize(results.killed, (death) => death.allMs, 'p99'))),
      line('silent, first, median', points(bySize(results.silent, (death) => death.firstMs, 'median'))),
      line('silent, all views, p99', points(bySize(results.silent, (death) => death.allMs, 'p99'))),
      line(
        'memberlist, all (formula)',
        points(sizes.map((size) => ({ size, ms: memberlistFirstMs(size) + 1_000 }))),
        true,
      ),
    ],
  });
}

function trust(results: Results): string {
  const line = (name: string, data: [number, number][]) => ({ name, type: 'line', data });
  return draw({
    ...AXES,
    series: [
      line('all start at once', points(bySize(results.bootstrap, (row) => row.completeMs, 'p99'))),
      line('killed', points(bySize(results.killed, (death) => death.allMs, 'p99'))),
      line('silent', points(bySize(results.silent, (death) => death.allMs, 'p99'))),
      line('healed', points(bySize(results.partition, (row) => row.healedMs, 'p99'))),
    ],
  });
}

function bySize<T extends { readonly size: number }>(
  rows: readonly T[] | undefined,
  of: (row: T) => number,
  figure: 'median' | 'p99',
): { size: number; ms: number }[] {
  const all = rows ?? [];
  return [...new Set(all.map((row) => row.size))].map((size) => ({
    size,
    ms: spread(all.filter((row) => row.size === size).map(of))[figure],
  }));
}
