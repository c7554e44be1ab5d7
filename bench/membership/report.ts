/** The results as a page: each row beside the goal and the best reference, which is a formula where there is one. */
import type { Death } from './deaths.js';
import type { Results, Sample, StallRow } from './results.js';
import { seconds, spread } from './statistics.js';

type Cell = string | number;

const SEEDS_WANTED = 200;

/** memberlist's LAN preset: first verdict 2 s + 4 · log10(N) s (at least 4 s), then about a second to all. */
export function memberlistFirstMs(size: number): number {
  return 2_000 + 4_000 * Math.max(1, Math.log10(size));
}

export function renderReport(results: Results): string {
  return [
    '# Membership, measured',
    '',
    `Simulated LAN: 0.2 to 1 ms one way, drawn for each message; the protocol is the one that nodes run, sizes are the codec's. Written by \`npm run bench:membership\`, which goes on where it was stopped; protocol ${results.protocol} (hash of what it does in a few small worlds); ${results.machine}; ${((results.cpuMs ?? 0) / 60_000).toFixed(0)} min of CPU. Times in seconds of simulated time.`,
    '',
    ...trust(results),
    ...deaths(results),
    ...stalls(results.stalls ?? []),
    ...bootstrap(results),
    ...partitions(results),
    ...faulty(results),
    ...traffic(results),
    ...speed(results),
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const line = (cells: readonly Cell[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''];
}

/** The figure that an operator wants: after this long everyone's view says what is so. */
function trust(results: Results): string[] {
  const sizes = sizesOf([results.killed, results.silent, results.partition, results.bootstrap]);
  const p99 = <T extends Sample>(rows: readonly T[] | undefined, size: number, of: (row: T) => number) =>
    seconds(spread(rowsOf(rows, size).map(of)).p99);
  const rows = sizes.map((size) => [
    size,
    p99(results.bootstrap, size, (row) => row.completeMs),
    p99(results.killed, size, (row) => row.allMs),
    p99(results.silent, size, (row) => row.allMs),
    p99(results.partition, size, (row) => row.healedMs),
  ]);
  return [
    '## How long until the view can be trusted',
    '',
    'The slowest of all nodes, 99 of 100 times; the worst where there are fewer than 100 samples (their numbers stand in each row below).',
    '',
    ...table(
      ['nodes', 'all start at once', 'a process is killed', 'a machine falls silent', 'a partition heals'],
      rows,
    ),
    '![time until all views agree](membership-trust.svg)',
    '',
  ];
}

function deaths(results: Results): string[] {
  const rows = (['killed', 'silent'] as const).flatMap((kind) =>
    sizesOf([results[kind]]).map((size) => {
      const deaths: readonly (Death & Sample)[] = rowsOf(results[kind], size);
      const first = spread(deaths.map((death) => death.firstMs));
      const all = spread(deaths.map((death) => death.allMs));
      return [
        kind,
        size,
        deaths.length,
        seconds(first.median),
        seconds(all.median),
        seconds(all.p99),
        seconds(all.max),
        seconds(memberlistFirstMs(size)),
        seconds(memberlistFirstMs(size) + 1_000),
      ];
    }),
  );
  return [
    '## Deaths',
    '',
    'Goals: killed, all views, p99: 1.0 s at 100 nodes, 1.5 s at 1,000. Silent, 1,000 nodes: first median 4 s, all views p99 5.5 s. Each seed is a world of its own and sees one death of each kind, in a world of 1,000 the silent one 5 to 8 s after the killed one. memberlist does not tell the two apart; its columns are its formula, 2 s + 4 · log10(N) s to the first verdict and a second more to all.',
    '',
    ...table(
      [
        'death',
        'nodes',
        'seeds',
        'first, median',
        'all, median',
        'all, p99',
        'all, worst',
        'memberlist first',
        'memberlist all',
      ],
      rows,
    ),
    ...short(rows.map(([kind, size, seeds]) => [`${kind}, ${size} nodes`, seeds as number])),
    '![deaths](membership-deaths.svg)',
    '',
  ];
}

const STALL_KINDS = { stall: 'event loop stands still', muffle: 'messages stand still, timers go on' } as const;

function stalls(rows: readonly StallRow[]): string[] {
  if (rows.length === 0) return [];
  const total = (of: readonly StallRow[], figure: (row: StallRow) => number) =>
    of.reduce((sum, row) => sum + figure(row), 0);
  const sums = (['stall', 'muffle'] as const).flatMap((kind) =>
    [8, 32].map((most) => {
      const of = rows.filter((row) => row.kind === kind && row.stalled <= most);
      const swim = total(of, (row) => row.plain.anywhere);
      const own = total(of, (row) => row.full.anywhere);
      const atHealthy = total(of, (row) => row.full.atHealthy);
      return [
        STALL_KINDS[kind],
        `1 to ${most}`,
        of.length,
        swim,
        total(of, (row) => row.plain.atHealthy),
        own,
        swim === 0 ? '–' : `${((100 * own) / swim).toFixed(2)} %`,
        own - atHealthy,
        atHealthy,
      ];
    }),
  );
  const groups = groupBy(rows, (row) => `${row.kind}|${row.stalled}|${row.stallMs}`);
  return [
    '## False verdicts while some nodes stall',
    '',
    '128 nodes, of which some stand still again and again for 128 ms to 32 s, 60 s long. Counted: verdicts about nodes that never stood still. Goal: at most 0.5 % of plain SWIM on the same seeds (probe a second, suspicion 5 · log10(N) s, none of Lifeguard; it tells its news by the gossip of this protocol), none at healthy nodes while up to 8 stall, and none ever by a node whose event loop stood still. Lifeguard: 1.53 %. Figures of all worlds of a row together; each is another seed.',
    '',
    ...table(
      [
        '',
        'nodes that stall',
        'worlds',
        'SWIM, anywhere',
        'SWIM, at healthy nodes',
        'here, anywhere',
        'share',
        'here, at stalled nodes',
        'here, at healthy nodes',
      ],
      sums,
    ),
    ...short(sums.map(([kind, stalled, worlds]) => [`${kind}, ${stalled}`, worlds as number])),
    ...table(
      [
        '',
        'stalled',
        'for ms',
        'seeds',
        'SWIM',
        'here',
        'here, at healthy',
        'stalled ones failed',
        'MB, SWIM',
        'MB, here',
      ],
      groups.map((of) => {
        const r = of[0] as StallRow;
        return [
          r.kind,
          r.stalled,
          r.stallMs,
          of.length,
          total(of, (row) => row.plain.anywhere),
          total(of, (row) => row.full.anywhere),
          total(of, (row) => row.full.atHealthy),
          total(of, (row) => row.full.ofStalled),
          (total(of, (row) => row.plain.bytes) / 1e6 / of.length).toFixed(1),
          (total(of, (row) => row.full.bytes) / 1e6 / of.length).toFixed(1),
        ];
      }),
    ),
  ];
}

function bootstrap(results: Results): string[] {
  const rows = sizesOf([results.bootstrap]).map((size) => {
    const of = rowsOf(results.bootstrap, size);
    const complete = spread(of.map((row) => row.completeMs));
    return [
      size,
      of.length,
      seconds(complete.median),
      seconds(complete.p99),
      seconds(complete.max),
      spread(of.map((row) => row.sizesMedian)).max,
      spread(of.map((row) => row.sizesMax)).max,
      spread(of.map((row) => row.rebuildsMedian)).max,
      spread(of.map((row) => row.megabytesPerNode)).median.toFixed(2),
    ];
  });
  return [
    '## Bootstrap from one seed',
    '',
    'All nodes start at once. Goals: 5 s at 1,000, 8 s at 2,000, at most 15 sizes a node. Rapid: 41 to 48 s and 4 sizes at 2,000; memberlist: 95 s, 1,858 sizes. Sizes are those from which a node built a table.',
    '',
    ...table(
      [
        'nodes',
        'seeds',
        'all complete, median',
        'p99',
        'worst',
        'sizes, median node',
        'sizes, worst node',
        'tables, median node',
        'MB sent a node',
      ],
      rows,
    ),
    ...short(rows.map(([size, seeds]) => [`${size} nodes`, seeds as number])),
  ];
}

function partitions(results: Results): string[] {
  const groups = groupBy(results.partition ?? [], (row) => `${row.size}|${row.lastsMs}|${row.share}`);
  const rows = groups.map((of) => {
    const first = of[0] as (typeof of)[number];
    const healed = spread(of.map((row) => row.healedMs));
    return [
      first.size,
      `${Math.round(first.share * 100)} / ${Math.round(100 - first.share * 100)}`,
      first.lastsMs / 60_000,
      of.length,
      seconds(healed.median),
      seconds(healed.p99),
      seconds(spread(of.map((row) => row.tablesMs)).p99),
      of.every((row) => row.sameTable) ? 'yes' : 'NO',
      of.reduce((sum, row) => sum + row.superfluous, 0),
    ];
  });
  return [
    '## A partition heals',
    '',
    'Goals, p99: 8 s at 100 nodes, 12 s at 1,000, the same table as before, no superfluous move. memberlist: never; Akka: one side restarts. A side of half the nodes has given up the other within a minute. Ten of a hundred need longer, since they doubt themselves first and then give up one after the other: a suspicion that is about to run out when a partition of one minute heals still does so in the second after, and those are the verdicts counted there. Of 1,000 nodes the seeds have one share each, in turn.',
    '',
    ...table(
      [
        'nodes',
        'split',
        'minutes',
        'seeds',
        'one view, median',
        'p99',
        'tables as before, p99',
        'same table',
        'verdicts after the heal',
      ],
      rows,
    ),
    ...short(rows.map(([size, split, minutes, seeds]) => [`${size} nodes, ${split}, ${minutes} min`, seeds as number])),
  ];
}

function faulty(results: Results): string[] {
  const groups = groupBy(results.faulty ?? [], (row) => `${row.size}|${row.lastsMs}|${row.defect}`);
  const rows = groups.map((of) => {
    const r = of[0] as (typeof of)[number];
    const sum = (figure: (row: typeof r) => number) => of.reduce((total, row) => total + figure(row), 0);
    return [
      r.size,
      r.faulty,
      { loss: '80 % lost both ways', 'ingress-loss': '80 % lost inward', 'flip-flop': 'deaf 20 s of every 40 s' }[
        r.defect
      ],
      r.lastsMs / 60_000,
      of.length,
      sum((row) => row.healthyRemoved),
      sum((row) => row.healthyRemovedByFaulty),
      (sum((row) => row.changesPerFaulty) / of.length).toFixed(1),
      `${((100 * sum((row) => row.agreedShare)) / of.length).toFixed(1)} %`,
      Math.round(sum((row) => row.bytesPerNodeSecond) / of.length),
    ];
  });
  return [
    '## One node in a hundred has a bad network',
    '',
    'Goal: no healthy node removed, by a healthy one. A node that is deaf for 20 s is gone for its cluster in that time, and is back when it hears again: its changes are true ones.',
    '',
    ...table(
      [
        'nodes',
        'faulty',
        'how',
        'minutes',
        'seeds',
        'healthy removed, by healthy',
        'by faulty, in their own view',
        'changes a faulty node',
        'seconds in which all healthy views were equal',
        'bytes a second a node',
      ],
      rows,
    ),
    ...short(rows.map(([size, , how, minutes, seeds]) => [`${size} nodes, ${how}, ${minutes} min`, seeds as number])),
  ];
}

function traffic(results: Results): string[] {
  const rows = sizesOf([results.traffic]).map((size) => {
    const of = rowsOf(results.traffic, size);
    const worst = (figure: (row: (typeof of)[number]) => number) => spread(of.map(figure));
    return [
      size,
      of.length,
      Math.round(worst((r) => r.steady).median),
      Math.round(worst((r) => r.steadyWithHandshakes).median),
      worst((r) => r.framesPerSecond).median.toFixed(1),
      (worst((r) => r.worstSecondMedian).max / 1_000).toFixed(1),
      ...[worst((r) => r.worstSecond), worst((r) => r.worstSecondSilent)].flatMap(({ p99, max }) => [
        (p99 / 1_000).toFixed(1),
        (max / 1_000).toFixed(1),
      ]),
    ];
  });
  return [
    '## Traffic',
    '',
    'Payload that a node sends. Goals at 1,000: 600 bytes a second, 10 KB in the worst second while ten nodes crash at once (wherever that second begins, of the worst node of a world). memberlist: 640 bytes, 8.0 KB. A frame here has its own header and one message; nodes bundle messages with others.',
    '',
    ...table(
      [
        'nodes',
        'seeds',
        'steady, bytes/s',
        'with handshakes of links',
        'frames/s',
        'worst second, median node, KB',
        'worst node, killed, KB: p99 of seeds',
        'worst seed',
        'worst node, silent, KB: p99 of seeds',
        'worst seed',
      ],
      rows,
    ),
    ...short(rows.map(([size, seeds]) => [`${size} nodes`, seeds as number])),
  ];
}

function speed(results: Results): string[] {
  const s = results.speed;
  if (!s) return [];
  return [
    '## The simulator',
    '',
    `${s.size} nodes × ${(s.virtualMs / 60_000).toFixed(0)} virtual minutes: ${seconds(s.cpuMs)} s of CPU (${seconds(s.wallMs)} s on the wall, beside other work), ${s.events} events, trace ${s.hash}; a second run of ${s.comparedMs / 1_000} s gave ${s.sameHash ? 'the same trace' : 'ANOTHER TRACE'}. Goal: 60 s on one core.`,
    '',
  ];
}

/** Below a table: which of its rows have fewer seeds than a 99th percentile asks for. */
function short(rows: readonly (readonly [row: string, seeds: number])[]): string[] {
  const few = rows.filter(([, seeds]) => seeds < SEEDS_WANTED).map(([row, seeds]) => `${row}: ${seeds}`);
  return few.length === 0 ? [] : [`Fewer than ${SEEDS_WANTED} seeds so far: ${few.join('; ')}.`, ''];
}

/** Groups in the order of their keys, numbers by their size. */
function groupBy<T>(rows: readonly T[], keyOf: (row: T) => string): (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })).map(([, group]) => group);
}

function sizesOf(groups: readonly (readonly Sample[] | undefined)[]): number[] {
  return [...new Set(groups.flatMap((rows) => rows ?? []).map((row) => row.size))].sort((a, b) => a - b);
}

function rowsOf<T extends Sample>(rows: readonly T[] | undefined, size: number): readonly T[] {
  return (rows ?? []).filter((row) => row.size === size);
}
