import test from 'ava';
import fc from 'fast-check';
import { ScoreCache } from '../../lib/core/table/layout.js';
import { balanceOf } from '../../lib/core/table/plan.js';
import { buildTable } from '../../lib/core/table/table.js';
import type { Table, TableMember, TableParameters } from '../../lib/core/table/types.js';
import type { NodeId } from '../../lib/wire/ids.js';
import { countTo, idOf, membersDrawn, membersOf, parametersDrawn, seeded } from './memberships.js';

const PLAIN: TableParameters = { slots: 256, copies: 3, tolerance: 0 };

/** Some of the members are dead, by a bit mask. */
function withDead(members: readonly TableMember[], mask: number): TableMember[] {
  return members.map((member, index) => ({ ...member, live: ((mask >> (index % 30)) & 1) === 0 }));
}

function zonesIn(table: Table, ids: readonly NodeId[]): number {
  return new Set(ids.map((id) => table.members.find((member) => member.id === id)?.zone)).size;
}

/** Everything a caller can see of a table. */
function seen(table: Table): unknown {
  const orders = [0, 1, table.parameters.slots - 1].map((slot) => table.orderOf(slot));
  return { iteration: table.iteration, owners: [...table.owners], holders: [...table.holders], orders };
}

test('does not depend on the order in which members are given', (t) => {
  const property = fc.property(
    parametersDrawn,
    membersDrawn,
    fc.nat(),
    fc.func(fc.nat()),
    (parameters, members, mask, rank) => {
      const given = withDead(members, mask);
      const shuffled = [...given].sort((a, b) => rank(a.id) - rank(b.id));
      t.deepEqual(seen(buildTable(parameters, shuffled)), seen(buildTable(parameters, given)));
    },
  );
  fc.assert(property, seeded(t.log));
});

test('keeps each load at the floor or the ceiling of its share, weights and tolerance counted in', (t) => {
  const property = fc.property(parametersDrawn, membersDrawn, (parameters, members) => {
    const table = buildTable(parameters, members);
    const weights = members.reduce((sum, member) => sum + member.weight, 0);
    for (const [index, { weight }] of table.members.entries()) {
      const load = table.owners.filter((owner) => owner === index).length;
      const share = (parameters.slots * weight) / weights;
      t.true(
        load >= Math.floor(share * (1 - parameters.tolerance)) && load <= Math.ceil(share * (1 + parameters.tolerance)),
      );
    }
  });
  fc.assert(property, seeded(t.log));
});

test('differs by at most one slot between any two of up to 256 equal nodes', (t) => {
  for (const count of [1, 2, 3, 5, 7, 13, 31, 100, 200, 256]) {
    const { slotsMin, slotsMax } = balanceOf(
      buildTable({ ...PLAIN, slots: 1_024 }, membersOf({ ids: countTo(count) })),
    );
    t.true(slotsMax - slotsMin <= 1, `${count} nodes own ${slotsMin} to ${slotsMax} slots`);
  }
});

test('lets distinct live nodes hold a slot, the owner first, as many as there are', (t) => {
  const property = fc.property(parametersDrawn, membersDrawn, fc.nat(), (parameters, members, mask) => {
    const table = buildTable(parameters, withDead(members, mask));
    const live = new Set(table.members.filter((member) => member.live).map((member) => member.id));
    for (let slot = 0; slot < parameters.slots; slot++) {
      const holders = table.holdersOf(slot);
      t.is(new Set(holders).size, Math.min(parameters.copies, live.size));
      t.true(holders.every((id) => live.has(id)));
      t.is(holders[0], table.ownerOf(slot));
    }
  });
  fc.assert(property, seeded(t.log));
});

test('spreads the copies of a slot over as many zones as there are while everybody lives', (t) => {
  const property = fc.property(parametersDrawn, membersDrawn, (parameters, members) => {
    const table = buildTable(parameters, members);
    const zones = new Set(members.map((member) => member.zone)).size;
    for (let slot = 0; slot < parameters.slots; slot++) {
      const holders = table.holdersOf(slot);
      t.is(zonesIn(table, holders), Math.min(holders.length, zones));
      if (zones > 1 && holders.length > 1) t.is(zonesIn(table, holders.slice(0, 2)), 2);
    }
  });
  fc.assert(property, seeded(t.log));
});

test('finds a copy in another zone even when that zone is one node of many', (t) => {
  const members = membersOf({ ids: countTo(60), zones: ['east'] }).map((member, index) =>
    index === 33 ? { ...member, zone: 'west' } : member,
  );
  const table = buildTable(PLAIN, members);
  for (let slot = 0; slot < PLAIN.slots; slot++) t.is(zonesIn(table, table.holdersOf(slot).slice(0, 2)), 2);
});

test('reaches a second zone with three copies as long as one lives, whoever has failed', (t) => {
  const property = fc.property(membersDrawn, fc.nat(), (members, mask) => {
    const table = buildTable(PLAIN, withDead(members, mask));
    const live = table.members.filter((member) => member.live);
    if (live.length < 3 || new Set(live.map((member) => member.zone)).size < 2) return;
    for (let slot = 0; slot < PLAIN.slots; slot++) t.true(zonesIn(table, table.holdersOf(slot)) >= 2);
  });
  fc.assert(property, seeded(t.log));
});

test('moves in a crash only the slots of the dead node, each to its first copy', (t) => {
  const property = fc.property(parametersDrawn, membersDrawn, fc.nat(), fc.nat(), (parameters, members, mask, pick) => {
    const before = withDead(members, mask);
    const live = before.filter((member) => member.live);
    const dying = live[pick % Math.max(1, live.length)];
    if (parameters.copies < 2 || live.length < 2 || dying === undefined) return;
    const cache = new ScoreCache();
    const table = buildTable(parameters, before, cache);
    const after = before.map((member) => (member === dying ? { ...member, live: false } : member));
    const next = buildTable(parameters, after, cache);
    for (let slot = 0; slot < parameters.slots; slot++) {
      const [owner, heir] = table.holdersOf(slot);
      t.is(next.ownerOf(slot), owner === dying.id ? heir : owner);
    }
  });
  fc.assert(property, seeded(t.log));
});

