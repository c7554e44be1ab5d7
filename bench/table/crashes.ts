/** What crashes and returns move in halod's table, and who inherits. */
import { ScoreCache } from '../../lib/core/table/layout.js';
import { balanceOf, diffTables } from '../../lib/core/table/plan.js';
import { buildTable } from '../../lib/core/table/table.js';
import type { Table, TableMember } from '../../lib/core/table/types.js';
import { memberOf } from './algorithms.js';
import { Draw, mean } from './draw.js';

export interface CrashFigures {
  readonly crashes: number;
  /** Moved slots ÷ slots of the dead node, the least and the most seen. */
  readonly movedMin: number;
  readonly movedMax: number;
  /** Share of moved slots that went to their first copy. */
  readonly heirShare: number;
  /** Returns after which any slot or copy differed from before. */
  readonly returnsDiffering: number;
  /** Load of the fullest survivor ÷ mean while the node is away. */
  readonly fullest: number;
  readonly fullestWorst: number;
}

/** One crash after another from a whole cluster, and in every third run a second crash before the first returns. */
export function measureCrashes(slots: number, count: number, runs: number): CrashFigures {
  const draw = new Draw(slots * 3 + count);
  const ratios: number[] = [];
  const fullest: number[] = [];
  let toHeir = 0;
  let movedAll = 0;
  let returnsDiffering = 0;
  for (let run = 0; run < runs; run++) {
    const cache = new ScoreCache();
    const members = draw.nodes(count).map((node) => memberOf(node));
    const build = (dead: readonly TableMember[]): Table =>
      buildTable(
        { slots, copies: 3, tolerance: 0 },
        members.map((m) => (dead.includes(m) ? { ...m, live: false } : m)),
        cache,
      );
    const whole = build([]);
    const dead: TableMember[] = [];
    let before = whole;
    for (let deaths = run % 3 === 0 && count > 3 ? 2 : 1; deaths > 0; deaths--) {
      const living = members.filter((member) => !dead.includes(member));
      const dying = living[draw.below(living.length)]!;
      dead.push(dying);
      const after = build(dead);
      const { moved, nodes } = diffTables(before, after);
      ratios.push(moved.length / nodes.find((node) => node.id === dying.id)!.ownedBefore);
      for (const { slot, to } of moved) if (before.holdersOf(slot)[1] === to) toHeir++;
      movedAll += moved.length;
      if (deaths === 1 && dead.length === 1) fullest.push(balanceOf(after).loadMax);
      before = after;
    }
    const restored = build([]);
    if (!restored.holders.every((holder, at) => holder === whole.holders[at])) returnsDiffering++;
  }
  return {
    crashes: ratios.length,
    movedMin: Math.min(...ratios),
    movedMax: Math.max(...ratios),
    heirShare: toHeir / movedAll,
    returnsDiffering,
    fullest: mean(fullest),
    fullestWorst: Math.max(...fullest),
  };
}
