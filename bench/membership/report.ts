/** The results as a page: each row beside the goal and the best reference, which is a formula where there is one. */
import type { Death } from './deaths.js';
import type { Results, Sample, StallRow } from './results.js';
import { seconds, spread } from './statistics.js';

type Cell = string | number;

/** memberlist's LAN preset: first verdict 2 s + 4 · log10(N) s (at least 4 s), then about a second to all. */
export function memberlistFirstMs(size: number): number {
  return 2_000 + 4_000 * Math.max(1, Math.log10(size));
}

export function renderReport(results: Results): string {
  return [
    '# Membership, measured',
    '',
    `Simulated LAN: 0.2 to 1 ms one way, drawn for each message; the protocol is the one that nodes run, sizes are the codec's. Written by \`npm run bench:membership\`, which goes on where it was stopped; protocol ${results.protocol} (hash of its compiled files); ${results.machine}; ${((results.cpuMs ?? 0) / 60_000).toFixed(0)} min of CPU. Times in seconds of simulated time.`,
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
    'The slowest of all nodes, 99 of 100 times; the worst where there are fewer samples (see the numbers of each row below).',
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
        new Set(deaths.map((death) => death.seed)).size,
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
    'Goals: killed, all views, p99: 1.0 s at 100 nodes, 1.5 s at 1,000. Silent, 1,000 nodes: first median 4 s, all views p99 5.5 s. A world of up to 100 nodes sees one death, one of 1,000 ten, of other nodes at other times, each at least 5 s after the last victim is back (a node that has just started has few links, may miss the suspicion and then comes in 1.5 s late). memberlist does not tell the two apart; its columns are its formula, 2 s + 4 · log10(N) s to the first verdict and a second more to all.',
    '',
    ...table(
      [
        'death',
        'nodes',
        'seeds',
        'deaths',
        'first, median',
        'all, median',
        'all, p99',
        'all, worst',
        'memberlist first',
        'memberlist all',
      ],
      rows,
    ),
    '![deaths](membership-deaths.svg)',
    '',
  ];
}

function stalls(rows: readonly StallRow[]): string[] {
  if (rows.length === 0) return [];
  const sum = (kind: string, most: number, of: (row: StallRow) => number) =>
    rows.filter((row) => row.kind === kind && row.stalled <= most).reduce((total, row) => total + of(row), 0);
  const lines = (['stall', 'muffle'] as const).flatMap((kind) =>
    [8, 32].map((most) => {
      const swim = sum(kind, most, (row) => row.plain.anywhere);
      const own = sum(kind, most, (row) => row.full.anywhere);
      return [
        kind === 'stall' ? 'event loop stands still' : 'messages stand still, timers go on',
        `1 to ${most}`,
        swim,
        sum(kind, most, (row) => row.plain.atHealthy),
        own,
        swim === 0 ? '–' : `${((100 * own) / swim).toFixed(2)} %`,
        sum(kind, most, (row) => row.full.atHealthy),
      ];
    }),
  );
  return [
    '## False verdicts while some nodes stall',
    '',
    '128 nodes, of which some stand still again and again for 128 ms to 32 s, 60 s long. Counted: verdicts about nodes that never stood still. Goal: at most 0.5 % of plain SWIM on the same seeds (probe a second, suspicion 5 · log10(N) s, none of Lifeguard; it tells its news by the gossip of this protocol), none at healthy nodes. Lifeguard: 1.53 %.',
    '',
    ...table(
      [
        '',
        'nodes that stall',
        'SWIM, anywhere',
        'SWIM, at healthy nodes',
        'here, anywhere',
        'share',
        'here, at healthy nodes',
      ],
      lines,
    ),
    ...table(
      ['', 'stalled', 'for ms', 'SWIM', 'here', 'here, at healthy', 'stalled ones failed', 'MB, SWIM', 'MB, here'],
      rows.map((r) => [
        r.kind,
        r.stalled,
        r.stallMs,
        r.plain.anywhere,
        r.full.anywhere,
        r.full.atHealthy,
        r.full.ofStalled,
        (r.plain.bytes / 1e6).toFixed(1),
        (r.full.bytes / 1e6).toFixed(1),
      ]),
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
  ];
}

function partitions(results: Results): string[] {
  const groups = new Map<string, NonNullable<Results['partition']>>();
  for (const row of results.partition ?? []) {
    const key = `${row.size}|${row.share}|${row.lastsMs}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const rows = [...groups.values()].map((of) => {
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
    'Goals, p99: 8 s at 100 nodes, 12 s at 1,000, the same table as before, no superfluous move. memberlist: never; Akka: one side restarts. One minute is long enough for each side to fail the other.',
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
  ];
}

function faulty(results: Results): string[] {
  const groups = new Map<string, NonNullable<Results['faulty']>>();
  for (const row of results.faulty ?? []) {
    const key = `${row.size}|${row.lastsMs}|${row.defect}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const rows = [...groups.values()].map((of) => {
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
      (worst((r) => r.worstSecond).max / 1_000).toFixed(1),
      (worst((r) => r.worstSecondSilent).max / 1_000).toFixed(1),
    ];
  });
  return [
    '## Traffic',
    '',
    'Payload that a node sends. Goals at 1,000: 600 bytes a second, 10 KB in the worst second while ten nodes crash at once (wherever that second begins, of the worst node of all seeds). memberlist: 640 bytes, 8.0 KB. A frame here has its own header and one message; nodes bundle messages with others.',
    '',
    ...table(
      [
        'nodes',
        'seeds',
        'steady, bytes/s',
        'with handshakes of links',
        'frames/s',
        'worst second, median node, KB',
        'worst node, killed, KB',
        'worst node, silent, KB',
      ],
      rows,
    ),
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

function sizesOf(groups: readonly (readonly Sample[] | undefined)[]): number[] {
  return [...new Set(groups.flatMap((rows) => rows ?? []).map((row) => row.size))].sort((a, b) => a - b);
}

function rowsOf<T extends Sample>(rows: readonly T[] | undefined, size: number): readonly T[] {
  return (rows ?? []).filter((row) => row.size === size);
}
