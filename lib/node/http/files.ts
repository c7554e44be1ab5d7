/**
 * Files for browsers, from maps made once: no path of a request ever reaches the file system. The console with the very
 * client module that apps import, and, where asked for, the files of one directory of the operator.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OptionError } from '../../config/options.js';
import { HalodError } from '../../wire/errors.js';

interface StaticFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

const FILES_MAX = 2_000;
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Pages talk to other nodes, load nothing from elsewhere, run no inline scripts and are framed by nobody. */
const POLICY = [
  "default-src 'self'",
  'connect-src * ws: wss:',
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export class StaticFiles {
  readonly #console: boolean;
  readonly #assets: string;
  /** Read at the first request, then never again. */
  #files: Promise<ReadonlyMap<string, StaticFile>> | null = null;

  constructor(options: { readonly console: boolean; readonly assets: string }) {
    this.#console = options.console;
    this.#assets = options.assets;
  }

  /** @throws OptionError where the directory of assets cannot be read */
  async check(): Promise<void> {
    if (this.#assets === '') return;
    const found = await stat(this.#assets).catch((error: Error) => error);
    if (!(found instanceof Error) && found.isDirectory()) return;
    const why = found instanceof Error ? found.message : `${this.#assets} is not a directory`;
    throw new OptionError('--assets', `--assets: ${why}`);
  }

  /** False where there is no such file. */
  async send(path: string, ifNoneMatch: string | undefined, response: ServerResponse): Promise<boolean> {
    this.#files ??= this.#load();
    const files = await this.#files;
    const file = files.get(path) ?? files.get(`${path.replace(/\/$/, '')}/index.html`);
    if (file === undefined) {
      if (path !== '/' || !files.has('/console')) return false;
      response.writeHead(302, { location: '/console', 'content-length': 0 });
      response.end();
      return true;
    }
    response.setHeader('etag', file.etag);
    response.setHeader('cache-control', 'no-cache');
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'no-referrer');
    if (ifNoneMatch === file.etag) {
      response.writeHead(304);
      response.end();
      return true;
    }
    response.writeHead(200, { 'content-type': file.type, 'content-length': file.bytes.length });
    response.end(file.bytes);
    return true;
  }

  async #load(): Promise<ReadonlyMap<string, StaticFile>> {
    const files = new Map<string, StaticFile>();
    if (this.#assets !== '') await addDirectory(files, this.#assets, '');
    if (this.#console) {
      await addDirectory(files, compiled('console/assets'), '/console/assets');
      await addDirectory(files, compiled('client'), '/console/client');
      await addDirectory(files, compiled('wire'), '/console/wire');
      const page = files.get('/console/assets/index.html');
      if (page !== undefined) files.set('/console', page).set('/console/', page);
    }
    return files;
  }
}

function compiled(part: string): string {
  return fileURLToPath(new URL(`../../${part}`, import.meta.url));
}

async function addDirectory(files: Map<string, StaticFile>, directory: string, prefix: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(directory, { recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  for (const name of names) {
    const type = TYPES[extname(name)];
    // hidden files are not meant for browsers
    if (type === undefined || name.split(sep).some((part) => part.startsWith('.'))) continue;
    const file = join(directory, name);
    const { size, mtimeMs } = await stat(file);
    if (size > FILE_BYTES_MAX || files.size >= FILES_MAX)
      throw new HalodError('internal', `${file}: too much to serve`);
    const bytes = await readFile(file);
    const etag = `"${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}"`;
    files.set(`${prefix}/${name.split(sep).join('/')}`, { type, bytes, etag });
  }
}
