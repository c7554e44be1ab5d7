/** Every wire by name: the generator's processes are told a name, the adapters say which one is theirs. */
import { bayeuxPublisher, bayeuxReader } from './bayeux.js';
import { centrifugoPublisher, centrifugoReader } from './centrifugo.js';
import { halodReader } from './halod.js';
import { halodPublisher } from './halod-publisher.js';
import { jetstreamPublisher, jetstreamReader } from './jetstream.js';
import { natsPublisher, natsReader } from './nats.js';
import { nchanPublisher, nchanReader } from './nchan.js';
import { rawWsPublisher, rawWsReader } from './raw-ws.js';
import { socketioPublisher, socketioReader } from './socketio.js';
import type { Wire } from './wire.js';

const FAYE = { path: '/bayeux', prefix: '/', answersAtOnce: false } as const;
const COMETD = { path: '/cometd', prefix: '/u/', answersAtOnce: true } as const;

export const WIRES = {
  centrifugo: { reader: centrifugoReader(false), publisher: centrifugoPublisher },
  'centrifugo-history': { reader: centrifugoReader(true), publisher: centrifugoPublisher },
  cometd: { reader: bayeuxReader(COMETD), publisher: bayeuxPublisher(COMETD) },
  faye: { reader: bayeuxReader(FAYE), publisher: bayeuxPublisher(FAYE) },
  halod: { reader: halodReader, publisher: halodPublisher },
  jetstream: { reader: jetstreamReader, publisher: jetstreamPublisher },
  nats: { reader: natsReader, publisher: natsPublisher },
  nchan: { reader: nchanReader(false), publisher: nchanPublisher },
  'nchan-history': { reader: nchanReader(true), publisher: nchanPublisher },
  'raw-ws': { reader: rawWsReader, publisher: rawWsPublisher },
  socketio: { reader: socketioReader(false), publisher: socketioPublisher },
  'socketio-recovery': { reader: socketioReader(true), publisher: socketioPublisher },
} as const satisfies Record<string, Wire>;

export type WireName = keyof typeof WIRES;
