/**
 * Judges a recorded history in one pass: nothing acknowledged lost, nothing seen twice, each publisher's order kept,
 * nothing invented, readers agree, gaps honest, positions grow, copies as said. Events of one client come in their order;
 * files of different processes may come one after the other (only the count of copies from `hold` events needs all
 * events in the order of time).
 */
import { Holders } from './copies.js';
import type { HistoryEvent } from './history.js';
import { describe, type Message, Messages } from './messages.js';
import { covers, ReaderHistory, type ToldGap } from './reader.js';
import { Verdict } from './verdict.js';

export interface CheckOptions {
  /**
   * What retention may remove; without it, history is larger than the run and no gap is justified.
   * `evict` events justify gaps in any case.
   */
  readonly retention?: { readonly messages?: number; readonly ageMs?: number };
  /** Gaps for these reasons are justified by something outside of the history: more nodes lost than promised, say. */
  readonly excusedReasons?: readonly string[];
  /** Copies that an acknowledgement must have where it does not say itself (`due`). */
  readonly copiesDue?: number;
}

export class HistoryChecker {
  readonly verdict = new Verdict();
  readonly #options: CheckOptions;
  readonly #channels = new Map<string, Messages>();
  readonly #readers = new Map<string, ReaderHistory>();
  readonly #holders = new Holders();
  /** Entry → the message in it. */
  readonly #names = new Map<string, Message>();
  /** The same, as answers to publishers said and no reader has confirmed. */
  readonly #claims = new Map<string, Message>();
  /** Channel → lineage → evicted up to. */
  readonly #evicted = new Map<string, Map<string, number>>();

  constructor(options: CheckOptions = {}) {
    this.#options = options;
  }

  on(event: HistoryEvent): void {
    switch (event.kind) {
      case 'pub-invoke':
        return this.#onInvoke(event);
      case 'pub-ok':
        return this.#onOk(event);
      case 'pub-unknown':
        this.verdict.counts.unknown++;
        this.#message(event).outcome = 'unknown';
        return;
      case 'pub-fail':
        this.verdict.counts.refused++;
        this.#message(event).outcome = 'fail';
        return;
      case 'sub':
        return this.#reader(event).onSubscribe(event.after, event.bare === true, event.t);
      case 'subscribed':
        return this.#reader(event).onSubscribed(event.t);
      case 'callback':
        return this.#onCallback(event);
      case 'gap':
        this.verdict.counts.gaps++;
        return this.#reader(event).onGap(event.t, event.reason, event.position);
      case 'leave':
        this.#reader(event).stays = false;
        return;
      case 'stored':
        return this.#name(event.at, event.ch, this.#message(event));
      case 'hold':
        return this.#holders.onHold(event.node, event.boot, event.lid, event.s);
      case 'gone':
        return this.#holders.onGone(event.node, event.boot);
      case 'evict':
        return this.#onEvict(event.ch, event.lid, event.s);
      case 'recv':
      case 'adv':
      case 'state':
      case 'node':
      case 'fault':
      case 'calm':
        return;
    }
  }

  /** To be called once, when all events have been read. */
  finish(): Verdict {
    const readersOf = new Map<string, ReaderHistory[]>();
    for (const reader of this.#readers.values()) {
      readersOf.set(reader.channel, [...(readersOf.get(reader.channel) ?? []), reader]);
      this.#judgeOrder(reader);
      for (const gap of reader.gaps) this.#judgeGap(reader, gap);
    }
    this.verdict.counts.readers = this.#readers.size;
    for (const messages of this.#channels.values()) {
      const readers = (readersOf.get(messages.channel) ?? []).filter((reader) => reader.stays);
      for (const message of messages.all) this.#judgeMessage(messages, message, readers);
    }
    return this.verdict;
  }

