/** What is said in the rooms: the lines of chat logs in turn, a room after the other, from the start again at the end. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type ChatLine, ODD, parseChatLog } from '../../bench/replay/chat-log.js';
import { STORY } from './story.js';

export interface FeedLine {
  readonly room: string;
  readonly line: ChatLine;
}

export class Feed {
  readonly rooms: readonly string[];
  readonly #lines: ReadonlyMap<string, readonly ChatLine[]>;
  readonly #next = new Map<string, number>();
  #turn = 0;

  private constructor(lines: ReadonlyMap<string, readonly ChatLine[]>) {
    this.#lines = lines;
    this.rooms = [...lines.keys()];
  }

  static story(): Feed {
    return new Feed(new Map([...STORY].map(([room, text]) => [room, parseChatLog(text)])));
  }

  /** Each file becomes a room. */
  static async read(files: readonly string[]): Promise<Feed> {
    const rooms = new Map<string, readonly ChatLine[]>();
    for (const file of files) {
      const lines = parseChatLog(await readFile(file, 'utf8')).filter((line) => line.nick !== ODD && line.text !== '');
      if (lines.length === 0) throw new Error(`${file} holds no line of chat`);
      rooms.set(roomName(file, rooms), lines);
    }
    return new Feed(rooms);
  }

  next(): FeedLine {
    const room = this.rooms[this.#turn++ % this.rooms.length]!;
    const lines = this.#lines.get(room)!;
    const index = this.#next.get(room) ?? 0;
    this.#next.set(room, (index + 1) % lines.length);
    return { room, line: lines[index]! };
  }

  /** Who speaks first in a room, so that a room is not empty at the start. */
  nicks(room: string, max: number): string[] {
    const spoken = this.#lines.get(room)!.filter((line) => line.kind === 'message');
    return [...new Set(spoken.map((line) => line.nick))].slice(0, max);
  }
}

function roomName(file: string, taken: ReadonlyMap<string, unknown>): string {
  const name =
    basename(file)
      .replace(/\.[^.]*$/, '')
      .replace(/\p{Cc}/gu, '')
      .slice(0, 40) || 'room';
  let unique = name;
  for (let i = 2; taken.has(unique); i++) unique = `${name}-${i}`;
  return unique;
}
