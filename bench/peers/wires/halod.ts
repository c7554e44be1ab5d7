/**
 * Readers of halod, subprotocol `halod.v1.json`, one object a frame: they follow redirects and moves, and resume from the
 * position that the last message carried.
 */
import type { ReaderWireFactory } from './wire.js';

export const SUBPROTOCOL = 'halod.v1.json';
const POSITION = Buffer.from('"position":"', 'latin1');

/** `{"type":"message"…`: the only type that starts with these two letters. */
function isMessage(data: Buffer, start: number): boolean {
  return data[start] === 0x7b && data[start + 9] === 0x6d && data[start + 10] === 0x65;
}

interface Control {
  readonly type: string;
  readonly channel?: string;
  readonly url?: string;
  readonly position?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

export const halodReader: ReaderWireFactory = (link) => {
  const user = link.kind === 'own' ? link.channel : `r${link.reader}`;
  const channel = link.kind === 'own' ? `@${link.channel}` : link.channel;
  let position = '';

  function control(message: Control): void {
    if (message.type === 'connected') {
      if (link.kind === 'shared')
        link.send(JSON.stringify({ type: 'subscribe', channel, after: position === '' ? 'now' : position }));
    } else if (message.type === 'redirect' || message.type === 'move') {
      const url = new URL(message.url!);
      link.redirect(url.hostname, Number(url.port));
    } else if (message.type === 'subscribed' && message.channel === channel) {
      if (position === '') position = message.position!;
      link.ready();
    } else if (message.type === 'position' && message.channel === channel) position = message.position!;
    else if (message.type === 'gap') {
      position = message.position!;
      link.fault(JSON.stringify(message));
    } else if (message.type === 'error') link.fault(JSON.stringify(message));
  }

  return {
    upgrade() {
      const after = link.kind === 'own' && position !== '' ? `&after=${encodeURIComponent(position)}` : '';
      return { path: `/v1/ws?user=${user}${after}`, protocol: SUBPROTOCOL };
    },
    opened: () => {},
    message(data, start, end) {
      const frame = data.subarray(start, end);
      if (isMessage(data, start)) {
        link.deliver(data, start, end);
        const at = frame.lastIndexOf(POSITION);
        if (at >= 0)
          position = frame.toString('latin1', at + POSITION.length, frame.indexOf(0x22, at + POSITION.length));
        return;
      }
      control(JSON.parse(frame.toString('utf8')) as Control);
    },
    closed: () => {},
  };
};
