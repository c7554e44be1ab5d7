import test from 'ava';
import fc from 'fast-check';
import type { Assignment } from '../../lib/core/table/assignment.js';
import { Candidates } from '../../lib/core/table/candidates.js';
import { loadBounds } from '../../lib/core/table/layout.js';
import { transport } from '../../lib/core/table/transport.js';
import type { TableMember } from '../../lib/core/table/types.js';
import { countTo, membersDrawn, membersOf, parametersDrawn, seeded } from './memberships.js';

function solve(
  slots: number,
  tolerance: number,
  members: readonly TableMember[],
  depth: number,
): Assignment | undefined {
  const candidates = new Candidates(slots);
  candidates.update(members, depth);
  const bounds = loadBounds({ slots, tolerance, copies: 1 }, members);
  return transport({ slots, depth, bounds, ...pick(candidates) });
}

function pick({ stride, nodes, costs }: Candidates): Pick<Candidates, 'stride' | 'nodes' | 'costs'> {
  return { stride, nodes, costs };
}

test('finds the optimum over all nodes from few candidates, or says that they are too few', (t) => {
  let tooFew = 0;
  let enough = 0;
  const property = fc.property(parametersDrawn, membersDrawn, fc.nat(), ({ slots, tolerance }, drawn, by) => {
    const members = [...drawn].sort((a, b) => (a.id < b.id ? -1 : 1));
    const whole = solve(slots, tolerance, members, members.length);
    const part = solve(slots, tolerance, members, 1 + (by % members.length));
    if (part === undefined) tooFew++;
    else {
      enough++;
      t.deepEqual(part.owners, whole?.owners);
    }
  });
  fc.assert(property, { ...seeded(t.log), numRuns: 150 });
  t.true(tooFew > 0 && enough > 0, `${tooFew} times too few candidates, ${enough} times enough`);
});

test('leaves every slot at the node where cost + price is least', (t) => {
  const members = membersOf({ ids: countTo(23), weights: [1, 2, 4] });
  const slots = 1_024;
  const candidates = new Candidates(slots);
  candidates.update(members, members.length);
  const { stride, nodes, costs } = candidates;
  const { owners, prices } = solve(slots, 0, members, members.length)!;
  for (let slot = 0; slot < slots; slot++) {
    const entries = members.map((_, i) => slot * stride + i);
    const values = entries.map((entry) => costs[entry]! + prices[nodes[entry]!]!);
    const own = entries.findIndex((entry) => nodes[entry] === owners[slot]);
    t.is(values[own], Math.min(...values));
  }
});
