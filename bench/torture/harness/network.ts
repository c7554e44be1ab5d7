/**
 * Where the processes of a run stand and who reaches whom. Each node has a place of its own; clients stand in places
 * too, or in the open, from where every node is reached unless it is cut off from all. A cut is silent, as a cable that
 * is pulled: bytes vanish, nobody is told.
 */

export interface Place {
  readonly name: string;
  /** Goes before the command of a process that is to run here. */
  readonly prefix: readonly string[];
  /** Options of `halod start` that make a node listen here. */
  readonly options: readonly string[];
}

export interface Network {
  readonly kind: 'namespaces' | 'proxy' | 'loopback';
  /** False: processes share one network and nothing can be cut. */
  readonly canCut: boolean;
  addNode(name: string): Promise<Place>;
  /** A place for clients; where the network has none, clients stand in the open. */
  addClients(name: string): Promise<Place>;
  /** To be called when the node at the place serves, and again after each restart. */
  nodeStarted(place: Place, pid: number): void;
  /** Nothing passes between the two any more, in either direction. */
  cut(a: Place, b: Place): void;
  /** Nothing from `from` arrives at `to` any more. */
  cutOneWay(from: Place, to: Place): void;
  heal(): void;
  close(): Promise<void>;
}

/** All on 127.0.0.1 with ports of their own: no cuts. */
export class LoopbackNetwork implements Network {
  readonly kind = 'loopback';
  readonly canCut = false;

  async addNode(name: string): Promise<Place> {
    return { name, prefix: [], options: ['--host', '127.0.0.1', '--port', '0'] };
  }

  async addClients(name: string): Promise<Place> {
    return { name, prefix: [], options: [] };
  }

  nodeStarted(): void {}

  cut(): void {
    throw new Error('this network cannot be cut');
  }

  cutOneWay(): void {
    throw new Error('this network cannot be cut');
  }

  heal(): void {}

  async close(): Promise<void> {}
}
