/** Random faults over a ring of nodes with publishers and readers, then calm, then the verdict. */
import type { NodeId } from '../../lib/wire/ids.js';
import { Ring, type RingOptions, TestPublisher, TestReader } from './ring.js';

export interface StormOptions extends RingOptions {
  readonly kind: 'quiet' | 'noisy' | 'triggered';
  readonly stormMs: number;
  /** Gaps are expected: history is short. */
  readonly shortHistory?: boolean;
}

export interface Outcome {
  readonly violations: string[];
  readonly acked: number;
  readonly delivered: number;
  readonly faults: number;
  readonly gaps: number;
  readonly stats: Record<string, number>;
}

export function storm(options: StormOptions): Outcome {
  const ring = new Ring(options);
  const channels = ['a', 'b', '@alice', 'room:7'];
  const publishers = channels.flatMap((channel) => [
    new TestPublisher(ring, channel),
    new TestPublisher(ring, channel),
  ]);
  const readers = channels.flatMap((channel) => [new TestReader(ring, channel), new TestReader(ring, channel)]);
  let calm = false;
  let faults = 0;
  let quietSince = ring.now;
  const restart = (id: NodeId, ms: number) =>
    ring.after(ms, () => {
      if (ring.process(id) === undefined) ring.start(id);
    });
  const kill = (id: NodeId | undefined) => {
    // one at a time, and only after everything had time to be repaired
    if (id === undefined || ring.now - quietSince < 4_000 || ring.alive().length < ring.ids.length) return;
    faults++;
    quietSince = ring.now;
    ring.kill(id);
    restart(id, ring.random.below(2) === 0 ? 20 + ring.random.below(200) : 1_000 + ring.random.below(2_000));
  };
  const ownerOf = (channel: string): NodeId | undefined => {
    const some = ring.alive()[0];
    return some?.table.ownerOf(some.table.slotOf(channel));
  };
  if (options.kind === 'triggered') {
    ring.onAck = (publisher) => {
      if (!calm && ring.random.next() < 0.05) kill(ownerOf(publisher.channel));
    };
    ring.onAppend = (owner) => {
      if (!calm && ring.random.next() < 0.02) ring.after(ring.random.below(3), () => kill(owner.id));
    };
  }
  const publish = () => {
    for (const publisher of publishers) publisher.step(4);
    ring.after(20 + ring.random.below(30), publish);
  };
  const read = () => {
    for (const reader of readers) {
      if (reader.node === null || (!calm && ring.random.next() < 0.01)) reader.attach();
    }
    ring.after(30 + ring.random.below(60), read);
  };
  const fault = () => {
    if (calm) return;
    const { random } = ring;
    const some = () => ring.ids[random.below(ring.ids.length)]!;
    if (options.kind === 'quiet') kill(some());
    else if (random.next() < 0.15) kill(some());
    else if (options.kind === 'noisy') {
      faults++;
      quietSince = Math.max(quietSince, ring.now - 2_000);
      const dice = random.next();
      if (dice < 0.35) ring.pause(some(), 100 + random.below(3_000));
      else if (dice < 0.6) {
        const half = random.below(1 << ring.ids.length);
        for (const [i, a] of ring.ids.entries()) {
          for (const [j, b] of ring.ids.entries()) if (i < j && ((half >> i) & 1) !== ((half >> j) & 1)) ring.cut(a, b);
        }
      } else if (dice < 0.8) ring.cut(some(), some());
      else ring.heal();
    }
    ring.after(options.kind === 'quiet' ? 500 : 200 + random.below(1_500), fault);
  };
  publish();
  read();
  ring.after(500, fault);
  ring.run(options.stormMs);
  calm = true;
  ring.heal();
  ring.run(8_000);
  for (const publisher of publishers) publisher.stopped = true;
  ring.run(12_000);
  return judge(ring, publishers, readers, faults, options);
}

function judge(
  ring: Ring,
  publishers: readonly TestPublisher[],
  readers: readonly TestReader[],
  faults: number,
  options: StormOptions,
): Outcome {
  const violations = ring.broken.map((text) => `I5/I12 ${text}`);
  let acked = 0;
  let delivered = 0;
  for (const publisher of publishers) {
    acked += publisher.acked.length;
    if (!publisher.idle) violations.push(`L1 publisher ${publisher.name} is blocked (${refusals(publisher)})`);
  }
  let gaps = 0;
  for (const reader of readers) {
    gaps += reader.gaps;
    delivered += reader.got.length;
    if (reader.node === null) violations.push(`L1 a reader of ${reader.channel} is not attached`);
    const last = new Map<string, number>();
    const seen = new Set<string>();
    for (const { publisher, seq } of reader.got) {
      const key = `${publisher}.${seq}`;
      if (seen.has(key)) violations.push(`I2 ${reader.channel} ${key} twice`);
      seen.add(key);
      if (seq <= (last.get(publisher) ?? 0))
        violations.push(`I3 ${reader.channel} ${key} after ${last.get(publisher)}`);
      if (seq !== (last.get(publisher) ?? 0) + 1 && reader.gaps === 0)
        violations.push(`I3 ${reader.channel} ${key} jumps`);
      last.set(publisher, seq);
    }
    for (const publisher of publishers) {
      if (publisher.channel !== reader.channel) continue;
      for (const { seq } of publisher.acked) {
        if (!seen.has(`${publisher.name}.${seq}`) && reader.gaps === 0) {
          violations.push(`I1 ${reader.channel} ${publisher.name}.${seq} was acknowledged and never came`);
        }
      }
    }
    if (reader.gaps > 0 && options.shortHistory !== true) violations.push(`I10 ${reader.channel} ${reader.gaps} gaps`);
  }
  const names = new Map<string, string>();
  const copies = new Map<string, number>();
  const stats: Record<string, number> = {};
  for (const process of ring.alive()) {
    for (const [name, value] of Object.entries(process.channels.stats())) stats[name] = (stats[name] ?? 0) + value;
    for (const entry of process.channels.inspection.entries()) {
      const name = `${entry.lid}.${entry.s}`;
      const content = `${entry.channel} ${entry.publisher}.${entry.seq} ${String(entry.data)}`;
      if ((names.get(name) ?? content) !== content) violations.push(`I5 ${name} names two messages`);
      names.set(name, content);
      copies.set(name, (copies.get(name) ?? 0) + 1);
    }
    for (const channel of ['a', 'b', '@alice', 'room:7']) {
      const once = new Set<string>();
      for (const { publisher, seq } of process.channels.inspection.orderOf(channel)) {
        if (once.has(`${publisher}.${seq}`))
          violations.push(`I8 ${process.id} ${channel} ${publisher}.${seq} twice in order`);
        once.add(`${publisher}.${seq}`);
      }
    }
  }
  if (options.shortHistory !== true) {
    const acks = Math.min(options.channels?.acks ?? 2, ring.ids.length);
    let thin = 0;
    for (const count of copies.values()) if (count < acks) thin++;
    if (thin > 0) violations.push(`I6 ${thin} entries are held by fewer than ${acks}`);
    if ((stats['underReplicated'] ?? 0) > 0) violations.push('L1 something is under-replicated');
  }
  return { violations, acked, delivered, faults, gaps, stats };
}

function refusals(publisher: TestPublisher): string {
  return [...publisher.refusals].map(([code, times]) => `${code} ${times}`).join(', ');
}
