import test, { type ExecutionContext } from 'ava';
import { type Identity, loadIdentity } from '../../lib/node/identity.js';
import { Handshake, type Self } from '../../lib/node/links/handshake.js';
import { stretchSecret } from '../../lib/node/links/seal.js';
import {
  compareTerms,
  decodeIntroduction,
  encodeHello,
  encodeIntroduction,
  HandshakeError,
  refusalReason,
} from '../../lib/wire/handshake.js';

const TERMS = { cluster: 'c', slots: 64, copies: 3, acks: 2, table: 1 };

async function self(fields: Partial<Self> & { readonly secretText?: string } = {}): Promise<Self> {
  const identity: Identity = fields.identity ?? (await loadIdentity({ data: '', keyFile: '' }));
  const secret = stretchSecret(fields.secretText ?? '', 'c');
  return { identity, terms: TERMS, url: 'http://127.0.0.1:1', secret, sealed: true, ...fields };
}

function bytesOf(step: { readonly type: string; readonly bytes?: Uint8Array }): Uint8Array {
  if (step.bytes === undefined) throw new Error(`${step.type} has no bytes`);
  return step.bytes;
}

/** Runs a handshake to its end; returns all messages as they went over the wire. */
function meet(dialer: Handshake, listener: Handshake): Uint8Array[] {
  const messages = [dialer.hello];
  messages.push(bytesOf(listener.receive(messages[0]!)));
  messages.push(bytesOf(dialer.receive(messages[1]!)));
  messages.push(bytesOf(listener.receive(messages[2]!)));
  dialer.receive(messages[3]!);
  messages.push(dialer.go());
  listener.receive(messages[4]!);
  return messages;
}

function refused(t: ExecutionContext, act: () => void, code: string): void {
  const error = t.throws(act, { instanceOf: HandshakeError });
  t.is(error?.refusal.code, code as never);
}

test('two nodes learn who the other is, and what they seal opens once and in order', async (t) => {
  const [a, b] = [await self({ secretText: 's' }), await self({ secretText: 's' })];
  const dialer = new Handshake('dialer', a);
  const listener = new Handshake('listener', b);
  const hello = bytesOf(listener.receive(dialer.hello));
  const met = listener.receive(bytesOf(dialer.receive(hello)));
  t.is(met.type === 'met' && met.peer.id, a.identity.id);
  t.is(met.type === 'met' && met.peer.boot, a.identity.boot);
  const known = dialer.receive(bytesOf(met));
  t.is(known.type === 'known' && known.peer.id, b.identity.id);
  t.is(listener.receive(dialer.go()).type, 'go');
  const sealed = [Buffer.from('one'), Buffer.from('two')].map((bytes) => dialer.seal.seal(bytes));
  t.is(Buffer.from(listener.seal.open(sealed[0]!)!).toString(), 'one');
  t.is(listener.seal.open(sealed[0]!), null, 'a frame that is repeated does not open');
  const back = listener.seal.seal(Buffer.from('back'));
  back[0]! ^= 1;
  t.is(dialer.seal.open(back), null, 'a frame that was changed does not open');
});

for (const [what, own, theirs] of [
  ['no secret', '', 's'],
  ['another secret', 'x', 's'],
  ['a secret that the other has not', 's', ''],
] as const) {
  test(`a dialer with ${what} gets nothing but a refusal, and learns nothing`, async (t) => {
    const dialer = new Handshake('dialer', await self({ secretText: own }));
    const listener = new Handshake('listener', await self({ secretText: theirs }));
    const hello = bytesOf(listener.receive(dialer.hello));
    t.is(hello.length, dialer.hello.length, 'a nonce and a key, nothing of the node');
    const introduction = bytesOf(dialer.receive(hello));
    refused(t, () => listener.receive(introduction), 'secret');
  });
}

test('a recorded handshake is worth nothing', async (t) => {
  const [a, b] = [await self({ secretText: 's' }), await self({ secretText: 's' })];
  const recorded = meet(new Handshake('dialer', a), new Handshake('listener', b));
  const listener = new Handshake('listener', b);
  listener.receive(recorded[0]!);
  refused(t, () => listener.receive(recorded[2]!), 'secret');
  const dialer = new Handshake('dialer', a);
  dialer.receive(recorded[1]!);
  refused(t, () => dialer.receive(recorded[3]!), 'secret');
});

