/** Every peer, in the order of the tables; and those that are left out, with the reason. */
import { centrifugo, centrifugoHistory } from './centrifugo.js';
import { faye } from './faye.js';
import { halod, halodSingle } from './halod.js';
import { jetstream, nats } from './nats.js';
import { nchan, nchanHistory } from './nchan.js';
import type { Peer } from './peer.js';
import { rawWs } from './raw-ws.js';
import { socketio, socketioSharded, socketioStreams } from './socketio.js';

export const PEERS: readonly Peer[] = [
  halod,
  halodSingle,
  nats,
  jetstream,
  nchan,
  nchanHistory,
  centrifugo,
  centrifugoHistory,
  socketio,
  socketioSharded,
  socketioStreams,
  faye,
  rawWs,
];

export const LEFT_OUT: Readonly<Record<string, string>> = {
  cometd: 'no adapter: needs Java and the Oort artifacts, neither of which was within reach when this was written',
};
