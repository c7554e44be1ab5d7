/**
 * When nothing goes wrong any more, all nodes must hold the same members for what they are and act by one table, which a
 * fresh computation from those members alone gives again, slot by slot; and each owner must know that it is one.
 */
import { buildTable } from '../../core/table/table.js';
import type { Table, TableMember, TableParameters } from '../../core/table/types.js';
import type { NodeProgram } from './node-program.js';
import type { Truth } from './truth.js';

/** Why the nodes do not agree with each other and with the truth; undefined when they do. */
export function disagreement(truth: Truth, parameters: TableParameters): string | undefined {
  const { programs } = truth;
  for (const program of programs) {
    const why = wrongView(program, truth);
    if (why !== undefined) return `host ${program.host} ${why}`;
  }
  const [first] = programs;
  if (first === undefined) return undefined;
  const { table } = first.core.placement;
  for (const other of programs.slice(1)) {
    const difference = differenceOf(table, other.core.placement.table);
    if (difference !== undefined) return `hosts ${first.host} and ${other.host} differ in ${difference}`;
  }
  const again = differenceOf(table, buildTable(parameters, provisioned(first)));
  if (again !== undefined) return `the table is not what its members give: ${again}`;
  return unserved(table, truth);
}

/** Members that count for the table, by what their newest records say. */
export function provisioned({ core }: NodeProgram): TableMember[] {
  return core.membership
    .members()
    .filter(({ record }) => record.state === 'alive' || record.state === 'draining')
    .map(({ id, record, state }) => ({ id, weight: record.weight, zone: record.zone, live: state !== 'failed' }));
}

function wrongView({ core }: NodeProgram, truth: Truth): string | undefined {
  if (core.state !== 'serving') return `is ${core.state}`;
  let live = 0;
  for (const { id, state, record } of core.membership.members()) {
    const host = truth.hostOf(id);
    const other = truth.running(host);
    const isDead = state === 'failed' || state === 'left';
    if (other === undefined && !isDead) return `holds host ${host} for ${state}, but it does not run`;
    if (other === undefined) continue;
    if (state !== 'alive') return `holds host ${host} for ${state}, but it runs`;
    if (record.boot !== other.boot) return `holds another boot of host ${host}`;
    live++;
  }
  return live === truth.programs.length ? undefined : `sees ${live} of ${truth.programs.length}`;
}

function differenceOf(a: Table, b: Table): string | undefined {
  const members = (table: Table) => table.members.map((m) => `${m.id} ${m.weight} ${m.zone} ${m.live}`).join();
  if (members(a) !== members(b)) return 'the members of the table';
  if (a.iteration !== b.iteration) return 'the iteration';
  for (let i = 0; i < a.owners.length; i++) if (a.owners[i] !== b.owners[i]) return `the owner of slot ${i}`;
  for (let i = 0; i < a.holders.length; i++) {
    if (a.holders[i] !== b.holders[i]) return `the holders of slot ${Math.floor(i / a.parameters.copies)}`;
  }
  return undefined;
}

function unserved(table: Table, truth: Truth): string | undefined {
  for (let slot = 0; slot < table.owners.length; slot++) {
    const number = slot as Parameters<Table['ownerOf']>[0];
    const owner = table.ownerOf(number);
    if (owner === undefined) return `slot ${slot} has no owner`;
    for (const { id, host, core } of truth.programs) {
      if (core.channels.serves(number) !== (id === owner))
        return `host ${host} ${id === owner ? 'owns slot and does not serve' : 'serves without owning'} slot ${slot}`;
    }
  }
  return undefined;
}
