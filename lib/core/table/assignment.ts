/** What the transport is asked, and what it answers: which node owns which slot. */

export interface TransportInput {
  readonly slots: number;
  /** Candidates of slot s: entries s·stride … s·stride+depth−1 of `nodes` and `costs`, cheapest first. */
  readonly stride: number;
  readonly depth: number;
  readonly nodes: Int16Array;
  readonly costs: Float64Array;
  readonly bounds: LoadBounds;
}

/** What each node may own, and must. */
export interface LoadBounds {
  /** Floor and ceiling of the wished range below. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** The exact share, less and more the tolerance. */
  readonly wishedLow: Float64Array;
  readonly wishedHigh: Float64Array;
  /** By how much a price changes for each slot too many. */
  readonly priceSteps: Float64Array;
}

export interface Assignment {
  readonly owners: Int16Array;
  readonly prices: Float64Array;
}