test('a recorded handshake is worth nothing without a secret either', async (t) => {
  const [a, b] = [await self(), await self()];
  const recorded = meet(new Handshake('dialer', a), new Handshake('listener', b));
  const listener = new Handshake('listener', b);
  listener.receive(recorded[0]!);
  t.throws(() => listener.receive(recorded[2]!), { instanceOf: HandshakeError });
});

test("a listener's messages cannot be shown back to it", async (t) => {
  const a = await self();
  const listener = new Handshake('listener', a);
  const hello = bytesOf(listener.receive(new Handshake('dialer', a).hello));
  t.throws(() => listener.receive(hello), { instanceOf: HandshakeError });
});

test('a message that is changed in any byte ends the handshake', async (t) => {
  const [a, b] = [await self(), await self()];
  for (const at of [0, 40, 100, 150]) {
    const dialer = new Handshake('dialer', a);
    const listener = new Handshake('listener', b);
    const introduction = Buffer.from(bytesOf(dialer.receive(bytesOf(listener.receive(dialer.hello)))));
    introduction[at % introduction.length]! ^= 1;
    t.throws(() => listener.receive(introduction), { instanceOf: HandshakeError });
  }
});

test('a node cannot sign in with the key of another', async (t) => {
  const [a, b] = [await self(), await self()];
  const thief: Identity = { ...a.identity, publicKey: b.identity.publicKey };
  const dialer = new Handshake('dialer', await self({ identity: thief }));
  const listener = new Handshake('listener', b);
  const introduction = bytesOf(dialer.receive(bytesOf(listener.receive(dialer.hello))));
  refused(t, () => listener.receive(introduction), 'protocol');
});

for (const [name, value] of [
  ['cluster', 'other'],
  ['slots', 128],
  ['copies', 2],
  ['acks', 1],
  ['table', 2],
] as const) {
  test(`a node whose ${name} differs is told so`, async (t) => {
    const dialer = new Handshake('dialer', await self({ terms: { ...TERMS, [name]: value } }));
    const listener = new Handshake('listener', await self());
    const introduction = bytesOf(dialer.receive(bytesOf(listener.receive(dialer.hello))));
    const error = t.throws(() => listener.receive(introduction), { instanceOf: HandshakeError });
    t.is(error?.refusal.code, 'differs');
    t.true(error?.refusal.text.includes(String(value)));
    t.is(compareTerms(TERMS, TERMS), null);
  });
}

test('what is no handshake is no handshake', async (t) => {
  const own = await self();
  const garbage = [
    new Uint8Array(0),
    new Uint8Array(10),
    new Uint8Array(77),
    Buffer.alloc(4_097),
    Buffer.from('GET / HTTP/1.1'),
  ];
  for (const bytes of garbage) {
    refused(t, () => new Handshake('listener', own).receive(bytes), 'protocol');
    const met = new Handshake('listener', own);
    met.receive(new Handshake('dialer', own).hello);
    t.throws(() => met.receive(bytes), { instanceOf: HandshakeError });
  }
  const weak = encodeHello({ nonce: new Uint8Array(32), ephemeral: new Uint8Array(32) });
  refused(t, () => new Handshake('listener', own).receive(weak), 'protocol');
});

test('an introduction is checked field by field', (t) => {
  const introduction = { ...TERMS, key: new Uint8Array(32).fill(7), boot: 5, url: 'http://h:1' };
  const text = new TextDecoder().decode(encodeIntroduction(introduction));
  t.deepEqual(decodeIntroduction(encodeIntroduction(introduction)), introduction);
  const value = JSON.parse(text) as unknown[];
  for (let i = 0; i < value.length; i++) {
    for (const wrong of [null, -1, 1.5, {}, 'x'.repeat(300), [1]]) {
      const changed = value.map((field, at) => (at === i ? wrong : field));
      t.throws(() => decodeIntroduction(new TextEncoder().encode(JSON.stringify(changed))), {
        instanceOf: HandshakeError,
      });
    }
  }
  t.throws(() => decodeIntroduction(Buffer.from('[')), { instanceOf: HandshakeError });
  t.throws(() => decodeIntroduction(Buffer.from([0xff])), { instanceOf: HandshakeError });
});

test('a reason fits into a close frame whatever it says', (t) => {
  t.true(Buffer.byteLength(refusalReason({ code: 'differs', text: 'ü'.repeat(500) })) <= 123);
});
