/**
 * What a node tells an operator who listens: `HALOD_LOG=*`, or topics such as `HALOD_LOG=links,drain`, on stderr. Never
 * holds tokens, secrets or data; control characters are escaped; a topic that floods is cut to a few lines a second.
 */
import createDebug from 'debug';

export type Log = (topic: string, text: string) => void;

const LINES_PER_SECOND = 50;

if (process.env['HALOD_LOG']) {
  const topics = process.env['HALOD_LOG'].split(',').map((topic) => `halod:${topic.trim()}`);
  createDebug.enable([process.env['DEBUG'], ...topics].filter(Boolean).join(','));
}

export function createLog(nodeId: string): Log {
  const topics = new Map<string, Topic>();
  const label = nodeId.slice(0, 6);
  return (topic, text) => {
    let known = topics.get(topic);
    if (!known) {
      known = { write: createDebug(`halod:${topic}`), second: 0, lines: 0 };
      topics.set(topic, known);
    }
    if (!known.write.enabled) return;
    const second = Math.floor(performance.now() / 1_000);
    if (second !== known.second) {
      if (known.lines > LINES_PER_SECOND) known.write(`${label} … ${known.lines - LINES_PER_SECOND} more lines`);
      known.second = second;
      known.lines = 0;
    }
    if (++known.lines <= LINES_PER_SECOND) known.write(`${label} ${escapeControls(text)}`);
  };
}

interface Topic {
  readonly write: createDebug.Debugger;
  second: number;
  lines: number;
}

export function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`);
}
