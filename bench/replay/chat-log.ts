/**
 * Reads chat logs: `[09:14] <nick> text` is a message, `[09:14]  * nick does` an action, `=== …` a join, part or
 * nick change. Every line of the file is one item, however odd: what fits no form is kept as it stands, and belongs to a
 * publisher of its own, so that no line is dropped and none is counted twice.
 */

export type ChatLineKind = 'message' | 'action' | 'event' | 'other';

export interface ChatLine {
  readonly kind: ChatLineKind;
  /** Who publishes it: the nick, or `EVENTS` for what the server said, or `ODD` for what fits no form. */
  readonly nick: string;
  /** Minutes since midnight; -1 where the line has no time. */
  readonly minute: number;
  readonly text: string;
  /** The line as it stands in the file, without its line end. */
  readonly line: string;
}

export const EVENTS = '===';
export const ODD = '???';

const MESSAGE = /^\[(\d\d):(\d\d)\] <([^>]+)> ?(.*)$/s;
const ACTION = /^\[(\d\d):(\d\d)\] {1,2}\* (\S+) ?(.*)$/s;
const EVENT = /^=== ?(.*)$/s;

/** As many items as the file has lines: a last line without an end counts too. */
export function parseChatLog(text: string): ChatLine[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map(parseChatLine);
}

export function parseChatLine(line: string): ChatLine {
  const spoken = MESSAGE.exec(line);
  if (spoken) return { kind: 'message', nick: spoken[3]!, minute: minuteOf(spoken), text: spoken[4]!, line };
  const done = ACTION.exec(line);
  if (done) return { kind: 'action', nick: done[3]!, minute: minuteOf(done), text: done[4]!, line };
  const event = EVENT.exec(line);
  if (event) return { kind: 'event', nick: EVENTS, minute: -1, text: event[1]!, line };
  return { kind: 'other', nick: ODD, minute: -1, text: line, line };
}

function minuteOf(match: RegExpExecArray): number {
  return Number(match[1]) * 60 + Number(match[2]);
}
