/**
 * Faults as data: what goes wrong, where, when and for how long. A run is a seed and a list of these, so a failing run is
 * made smaller by leaving some out. Hosts are numbers.
 */
export type Fault = { readonly at: number } & (
  | { readonly kind: 'kill'; readonly host: number }
  /** The machine vanishes: nothing is closed, nothing refused. */
  | { readonly kind: 'silence'; readonly host: number }
  | { readonly kind: 'restart'; readonly host: number; readonly memory: boolean }
  /** Timers and inbox stand still, then everything fires at once, timers first. */
  | { readonly kind: 'stall'; readonly host: number; readonly forMs: number }
  /** Nothing gets from `from` to `to`. */
  | {
      readonly kind: 'cut';
      readonly from: readonly number[];
      readonly to: readonly number[];
      readonly forMs: number;
    }
  /** Hosts in different groups cannot reach each other; hosts in no group reach everyone. */
  | { readonly kind: 'partition'; readonly groups: readonly (readonly number[])[]; readonly forMs: number }
  | { readonly kind: 'loss'; readonly host: number; readonly in: number; readonly out: number; readonly forMs: number }
  /** What is sent from `from` to `to` arrives only when the clog is over. */
  | { readonly kind: 'clog'; readonly from: number; readonly to: number; readonly forMs: number }
  /** Messages of the host stand still both ways while its timers go on; then all of them go through. */
  | { readonly kind: 'muffle'; readonly host: number; readonly forMs: number }
  | { readonly kind: 'duplicate'; readonly share: number; readonly forMs: number }
  | { readonly kind: 'delay'; readonly host: number; readonly addMs: number; readonly forMs: number }
  /** The link between the two is closed, as by a proxy that restarts. */
  | { readonly kind: 'break'; readonly a: number; readonly b: number }
  /** The host's clock of dates is wrong from now on; a restart sees it. */
  | { readonly kind: 'skew'; readonly host: number; readonly ms: number }
  /** A command to the program on the host, whatever it means there: `leave`, `drain`. */
  | { readonly kind: 'command'; readonly host: number; readonly command: string }
);

/** Done as soon as a message of this type was sent for the n-th time, from the host that sent it. */
export interface Trigger {
  readonly on: string;
  readonly nth: number;
  /** Counted from this time on. */
  readonly after?: number;
  readonly do: 'kill' | 'silence' | 'stall';
  readonly forMs?: number;
}

export type FaultKind = Fault['kind'];

/** When the fault is over; the same as `at` where it has no duration. */
export function endOf(fault: Fault): number {
  return 'forMs' in fault ? fault.at + fault.forMs : fault.at;
}

export function describeFault(fault: Fault): string {
  const { at, kind, ...rest } = fault;
  return `${(at / 1000).toFixed(3)}s ${kind} ${JSON.stringify(rest)}`;
}