  #messages(channel: string): Messages {
    let messages = this.#channels.get(channel);
    if (messages === undefined) {
      messages = new Messages(channel);
      this.#channels.set(channel, messages);
    }
    return messages;
  }

  #message(of: { readonly ch: string; readonly p: string; readonly n: number }): Message {
    return this.#messages(of.ch).get(of.p, of.n);
  }

  #reader(of: { readonly client: string; readonly ch: string }): ReaderHistory {
    const key = `${of.client}\n${of.ch}`;
    let reader = this.#readers.get(key);
    if (reader === undefined) {
      reader = new ReaderHistory(of.client, of.ch);
      this.#readers.set(key, reader);
    }
    return reader;
  }

  #onInvoke(event: Extract<HistoryEvent, { kind: 'pub-invoke' }>): void {
    this.verdict.counts.published++;
    const message = this.#message(event);
    if (message.hash !== undefined && message.hash !== event.hash)
      this.verdict.report('altered', `readers got other data of ${describe(event.ch, message)} than was published`);
    message.hash = event.hash;
    message.invokedAt = event.t;
    message.unordered = event.unordered === true;
  }

  #onOk(event: Extract<HistoryEvent, { kind: 'pub-ok' }>): void {
    const { counts } = this.verdict;
    counts.acknowledged++;
    counts.copiesMin = Math.min(counts.copiesMin, event.copies);
    const message = this.#message(event);
    message.outcome = 'ok';
    message.storedAt = Math.min(message.storedAt, event.t);
    if (event.at !== undefined) this.#nameOfAnswer(event.at, event.ch, message);
    const due = event.due ?? this.#options.copiesDue ?? 1;
    if (event.copies < due)
      this.verdict.report('short-copies', `${describe(event.ch, message)} has ${event.copies} copies, ${due} are due`);
    const held = event.at === undefined ? undefined : this.#holders.copiesOf(event.at);
    if (held !== undefined && held < event.copies) {
      const said = `was said to have ${event.copies} copies, ${held} nodes held it`;
      this.verdict.report('short-copies', `${describe(event.ch, message)} ${said}`);
    }
  }

  #onCallback(event: Extract<HistoryEvent, { kind: 'callback' }>): void {
    this.verdict.counts.delivered++;
    const message = this.#message(event);
    message.receivers++;
    if (message.hash === undefined) message.hash = event.hash;
    else if (message.hash !== event.hash)
      this.verdict.report(
        'altered',
        `${event.client} got other data of ${describe(event.ch, message)} than was published`,
      );
    if (event.at !== undefined) this.#name(event.at, event.ch, message);
    this.#reader(event).onMessage(message, event.at, this.verdict);
  }

  /**
   * A repeat of what retention has removed meanwhile is answered with where the channel was cut, which may be the place
   * of another message: there an answer's word counts only until a reader shows what the place holds.
   */
  #nameOfAnswer(entry: string, channel: string, message: Message): void {
    if (this.#options.retention === undefined) return this.#name(entry, channel, message);
    const holder = this.#names.get(entry) ?? this.#claims.get(entry);
    if (holder !== undefined && holder !== message) message.isRemoved = true;
    if (holder !== undefined) return;
    this.#claims.set(entry, message);
    message.entries.push(entry);
  }

  #name(entry: string, channel: string, message: Message): void {
    const known = this.#names.get(entry);
    if (known === undefined) {
      this.#names.set(entry, message);
      const claimant = this.#claims.get(entry);
      if (claimant === message) return;
      if (claimant !== undefined) {
        claimant.entries = claimant.entries.filter((e) => e !== entry);
        claimant.isRemoved = true;
      }
      message.entries.push(entry);
    } else if (known !== message) {
      const both = `${describe(channel, message)} and ${known.p} ${known.n}`;
      this.verdict.report('name-clash', `${entry} is ${both}`);
    }
  }

  #onEvict(channel: string, lid: string, s: number): void {
    let lineages = this.#evicted.get(channel);
    if (lineages === undefined) {
      lineages = new Map();
      this.#evicted.set(channel, lineages);
    }
    lineages.set(lid, Math.max(s, lineages.get(lid) ?? 0));
  }

  #judgeMessage(messages: Messages, message: Message, readers: readonly ReaderHistory[]): void {
    const isPublished = message.invokedAt !== Number.NEGATIVE_INFINITY;
    const name = describe(messages.channel, message);
    if (message.receivers > 0 && !isPublished) this.verdict.report('invented', name);
    if (message.receivers > 0 && message.outcome === 'fail') this.verdict.report('refused-delivered', name);
    if (isPublished && message.outcome === 'pending') this.verdict.report('unanswered', name);
    if (message.outcome !== 'ok' && message.receivers === 0) return;
    for (const reader of readers) {
      if (message.invokedAt <= reader.since || reader.has(message)) continue;
      if (reader.isCovered(message)) this.verdict.counts.gapped++;
      else this.verdict.report(message.outcome === 'ok' ? 'lost' : 'disagreed', `${reader.client} misses ${name}`);
    }
  }

  #judgeOrder(reader: ReaderHistory): void {
    const messages = this.#messages(reader.channel);
    for (const { message, last, order } of reader.late) {
      if (message.unordered || messages.isBroken(message.p, message.n, last)) continue;
      if (reader.isLateByName(message, order)) {
        this.verdict.counts.bareLate++;
        continue;
      }
      const name = describe(reader.channel, message);
      this.verdict.report('out-of-order', `${reader.client} got ${name} after ${last}`);
    }
    for (const { p, from, to, order } of reader.skips) {
      for (let n = from; n <= to; n++) {
        const message = messages.find(p, n);
        if (message === undefined || message.unordered || reader.has(message)) continue;
        if (message.outcome !== 'ok' && message.receivers === 0) continue;
        if (reader.from === 'start' && message.invokedAt <= reader.since) continue;
        if (!reader.isCovered(message, order))
          this.verdict.report('skipped', `${reader.client} went past ${describe(reader.channel, message)}`);
      }
    }
  }

  #judgeGap(reader: ReaderHistory, gap: ToldGap): void {
    if (this.#options.excusedReasons?.includes(gap.reason)) return;
    const messages = this.#messages(reader.channel);
    let missed = 0;
    for (const message of messages.all) {
      if (message.invokedAt <= reader.since || message.invokedAt > gap.at) continue;
      // where the history does not say how far the gap reaches, what came after it may lie behind it
      const isHad = gap.position === undefined ? reader.has(message) : reader.hadBefore(message, gap);
      if (isHad || !covers(gap, message)) continue;
      missed++;
      if (this.#mayBeGone(messages, message, gap)) return;
    }
    if (missed === 0 && this.#options.retention !== undefined) this.verdict.counts.spuriousGaps++;
    else {
      const over = `${reader.client} was told of a gap (${gap.reason}) in ${reader.channel} over ${missed} messages`;
      this.verdict.report('unjustified-gap', `${over}, none of which was gone`);
    }
  }

  #mayBeGone(messages: Messages, message: Message, gap: ToldGap): boolean {
    const evicted = this.#evicted.get(messages.channel);
    const isEvicted = message.entries.some((entry) => {
      const dot = entry.indexOf('.');
      return (evicted?.get(entry.slice(0, dot)) ?? 0) >= Number.parseInt(entry.slice(dot + 1), 36);
    });
    if (isEvicted) return true;
    const { retention } = this.#options;
    if (retention?.ageMs !== undefined && gap.at - message.invokedAt >= retention.ageMs) return true;
    if (retention?.messages === undefined) return false;
    const newer = messages.all.filter((m) => m.invokedAt <= gap.at && mayBeNewer(m, message));
    return newer.length >= retention.messages * EDGE;
  }
}

/**
 * Whether an owner may have come to this one after the other. What was under way while a wire was cut is stored when it
 * heals, after what the other side took meanwhile: so until it was answered it counts as newer, except where it stands
 * before the other in a lineage of both. Of those that were under way by chance a handful at the edge are given away.
 */
function mayBeNewer(message: Message, than: Message): boolean {
  if (message === than) return false;
  if (message.invokedAt > than.invokedAt || isBehind(message, than)) return true;
  return message.storedAt > than.invokedAt && !isBehind(than, message);
}

/** Stored later than `first` in a lineage that both are in. */
function isBehind(message: Message, first: Message): boolean {
  return first.entries.some((entry) => {
    const dot = entry.indexOf('.');
    const s = Number.parseInt(entry.slice(dot + 1), 36);
    return message.entries.some(
      (e) => e.startsWith(entry.slice(0, dot + 1)) && Number.parseInt(e.slice(dot + 1), 36) > s,
    );
  });
}

/** Share of the retention that must have been published after a message before its eviction is believed. */
const EDGE = 0.9;
