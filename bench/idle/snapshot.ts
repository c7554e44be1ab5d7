/**
 * V8's heap snapshots, counted by kind of object. An object of a class is of the kind of its class. What has no class of its
 * own (arrays, strings, maps, closures, contexts) is part of what keeps it: the nearest object of a class on the shortest way
 * from the root, and the field of it that the way begins with. Weak references keep nothing.
 */

export interface Kind {
  /** The class that it is or belongs to; '' where no object of a class keeps it. */
  readonly owner: string;
  /** The field of its owner that it is in; '' for the owner itself. */
  readonly field: string;
  /** What it is itself. */
  readonly what: string;
  /** Its bytes are not in V8's heap: the snapshot only knows of them. */
  readonly isNative: boolean;
  count: number;
  bytes: number;
}

export type Kinds = Map<string, Kind>;

interface SnapshotFile {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
      readonly edge_fields: readonly string[];
      readonly edge_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly strings: readonly string[];
}

/** Classes of the language, whose objects say nothing without their owner. */
const PLAIN =
  /^(?:Object|Array|Map|Set|WeakMap|WeakRef|Promise|ArrayBuffer|Uint8Array|Buffer|FastBuffer|system \/ .*)$/;

const WORDS: Readonly<Record<string, string>> = { array: 'elements', closure: 'function', hidden: 'properties' };

export class Snapshot {
  readonly #file: SnapshotFile;
  readonly #width: number;
  readonly #types: readonly string[];
  readonly #at: { readonly type: number; readonly name: number; readonly size: number; readonly edges: number };
  /** By node: the node that keeps it and the edge it does so by, as places in the arrays of the file; -1 for none. */
  readonly #keeper: Int32Array;
  readonly #by: Int32Array;

  constructor(text: string) {
    const file = JSON.parse(text) as SnapshotFile;
    const { node_fields: fields, node_types: types } = file.snapshot.meta;
    this.#file = file;
    this.#width = fields.length;
    this.#types = types[0];
    this.#at = {
      type: fields.indexOf('type'),
      name: fields.indexOf('name'),
      size: fields.indexOf('self_size'),
      edges: fields.indexOf('edge_count'),
    };
    const count = file.nodes.length / this.#width;
    this.#keeper = new Int32Array(count).fill(-1);
    this.#by = new Int32Array(count).fill(-1);
    this.#walk(count);
  }

  kinds(): Kinds {
    const kinds: Kinds = new Map();
    const { nodes } = this.#file;
    for (let node = 0; node * this.#width < nodes.length; node++) {
      const bytes = this.#size(node);
      if (bytes === 0) continue;
      const [owner, field] = this.#placeOf(node);
      const what = this.#what(node);
      const kind: Kind = { owner, field, what, isNative: this.#isNative(node), count: 1, bytes };
      const key = keyOf(kind);
      const known = kinds.get(key);
      if (known === undefined) kinds.set(key, kind);
      else {
        known.count++;
        known.bytes += bytes;
      }
    }
    return kinds;
  }

  /** From the root outwards, nearest first. */
  #walk(count: number): void {
    const { nodes, edges, snapshot } = this.#file;
    const { edge_fields: fields, edge_types: types } = snapshot.meta;
    const weak = types[0].indexOf('weak');
    const typeAt = fields.indexOf('type');
    const targetAt = fields.indexOf('to_node');
    const firstEdge = new Int32Array(count + 1);
    for (let node = 0; node < count; node++)
      firstEdge[node + 1] = firstEdge[node]! + nodes[node * this.#width + this.#at.edges]! * fields.length;
    const queue = new Int32Array(count);
    const seen = new Uint8Array(count);
    seen[0] = 1;
    for (let at = 0, length = 1; at < length; at++) {
      const node = queue[at]!;
      for (let edge = firstEdge[node]!; edge < firstEdge[node + 1]!; edge += fields.length) {
        const target = edges[edge + targetAt]! / this.#width;
        if (seen[target] === 1 || edges[edge + typeAt] === weak) continue;
        seen[target] = 1;
        this.#keeper[target] = node;
        this.#by[target] = edge;
        queue[length++] = target;
      }
    }
  }

  #type(node: number): string {
    return this.#types[this.#file.nodes[node * this.#width + this.#at.type]!]!;
  }

  #name(node: number): string {
    return this.#file.strings[this.#file.nodes[node * this.#width + this.#at.name]!]!;
  }

  /** What Node says of memory of its own; V8's synthetic nodes take none. */
  #isNative(node: number): boolean {
    const type = this.#type(node);
    return type === 'native' || (type === 'synthetic' && this.#size(node) > 0);
  }

  #size(node: number): number {
    return this.#file.nodes[node * this.#width + this.#at.size]!;
  }

  #hasClass(node: number): boolean {
    return this.#type(node) === 'object' ? !PLAIN.test(this.#name(node)) : this.#type(node) === 'native';
  }

  #placeOf(node: number): [owner: string, field: string] {
    let field = '';
    for (let at = node; ; at = this.#keeper[at]!) {
      if (this.#hasClass(at) || this.#isNative(at)) return [this.#name(at), field];
      if (this.#keeper[at]! < 0) return ['', ''];
      field = this.#field(this.#by[at]!);
    }
  }

  #what(node: number): string {
    const type = this.#type(node);
    if (type === 'object') return this.#name(node).replace('system / ', '');
    return WORDS[type] ?? type;
  }

  #field(edge: number): string {
    const { edges, strings, snapshot } = this.#file;
    const { edge_fields: fields, edge_types: types } = snapshot.meta;
    const type = types[0][edges[edge + fields.indexOf('type')]!]!;
    if (type === 'element' || type === 'hidden') return '[]';
    return strings[edges[edge + fields.indexOf('name_or_index')]!]!;
  }
}

function keyOf({ owner, field, what }: Kind): string {
  return `${owner}\n${field}\n${what}`;
}

/** What `after` has more than `before`, for each of `count` connections. */
export function difference(before: Kinds, after: Kinds, count: number): Kind[] {
  const kinds: Kind[] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(key), after.get(key)];
    kinds.push({
      ...(is ?? was)!,
      count: ((is?.count ?? 0) - (was?.count ?? 0)) / count,
      bytes: ((is?.bytes ?? 0) - (was?.bytes ?? 0)) / count,
    });
  }
  return kinds;
}
