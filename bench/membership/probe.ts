import { measureDeaths } from './deaths.js';
import { measureFaulty } from './faulty.js';
import { measurePartition } from './partitions.js';
import { measureStalls } from './stalls.js';
import { spread } from './statistics.js';
import { measureTraffic } from './traffic.js';

const [what, size, trials] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4] ?? 10)];
const t = Date.now();
if (what === 'kill' || what === 'silent') {
  const d = measureDeaths({ size, seed: 1, trials, silent: what === 'silent' });
  console.log('first', spread(d.map((x) => x.firstMs)), 'all', spread(d.map((x) => x.allMs)));
}
if (what === 'stalls')
  for (const stalled of [1, 8, 32])
    for (const stallMs of [2000, 8000, 32000])
      console.log(
        stalled,
        stallMs,
        'full',
        measureStalls({ size, seed: 1, stalled, stallMs, lastsMs: 60000, kind: 'muffle', plain: false }),
        'plain',
        measureStalls({ size, seed: 1, stalled, stallMs, lastsMs: 60000, kind: 'muffle', plain: true }),
      );
if (what === 'partition')
  console.log(measurePartition(size, 1, 0.5, trials * 1000), measurePartition(size, 1, 0.1, trials * 1000));
if (what === 'faulty')
  for (const d of ['loss', 'ingress-loss', 'flip-flop'] as const) console.log(measureFaulty(size, 1, d, trials * 1000));
if (what === 'traffic') console.log(measureTraffic(size, 1, trials * 1000));
console.log(what, size, 'wall', Date.now() - t, 'cpu', process.cpuUsage().user / 1e6);
