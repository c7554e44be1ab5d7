/**
 * History on disk: what the core hands over is with the operating system when `append` returns, and on the disk itself
 * within a second. So it outlives any end of this process, and a loss of power but for the last second. Where one write
 * fails nothing is written ever again: what follows a hole could not be read.
 */
import { close as closeFile, fdatasync, fstat, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { rename, stat, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { OptionError } from '../../config/options.js';
import type { NodeCore } from '../../core/api.js';
import { JournalError, type JournalPort, type Restored } from '../../core/channel/ports.js';
import { LIMITS } from '../../wire/limits.js';
import type { Stats } from '../stats.js';
import { type EditionFile, editionFile, editionsIn, syncDirectory } from './files.js';
import { type DirectoryLock, lockDirectory } from './lock.js';
import { type Damage, frameOf, headerOf, recordsOf, type Terms, termsOf } from './records.js';

const SYNC_MS = 1_000;

/** Names the file and the cause. */
export class HistoryError extends JournalError {
  override readonly name = 'HistoryError';
  readonly code = 'history-failed';

  constructor(path: string, why: string) {
    super(`history cannot be kept in ${path}: ${why}`);
  }
}

export interface StoreWatch {
  warn(text: string, isAlarm: boolean): void;
  /** Once, before it is thrown where a call is the cause: whoever catches that, nothing may leave the node any more. */
  failed(error: HistoryError): void;
}

type StoreStats = Pick<Stats, 'diskBytes' | 'diskWritten' | 'diskSyncMs'>;

interface Edition extends EditionFile {
  readonly fd: number;
  /** Something was written since the disk last confirmed. */
  dirty: boolean;
  /** The directory on disk may not name it yet. */
  fresh: boolean;
}

export class Store implements JournalPort {
  readonly #directory: string;
  readonly #terms: Terms;
  readonly #watch: StoreWatch;
  readonly #stats: StoreStats;
  readonly #lock: DirectoryLock;
  readonly #timer: NodeJS.Timeout;
  #lastNumber: number;
  #current: Edition | null = null;
  #failure: HistoryError | null = null;
  /** What goes on in the background, one thing after the other. */
  #working: Promise<void> = Promise.resolve();
  /** Where the last reading had to leave something out. */
  #damages = 0;
  /** Files with more in them than could be read: they are put aside, not removed. */
  readonly #damaged = new Set<string>();

  /** @throws OptionError where the directory cannot be used, is used, or holds the history of something else */
  static async open(directory: string, terms: Terms, watch: StoreWatch, stats: StoreStats): Promise<Store> {
    let lock: DirectoryLock | null = null;
    try {
      mkdirSync(directory, { recursive: true });
      lock = await lockDirectory(directory);
      const files = editionsIn(directory);
      for (const { path } of files) {
        const why = refusalOf(path, terms);
        if (why !== '') throw new Error(`${path} ${why}; use another directory, or move its history-*.log away`);
        stats.diskBytes += statSync(path).size;
      }
      return new Store(directory, terms, watch, stats, lock, files.at(-1)?.number ?? 0);
    } catch (error) {
      await lock?.release();
      throw new OptionError('--data', `--data: ${(error as Error).message}`);
    }
  }

  private constructor(
    directory: string,
    terms: Terms,
    watch: StoreWatch,
    stats: StoreStats,
    lock: DirectoryLock,
    lastNumber: number,
  ) {
    this.#directory = directory;
    this.#terms = terms;
    this.#watch = watch;
    this.#stats = stats;
    this.#lock = lock;
    this.#lastNumber = lastNumber;
    this.#timer = setInterval(() => this.#syncSoon(), SYNC_MS);
    this.#timer.unref();
  }

  /** All that is kept, the oldest edition first. Damage is warned of, and left out. */
  *records(): Generator<Uint8Array> {
    this.#damages = 0;
    for (const { path } of editionsIn(this.#directory)) yield* recordsOf(path, (damage) => this.#onDamage(damage));
  }

  /** Gives a core that starts what it, or one before it, had kept. */
  restore(core: Pick<NodeCore, 'restore'>, now: number): Restored {
    const restored = core.restore(this.records(), now);
    if (restored.damaged > 0) this.#watch.warn(`${restored.damaged} records in ${this.#directory} do not fit`, true);
    return { ...restored, damaged: restored.damaged + this.#damages };
  }

  /** @throws HistoryError */
  append(record: Uint8Array): void {
    const current = this.#current;
    if (current === null) throw new Error('a record before the first edition');
    if (record.length === 0) throw new Error('an empty record');
    if (record.length > LIMITS.diskRecordBytesMax)
      throw this.#fail(current.path, `a record of ${record.length} bytes is too large`);
    this.#write(current, record);
  }

  /** @throws HistoryError */
  begin(): void {
    if (this.#failure !== null) throw this.#failure;
    const former = this.#current;
    if (former !== null) this.#enqueue(() => this.#finish(former));
    this.#current = this.#create();
    this.#write(this.#current, headerOf(this.#terms));
  }

  complete(): void {
    const current = this.#current;
    if (current === null) return;
    this.#enqueue(async () => {
      await this.#sync(current);
      await this.#removeBelow(current.number);
    });
  }

  /** Once everything that was written is on the disk, or could not be. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const current = this.#current;
    this.#current = null;
    if (current !== null) this.#enqueue(() => this.#finish(current));
    await this.#working;
    await this.#lock.release();
  }

  // writing

  #create(): Edition {
    for (;;) {
      const file = editionFile(this.#directory, ++this.#lastNumber);
      try {
        // messages are as readable as in memory: nobody else's business
        return { ...file, fd: openSync(file.path, 'wx', 0o600), dirty: false, fresh: true };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw this.#fail(file.path, error);
      }
    }
  }

  #write(edition: Edition, record: Uint8Array): void {
    if (this.#failure !== null) throw this.#failure;
    const frame = frameOf(record);
    edition.dirty = true;
    try {
      for (let written = 0; written < frame.length; ) written += writeSync(edition.fd, frame, written);
    } catch (error) {
      throw this.#fail(edition.path, error);
    }
    this.#stats.diskWritten += frame.length;
    this.#stats.diskBytes += frame.length;
  }

  #fail(path: string, why: unknown): HistoryError {
    if (this.#failure === null) {
      this.#failure = new HistoryError(path, why instanceof Error ? why.message : String(why));
      this.#watch.failed(this.#failure);
    }
    return this.#failure;
  }

  // in the background

  #enqueue(job: () => Promise<void>): void {
    this.#working = this.#working.then(job).catch((error: unknown) => {
      if (!(error instanceof HistoryError)) throw error;
    });
  }

  #syncSoon(): void {
    const current = this.#current;
    if (current?.dirty) this.#enqueue(() => this.#sync(current));
  }

  async #sync(edition: Edition): Promise<void> {
    // after one failure the system may take for written what is not
    if (this.#failure !== null || !edition.dirty) return;
    const startedAt = performance.now();
    edition.dirty = false;
    try {
      await promisify(fdatasync)(edition.fd);
      if (edition.fresh) await syncDirectory(this.#directory);
      edition.fresh = false;
      if ((await promisify(fstat)(edition.fd)).nlink === 0)
        throw new Error('the file was removed; is another process using this directory?');
    } catch (error) {
      throw this.#fail(edition.path, error);
    }
    this.#stats.diskSyncMs = performance.now() - startedAt;
  }

  async #finish(edition: Edition): Promise<void> {
    try {
      await this.#sync(edition);
    } finally {
      await promisify(closeFile)(edition.fd).catch(() => undefined);
    }
  }

  async #removeBelow(number: number): Promise<void> {
    if (this.#failure !== null) return;
    try {
      const older = editionsIn(this.#directory).filter((file) => file.number < number);
      for (const { path } of older) {
        const { size } = await stat(path);
        if (this.#damaged.has(path)) await rename(path, `${path}.damaged`);
        else await unlink(path);
        this.#stats.diskBytes -= size;
      }
    } catch (error) {
      this.#watch.warn(`history that is no longer needed stays: ${(error as Error).message}`, false);
    }
  }

  // reading

  #onDamage({ path, offset, bytesLeftOut, isTorn }: Damage): void {
    this.#damages++;
    if (!isTorn) this.#damaged.add(path);
    const how = isTorn ? 'ends within a record that begins' : 'cannot be read from the record on that begins';
    this.#watch.warn(`${path} ${how} at byte ${offset}: ${bytesLeftOut} bytes are left out`, !isTorn);
  }
}

/** Why this node cannot go on with a file; '' where it can. */
function refusalOf(path: string, terms: Terms): string {
  const found = termsOf(path);
  // one that says nothing is told when it is read
  if (found === null) return '';
  if (found.cluster !== terms.cluster)
    return `belongs to the cluster ${JSON.stringify(found.cluster)}, and this node to ${JSON.stringify(terms.cluster)}`;
  if (found.slots !== terms.slots)
    return `was written with --slots ${found.slots}, and this node has --slots ${terms.slots}`;
  return '';
}
