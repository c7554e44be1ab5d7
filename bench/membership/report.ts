/** The results as a page: each row beside the goal and the best reference, which is a formula where there is one. */
import type { DeathRow, Results, StallRow } from './results.js';
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
    `Simulated LAN: 0.2 to 1 ms one way, drawn for each message; the protocol is the one that nodes run, sizes are the codec's. Written by \`npm run bench:membership\`; commit ${results.commit}; ${results.machine}. Times in seconds of simulated time.`,
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
  const sizes = [...new Set((results.killed ?? []).map((row) => row.size))].sort((a, b) => a - b);
  const rows = sizes.map((size) => {
    const killed = results.killed?.find((row) => row.size === size);
    const silent = results.silent?.find((row) => row.size === size);
    const healed = spread((results.partition ?? []).filter((row) => row.size === size).map((row) => row.healedMs));
    const started = spread((results.bootstrap ?? []).filter((row) => row.size === size).map((row) => row.completeMs));
    return [
      size,
      seconds(started.max),
      seconds(killed?.all.p99 ?? Number.NaN),
      seconds(silent?.all.p99 ?? Number.NaN),
      seconds(healed.p99),
    ];
  });
  return [
    '## How long until the view can be trusted',
    '',
    'The slowest of all nodes, 99 of 100 times.',
    '',
    ...table(
      ['nodes', 'all start at once (worst)', 'a process is killed', 'a machine falls silent', 'a partition heals'],
      rows,
    ),
    '![time until all views agree](membership-trust.svg)',
    '',
  ];
}

function deaths(results: Results): string[] {
  const row = (kind: string) => (r: DeathRow) => [
    kind,
    r.size,
    r.first.n,
    seconds(r.first.median),
    seconds(r.all.median),
    seconds(r.all.p99),
    seconds(r.all.max),
    seconds(memberlistFirstMs(r.size)),
    seconds(memberlistFirstMs(r.size) + 1_000),
  ];
  return [
    '## Deaths',
    '',
    'Goals: killed, all views, p99: 1.0 s at 100 nodes, 1.5 s at 1,000. Silent, 1,000 nodes: first median 4 s, all views p99 5.5 s. memberlist does not tell the two apart; its columns are its formula, 2 s + 4 · log10(N) s to the first verdict and a second more to all.',
    '',
    ...table(
      [
        'death',
        'nodes',
        'trials',
        'first, median',
        'all, median',
        'all, p99',
        'all, worst',
        'memberlist first',
        'memberlist all',
      ],
      [...(results.killed ?? []).map(row('killed')), ...(results.silent ?? []).map(row('silent'))],
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
    '128 nodes, of which some stand still again and again for 128 ms to 32 s, 60 s long. Counted: verdicts about nodes that never stood still. Goal: at most 0.5 % of plain SWIM on the same seeds (probe a second, suspicion 5 · log10(N) s, none of Lifeguard), none at healthy nodes. Lifeguard: 1.53 %.',
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
  const sizes = [...new Set((results.bootstrap ?? []).map((row) => row.size))].sort((a, b) => a - b);
  const rows = sizes.map((size) => {
    const of = (results.bootstrap ?? []).filter((row) => row.size === size);
    const complete = spread(of.map((row) => row.completeMs));
    return [
      size,
      of.length,
      seconds(complete.median),
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
    const key = `${row.size}|${row.share}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const rows = [...groups.values()].map((of) => {
    const first = of[0] as (typeof of)[number];
    const healed = spread(of.map((row) => row.healedMs));
    return [
      first.size,
      `${Math.round(first.share * 100)} / ${Math.round(100 - first.share * 100)}`,
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
    'Goals, p99: 8 s at 100 nodes, 12 s at 1,000, the same table as before, no superfluous move. memberlist: never; Akka: one side restarts. At 1,000 nodes the partition lasts one minute, long enough for each side to fail the other.',
    '',
    ...table(
      [
        'nodes',
        'split',
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
  const rows = (results.faulty ?? []).map((r) => [
    r.size,
    r.faulty,
    { loss: '80 % lost both ways', 'ingress-loss': '80 % lost inward', 'flip-flop': 'deaf 20 s of every 40 s' }[
      r.defect
    ],
    r.healthyRemoved,
    r.healthyRemovedByFaulty,
    r.changesPerFaulty.toFixed(1),
    `${(100 * r.agreedShare).toFixed(1)} %`,
    Math.round(r.bytesPerNodeSecond),
  ]);
  return [
    '## One node in a hundred has a bad network',
    '',
    'Goal: no healthy node removed. (100 nodes: 10 minutes; 1,000 nodes: 1 minute.)',
    '',
    ...table(
      [
        'nodes',
        'faulty',
        'how',
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
  const rows = (results.traffic ?? []).map((r) => [
    r.size,
    Math.round(r.steady),
    Math.round(r.steadyWithHandshakes),
    r.framesPerSecond.toFixed(1),
    (r.worstSecondMedian / 1_000).toFixed(1),
    (r.worstSecond / 1_000).toFixed(1),
    (r.worstSecondSilent / 1_000).toFixed(1),
  ]);
  return [
    '## Traffic',
    '',
    'Payload that a node sends. Goals at 1,000: 600 bytes a second, 10 KB in the worst second while ten nodes crash. memberlist: 640 bytes, 8.0 KB. A frame here has its own header and one message; nodes bundle messages with others.',
    '',
    ...table(
      [
        'nodes',
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
