import test from 'ava';
import fc from 'fast-check';
import { diffTables, planChange } from '../../lib/core/table/plan.js';
import { buildTable } from '../../lib/core/table/table.js';
import type { TableParameters } from '../../lib/core/table/types.js';
import { countTo, idOf, membersDrawn, membersOf, parametersDrawn, seeded } from './memberships.js';

const PARAMETERS: TableParameters = { slots: 1_024, copies: 3, tolerance: 0 };

test('counts every slot that changes hands once, on both sides', (t) => {
  const property = fc.property(parametersDrawn, membersDrawn, membersDrawn, (parameters, one, other) => {
    const before = buildTable(parameters, one);
    const after = buildTable(parameters, other);
    const { moved, transfers, nodes } = diffTables(before, after);
    const differing = [...before.owners.keys()].filter((slot) => before.ownerOf(slot) !== after.ownerOf(slot));
    t.deepEqual(
      moved.map(({ slot }) => slot),
      differing,
    );
    let gained = 0;
    for (const node of nodes) {
      gained += node.ownedGained;
      t.is(node.ownedAfter - node.ownedBefore, node.ownedGained - node.ownedLost);
    }
    t.is(gained, moved.length);
    t.is(
      nodes.reduce((sum, node) => sum + node.heldGained, 0),
      transfers.length,
    );
    for (const { slot, to, sources } of transfers) {
      t.false(sources.includes(to));
      t.true(after.holdersOf(slot).includes(to));
      t.deepEqual(sources, before.holdersOf(slot));
    }
  });
  fc.assert(property, seeded(t.log));
});

test('finds no difference between a table and itself', (t) => {
  const table = buildTable(PARAMETERS, membersOf({ ids: countTo(5) }));
  const diff = diffTables(table, table);
  t.deepEqual(diff.moved, []);
  t.deepEqual(diff.transfers, []);
});

test('refuses to compare tables with different numbers of slots', (t) => {
  const members = membersOf({ ids: [1] });
  const other = buildTable({ ...PARAMETERS, slots: 512 }, members);
  t.throws(() => diffTables(buildTable(PARAMETERS, members), other), { message: /cannot be compared/ });
});

test('plans a join: the newcomer gets its share, near the least that must move', (t) => {
  const plan = planChange(PARAMETERS, membersOf({ ids: countTo(3) }), [{ kind: 'add', count: 1, weight: 1 }]);
  const newcomer = plan.nodes.find((node) => (node.id as string) === 'new-1');
  t.is(newcomer?.ownedBefore, 0);
  t.is(newcomer?.ownedAfter, 256);
  t.is(plan.slotsMovedOptimum, 256);
  t.true(plan.slotsMoved >= 256 && plan.slotsMoved < 256 * 1.1);
  t.is(plan.usersMovedShare, plan.slotsMoved / 1_024);
  t.deepEqual(plan.before, {
    liveNodes: 3,
    slotsMin: 341,
    slotsMax: 342,
    loadMin: 1_023 / 1_024,
    loadMax: 1_026 / 1_024,
  });
  t.deepEqual(plan.after, { liveNodes: 4, slotsMin: 256, slotsMax: 256, loadMin: 1, loadMax: 1 });
});

test('plans a removal: what the node owned goes to the others', (t) => {
  const plan = planChange(PARAMETERS, membersOf({ ids: countTo(4) }), [{ kind: 'remove', id: idOf(2) }]);
  t.is(plan.nodes.find((node) => node.id === idOf(2))?.ownedLost, 256);
  // Three shares grow from 256 to 341⅓.
  t.true(Math.abs(plan.slotsMovedOptimum - 256) < 1e-9);
  t.true(plan.slotsMoved >= 256 && plan.slotsMoved < 256 * 1.1);
});

test('plans a change of weight', (t) => {
  const plan = planChange(PARAMETERS, membersOf({ ids: countTo(3) }), [{ kind: 'weight', id: idOf(1), weight: 2 }]);
  t.is(plan.nodes.find((node) => node.id === idOf(1))?.ownedAfter, 512);
  t.true(plan.slotsMovedOptimum > 170 && plan.slotsMovedOptimum < 171);
});

test('plans several changes made together, which move less than one after the other', (t) => {
  const members = membersOf({ ids: countTo(4) });
  const swap = planChange(PARAMETERS, members, [
    { kind: 'add', count: 1, weight: 1 },
    { kind: 'remove', id: idOf(2) },
  ]);
  t.is(swap.after.liveNodes, 4);
  t.is(swap.slotsMovedOptimum, 256);
  const leave = planChange(PARAMETERS, members, [{ kind: 'remove', id: idOf(2) }]);
  const join = planChange(
    PARAMETERS,
    members.filter((m) => m.id !== idOf(2)),
    [{ kind: 'add', count: 1, weight: 1 }],
  );
  t.true(swap.slotsMoved < leave.slotsMoved + join.slotsMoved);
  const two = planChange(PARAMETERS, members, [
    { kind: 'add', count: 1, weight: 1 },
    { kind: 'add', count: 1, weight: 2 },
  ]);
  t.deepEqual(
    two.nodes.filter(({ id }) => id.startsWith('new-')).map(({ id }) => id as string),
    ['new-1', 'new-2'],
  );
});

test('refuses to plan for a node that is not there', (t) => {
  const members = membersOf({ ids: countTo(3) });
  t.throws(() => planChange(PARAMETERS, members, [{ kind: 'remove', id: idOf(9) }]), { message: /no member/ });
});
