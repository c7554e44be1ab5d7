/**
 * The files that history is kept in: `history-000012.log` and so on, one an edition. A higher number is a later one; once
 * one stands for all that is held, those below it go.
 */
import { readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

export interface EditionFile {
  readonly number: number;
  readonly path: string;
}

const NAME = /^history-(\d{6,15})\.log$/;

/** The oldest first. @throws Error where the directory cannot be read */
export function editionsIn(directory: string): EditionFile[] {
  const found: EditionFile[] = [];
  for (const name of readdirSync(directory)) {
    const match = NAME.exec(name);
    if (match) found.push({ number: Number(match[1]), path: join(directory, name) });
  }
  return found.sort((a, b) => a.number - b.number);
}

export function editionFile(directory: string, number: number): EditionFile {
  return { number, path: join(directory, `history-${String(number).padStart(6, '0')}.log`) };
}

/** After which a new file is still there when the machine has lost its power. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
