/** Every peer, in the order of the tables. */
import { centrifugo, centrifugoHistory } from './centrifugo.js';
import { cometd } from './cometd.js';
import { faye } from './faye.js';
import { halod, halodOnDisk, halodSingle } from './halod.js';
import { jetstream, nats } from './nats.js';
import { nchan, nchanHistory } from './nchan.js';
import type { Peer } from './peer.js';
import { rawWs } from './raw-ws.js';
import { socketio, socketioSharded, socketioStreams } from './socketio.js';

export const PEERS: readonly Peer[] = [
  halod,
  halodSingle,
  halodOnDisk,
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
  cometd,
  rawWs,
];