test('is restored to the last bit when a dead node returns', (t) => {
  const property = fc.property(parametersDrawn, membersDrawn, fc.nat(), (parameters, members, mask) => {
    const cache = new ScoreCache();
    const before = seen(buildTable(parameters, members, cache));
    buildTable(parameters, withDead(members, mask), cache);
    t.deepEqual(seen(buildTable(parameters, members, cache)), before);
  });
  fc.assert(property, seeded(t.log));
});

test('shows nothing of the history that a cache has been through', (t) => {
  const step = fc.record({
    member: fc.integer({ min: 1, max: 60 }),
    weight: fc.constantFrom(1, 1, 1, 2, 5),
    leaves: fc.boolean(),
  });
  const history = fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 });
  const property = fc.property(parametersDrawn, history, (parameters, batches) => {
    const cache = new ScoreCache();
    const members = new Map<number, TableMember>();
    for (const batch of batches) {
      for (const { member, weight, leaves } of batch) {
        if (leaves) members.delete(member);
        else members.set(member, { id: idOf(member), weight, zone: `${member % 3}`, live: member % 7 !== weight });
      }
      const given = [...members.values()];
      t.deepEqual(seen(buildTable(parameters, given, cache)), seen(buildTable(parameters, given)));
    }
  });
  fc.assert(property, seeded(t.log));
});

test('gives the same table after 200 single joins and leaves as from scratch', (t) => {
  const cache = new ScoreCache();
  const parameters = { ...PLAIN, slots: 512 };
  let ids = countTo(40);
  for (let step = 1; step <= 200; step++) {
    ids = step % 2 === 0 ? ids.slice(1) : [...ids, 1_000 + step];
    buildTable(parameters, membersOf({ ids }), cache);
  }
  t.deepEqual(
    seen(buildTable(parameters, membersOf({ ids }), cache)),
    seen(buildTable(parameters, membersOf({ ids }))),
  );
});

test('keeps old tables valid after the cache has moved on', (t) => {
  const cache = new ScoreCache();
  const members = membersOf({ ids: countTo(30), zones: ['a', 'b'] });
  const table = buildTable(PLAIN, members, cache);
  const before = seen(table);
  for (let count = 1; count <= 29; count++) buildTable(PLAIN, membersOf({ ids: countTo(count) }), cache);
  t.deepEqual(seen(table), before);
});

test('takes owner and heir from the order of all provisioned members', (t) => {
  const property = fc.property(parametersDrawn, membersDrawn, fc.nat(), (parameters, members, mask) => {
    const table = buildTable(parameters, withDead(members, mask));
    const live = new Set(table.members.filter((member) => member.live).map((member) => member.id));
    for (const slot of [0, 3, parameters.slots - 1]) {
      const order = table.orderOf(slot);
      t.is(new Set(order).size, members.length);
      const holders = table.holdersOf(slot).slice(0, 2);
      t.deepEqual(order.filter((id) => live.has(id)).slice(0, holders.length), holders);
    }
  });
  fc.assert(property, seeded(t.log));
});

test('names another iteration for every difference that matters', (t) => {
  const members = membersOf({ ids: [1, 2, 3] });
  const changed = (change: Partial<TableMember>): TableMember[] => [{ ...members[0]!, ...change }, ...members.slice(1)];
  const iterations = [
    buildTable(PLAIN, members),
    buildTable({ ...PLAIN, slots: 512 }, members),
    buildTable({ ...PLAIN, copies: 2 }, members),
    buildTable({ ...PLAIN, tolerance: 0.05 }, members),
    buildTable(PLAIN, members.slice(1)),
    buildTable(PLAIN, changed({ weight: 2 })),
    buildTable(PLAIN, changed({ zone: 'a' })),
    buildTable(PLAIN, changed({ live: false })),
    buildTable(PLAIN, changed({ zone: `|20:${members[1]!.id} 1 0:` })),
  ].map((table) => table.iteration);
  t.is(new Set(iterations).size, iterations.length);
  for (const iteration of iterations) t.regex(iteration, /^[0-9a-f]{16}$/);
});

test('has no owner anywhere when nobody lives or nobody is there', (t) => {
  for (const members of [[], membersOf({ ids: [1, 2], dead: [0, 1] })]) {
    const table = buildTable(PLAIN, members);
    t.true(table.owners.every((owner) => owner === -1) && table.holders.every((holder) => holder === -1));
    t.is(table.ownerOf(0), undefined);
    t.deepEqual(table.holdersOf(0), []);
  }
});

test('refuses parameters and members outside their limits', (t) => {
  const member = membersOf({ ids: [1] })[0]!;
  for (const slots of [0, 8, 1_000, 131_072]) t.throws(() => buildTable({ ...PLAIN, slots }, []), { message: /slots/ });
  for (const copies of [0, 9, 1.5]) t.throws(() => buildTable({ ...PLAIN, copies }, []), { message: /copies/ });
  for (const tolerance of [-0.1, 2, Number.NaN])
    t.throws(() => buildTable({ ...PLAIN, tolerance }, []), { message: /tolerance/ });
  for (const weight of [0, 1.5, 1_001])
    t.throws(() => buildTable(PLAIN, [{ ...member, weight }]), { message: /weight/ });
  t.throws(() => buildTable(PLAIN, [member, member]), { message: /twice/ });
});
