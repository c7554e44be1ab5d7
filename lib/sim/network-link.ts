/** A link between two processes: FIFO each way, with its state at either end. What is on its way is the wires' matter. */
import type { Process } from './world.js';

export class End {
  readonly process: Process;
  /** The program has been told that the link is up, and not that it is down. */
  open = false;
  /** FIFO: nothing arrives here before this. */
  lastArrival = 0;
  /** Messages on their way here that a cut wire holds back, and since when. */
  held: (() => void)[] = [];
  heldSince = 0;
  /** The opposite end died: what it sent from then on never left. */
  lostSince = Number.POSITIVE_INFINITY;

  constructor(process: Process) {
    this.process = process;
  }
}

export class Link {
  readonly dialer: End;
  readonly acceptor: End;
  usedAt = 0;
  /** One end has ended it: whatever comes next between the two is another link. */
  dead = false;

  constructor(dialer: Process, acceptor: Process) {
    this.dialer = new End(dialer);
    this.acceptor = new End(acceptor);
  }

  /** The end at `process`. */
  at(process: Process): End {
    return this.dialer.process === process ? this.dialer : this.acceptor;
  }

  opposite(process: Process): End {
    return this.dialer.process === process ? this.acceptor : this.dialer;
  }
}

export interface Dial {
  readonly waiting: unknown[];
}

/** A process's side of the network. */
export interface Attachment {
  readonly links: Map<string, Link>;
  readonly dials: Map<string, Dial>;
}
