import test from 'ava';
import { claim, Identity, Lone } from './harness.js';

/** Lets a node meet `peer`, then hear what is made of it; says that nothing changed and the sender was refused. */
test('admits a genuine record and tells it on', (t) => {
  const node = new Lone();
  const peer = new Identity();
  node.hear(peer, [peer.record()]);
  t.is(node.stateOf(peer), 'alive');
  t.deepEqual(node.refused, []);
});

for (const [name, forge] of Object.entries({
  'whose fields were changed': (peer: Identity) => ({ ...peer.record(), url: 'http://elsewhere' }),
  'whose incarnation was raised': (peer: Identity) => ({ ...peer.record(), incarnation: 9 }),
  'whose boot was raised': (peer: Identity) => ({ ...peer.record(), boot: 9_999 }),
  'whose state was changed': (peer: Identity) => ({ ...peer.record(), state: 'left' as const }),
  'whose key is not that of its id': (peer: Identity, other: Identity) => ({ ...other.record(), id: peer.id }),
  'signed by another': (peer: Identity, other: Identity) => ({ ...peer.record(), signature: other.record().signature }),
  'of another cluster': (peer: Identity) => peer.record({}, 'elsewhere'),
  'with an empty signature': (peer: Identity) => ({ ...peer.record(), signature: new Uint8Array(64) }),
})) {
  test(`a record ${name} is refused before it changes anything`, (t) => {
    const node = new Lone();
    const peer = new Identity();
    const sender = new Identity();
    node.hear(sender, [sender.record()]);
    const before = node.membership.digest();
    node.hear(sender, [forge(peer, sender)]);
    t.is(node.stateOf(peer), undefined);
    t.is(node.membership.digest(), before);
    t.deepEqual(node.refused, [sender.id]);
  });

  test(`a known member's record ${name} is refused too`, (t) => {
    const node = new Lone();
    const peer = new Identity();
    const sender = new Identity();
    node.hear(peer, [peer.record({ boot: 500 }), sender.record()]);
    const before = node.membership.digest();
    node.hear(sender, [forge(peer, sender)]);
    t.is(node.membership.digest(), before);
    t.is(node.membership.get(peer.id)?.record.boot, 500);
  });
}

test('an outdated record changes nothing, genuine as it is', (t) => {
  const node = new Lone();
  const peer = new Identity();
  const old = peer.record({ incarnation: 1, state: 'joining' });
  node.hear(peer, [peer.record({ incarnation: 2 })]);
  const before = node.membership.digest();
  node.hear(peer, [old]);
  node.hear(peer, [peer.record({ boot: 999, incarnation: 100 })]);
  t.is(node.membership.digest(), before);
  t.is(node.stateOf(peer), 'alive');
});

test('an accusation of someone unknown makes no member', (t) => {
  const node = new Lone();
  const peer = new Identity();
  for (const kind of ['suspect', 'refused', 'failed', 'forgotten'] as const)
    node.hear(peer, [], [claim(kind, peer.record(), peer)]);
  t.is(node.membership.members().length, 1);
});

test('an accusation of an incarnation that the subject has not signed removes nobody: its record is asked for', (t) => {
  const node = new Lone();
  const peer = new Identity();
  const sender = new Identity();
  node.hear(sender, [sender.record(), peer.record()]);
  node.hear(sender, [], [claim('failed', peer.record({ incarnation: 4_000_000_000 }), sender)]);
  t.is(node.stateOf(peer), 'alive');
  t.deepEqual(node.sentTo(sender).at(-1), { type: 'want', ids: [peer.id] });
});

test('an accusation of itself in a version that it never had moves neither its incarnation nor its boot', (t) => {
  const node = new Lone();
  const sender = new Identity();
  node.hear(sender, [sender.record()]);
  const own = node.membership.self;
  node.hear(sender, [], [claim('failed', { ...own, incarnation: 4_294_967_295 }, sender)]);
  node.hear(sender, [], [claim('forgotten', { ...own, boot: 9_999_999 }, sender)]);
  t.is(node.membership.self, own);
  t.is(node.supersededBy, undefined);
});

test('one node alone cannot remove another: the accused has the whole suspicion to answer', (t) => {
  const node = new Lone();
  const [peer, liar, third] = [new Identity(), new Identity(), new Identity()];
  node.hear(liar, [liar.record(), peer.record(), third.record()]);
  node.hear(liar, [], [claim('failed', peer.record(), liar)]);
  t.is(node.stateOf(peer), 'suspect');
  node.hear(peer, [peer.record({ incarnation: 1 })]);
  t.is(node.stateOf(peer), 'alive');
});

test('a refused connection is no verdict before a second node says the same', (t) => {
  const node = new Lone();
  const [peer, other, third] = [new Identity(), new Identity(), new Identity()];
  node.hear(other, [peer.record(), other.record(), third.record()]);
  node.membership.onLinkDown(peer.id, 'refused', node.now);
  t.is(node.stateOf(peer), 'suspect');
  node.hear(other, [], [claim('refused', peer.record(), other)]);
  t.is(node.stateOf(peer), 'failed');
});

test("another process's later boot is believed only with its signature", (t) => {
  const node = new Lone();
  const sender = new Identity();
  node.hear(sender, [{ ...node.membership.self, boot: 2_000 }]);
  t.is(node.supersededBy, undefined);
  t.deepEqual(node.refused, [] as never[], 'nothing to hold against who merely repeats it');
  node.hear(sender, [node.identity.record({ boot: 2_000 })]);
  t.is(node.supersededBy, 2_000);
});
