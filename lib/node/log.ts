/**
 * What a node tells an operator who listens: `HALOD_LOG=*`, or topics such as `HALOD_LOG=links,member`, on stderr. Alarms and
 * defects are told whether anybody asked or not. Never holds tokens, secrets or data; control characters are escaped; a
 * topic that floods is cut to a few lines a second.
 */
import createDebug from 'debug';

export type Log = (topic: string, text: string) => void;

const LINES_PER_SECOND = 50;
/** Topics that nobody has to ask for, and what their lines begin with. */
const LOUD: Readonly<Record<string, string>> = { alarm: 'ALARM: ', error: 'internal error: ' };

if (process.env['HALOD_LOG']) {
  const topics = process.env['HALOD_LOG'].split(',').map((topic) => `halod:${topic.trim()}`);
  createDebug.enable([process.env['DEBUG'], ...topics].filter(Boolean).join(','));
}

/** `tell` gets what must not go unseen, inside whatever step it happened in. */
export function createLog(nodeId: string, tell: (text: string) => void): Log {
  const topics = new Map<string, Topic>();
  const label = nodeId.slice(0, 6);
  return (topic, text) => {
    let known = topics.get(topic);
    if (!known) {
      const write = createDebug(`halod:${topic}`);
      const begin = LOUD[topic];
      known = {
        isOn: () => begin !== undefined || write.enabled,
        write: begin === undefined ? (line) => write(`${label} ${line}`) : (line) => tell(begin + line),
        second: 0,
        lines: 0,
      };
      topics.set(topic, known);
    }
    if (!known.isOn()) return;
    const second = Math.floor(performance.now() / 1_000);
    if (second !== known.second) {
      if (known.lines > LINES_PER_SECOND) known.write(`… ${known.lines - LINES_PER_SECOND} more lines`);
      known.second = second;
      known.lines = 0;
    }
    if (++known.lines <= LINES_PER_SECOND) known.write(escapeControls(text));
  };
}

interface Topic {
  readonly isOn: () => boolean;
  readonly write: (line: string) => void;
  second: number;
  lines: number;
}

export function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`);
}
