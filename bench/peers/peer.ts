/**
 * What a peer is to the benchmark: how to see whether it can run here, how to start it as a cluster of n nodes on
 * loopback, which wire its clients speak, and what it promises. Everything that was configured is said in `configuration`,
 * which is printed with the results.
 */
import type { ServerProcess } from '../harness/processes.js';
import type { WireName } from './wires/registry.js';
import type { Endpoint } from './wires/wire.js';

export type Availability =
  | { readonly isAvailable: true; readonly versions: Readonly<Record<string, string>> }
  | { readonly isAvailable: false; readonly why: string; readonly install?: string };

export interface StartedCluster {
  /** By node. */
  readonly endpoints: readonly Endpoint[];
  /** By node; `brokers` are what the nodes share. */
  readonly nodes: readonly ServerProcess[];
  readonly brokers: readonly ServerProcess[];
}

export interface Peer {
  readonly name: string;
  readonly title: string;
  readonly guarantee: string;
  readonly configuration: string;
  readonly wire: WireName;
  readonly isClustered: boolean;
  /** A reader that comes back gets what it missed. */
  readonly recovers: boolean;
  /** What its compiler needs before figures mean something, where that is longer than the workloads' own warming up. */
  readonly warmMs?: number;
  check(root: string): Availability;
  start(nodes: number, directory: string, root: string): Promise<StartedCluster>;
}

export function aptMissing(what: string, packages: string): Availability {
  return { isAvailable: false, why: `${what} is not installed`, install: `apt-get install ${packages}` };
}
