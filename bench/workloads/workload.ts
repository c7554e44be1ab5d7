/**
 * What a workload is: for one peer, a number of nodes and one run, it does its work and returns figures. It never decides
 * what is good; columns say how a figure is called and which way is better.
 */
import type { CheckCounts } from '../harness/checker.js';
import type { Peer } from '../peers/peer.js';

export interface WorkloadOptions {
  readonly seconds: number;
  readonly users: number;
  readonly payloadBytes: number;
  readonly logs: readonly string[];
  readonly root: string;
  /** Says what is going on, in a word or two. */
  progress(text: string): void;
}

export interface Column {
  readonly key: string;
  readonly title: string;
  readonly better?: 'less' | 'more';
}

export type Figures = Readonly<Record<string, number>>;

export interface RunResult {
  readonly figures: Figures;
  /** What must be 0 in a run that is quoted; loss is a figure where the peer promises nothing. */
  readonly checks: Omit<CheckCounts, 'delivered'> & { readonly lost: number };
  readonly faults: readonly string[];
}

/** One way to run it: three nodes at one rate, say. */
export interface Variant {
  /** Printed; '' where there is only one. */
  readonly name: string;
  readonly nodes: number;
  readonly rate?: number;
}

export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly variants: readonly Variant[];
  readonly columns: readonly Column[];
  /** Column of the chart, and the one beside it. */
  readonly charts: readonly string[];
  fits(peer: Peer, variant: Variant): boolean;
  run(peer: Peer, variant: Variant, options: WorkloadOptions): Promise<RunResult>;
}
