/** Real nodes on free ports of the loopback interface, and the simplest clients that can watch them. */
import type { ExecutionContext } from 'ava';
import { type RawData, WebSocket } from 'ws';
import type { NodeOptions } from '../../lib/config/options.js';
import { createNode, type Node } from '../../lib/node/node.js';
import type { ServerMessage } from '../../lib/wire/client.js';

/** Longest wait for something that should happen at once; generous, since tests share the machine. */
const PATIENCE_MS = 20_000;

export async function startNode(t: ExecutionContext, options: Partial<NodeOptions> = {}): Promise<Node> {
  const node = await createNode({ port: 0, ...options });
  t.teardown(() => node.close({ drain: false }));
  return node;
}

/** A cluster whose members all see each other alive. */
export async function startCluster(
  t: ExecutionContext,
  count: number,
  options: Partial<NodeOptions> = {},
): Promise<Node[]> {
  const nodes = [await startNode(t, options)];
  while (nodes.length < count) nodes.push(await startNode(t, { ...options, seeds: [nodes[0]!.url] }));
  await until(() => {
    const seen = nodes.map((node) => node.core.cluster());
    const complete = seen.every((each) => each.nodes.filter((other) => other.state === 'alive').length === count);
    return complete && new Set(seen.map((each) => each.iteration)).size === 1;
  });
  return nodes;
}

/** @throws Error where it does not come true in time */
export async function until(isTrue: () => boolean, what = 'what was waited for'): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`${what} did not happen within ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

export async function call(node: { readonly url: string }, path: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(node.url + path, { redirect: 'manual', ...init });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

export function post(
  node: { readonly url: string },
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return call(node, path, { method: 'POST', body: text, headers: { 'content-type': 'application/json', ...headers } });
}

/** A WebSocket that keeps what came and lets a test wait for more. */
export class Watcher {
  readonly ws: WebSocket;
  readonly received: ServerMessage[] = [];
  readonly frames: { readonly data: Buffer; readonly isBinary: boolean }[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  failure: string | undefined;
  readonly #decode: (data: Buffer) => ServerMessage | ServerMessage[];

  constructor(
    t: ExecutionContext,
    url: string,
    protocols: string[] = [],
    options: { headers?: Record<string, string>; decode?: (data: Buffer) => ServerMessage | ServerMessage[] } = {},
  ) {
    this.#decode = options.decode ?? ((data) => JSON.parse(data.toString()));
    this.ws = new WebSocket(url.replace(/^http/, 'ws'), protocols, { headers: options.headers ?? {} });
    this.ws.on('message', (data: RawData, isBinary: boolean) => {
      this.frames.push({ data: data as Buffer, isBinary });
      this.received.push(...[this.#decode(data as Buffer)].flat());
    });
    this.ws.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.ws.on('error', (error) => {
      this.failure = error.message;
    });
    t.teardown(() => this.ws.terminate());
  }

  async opened(): Promise<this> {
    await until(() => this.ws.readyState === WebSocket.OPEN || this.failure !== undefined, 'the WebSocket to open');
    if (this.failure !== undefined) throw new Error(this.failure);
    return this;
  }

  send(message: unknown): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  of<T extends ServerMessage['type']>(type: T): Extract<ServerMessage, { type: T }>[] {
    return this.received.filter((m): m is Extract<ServerMessage, { type: T }> => m.type === type);
  }

  async next<T extends ServerMessage['type']>(type: T, count = 1): Promise<Extract<ServerMessage, { type: T }>> {
    await until(() => this.of(type).length >= count, `${type} number ${count}`);
    return this.of(type)[count - 1]!;
  }

  async end(): Promise<{ readonly code: number; readonly reason: string }> {
    await until(() => this.closed !== undefined, 'the WebSocket to close');
    return this.closed!;
  }
}

export interface SseEvent {
  readonly event: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into data of every shape
  readonly data: any;
}

/** What a streaming answer brings, block by block or line by line. */
export class Stream {
  readonly response: Response;
  readonly blocks: string[] = [];
  ended = false;
  readonly #abort: AbortController;

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
  }

  static async open(t: ExecutionContext, url: string, headers: Record<string, string> = {}): Promise<Stream> {
    const abort = new AbortController();
    t.teardown(() => abort.abort());
    const response = await fetch(url, { headers, signal: abort.signal });
    const stream = new Stream(response, abort);
    void stream.#read(headers['accept'] === 'application/x-ndjson' ? '\n' : '\n\n');
    return stream;
  }

  get events(): SseEvent[] {
    return this.blocks.filter((block) => /^data:/m.test(block)).map(parseEvent);
  }

  get messages(): SseEvent[] {
    return this.events.filter((each) => each.event === 'message');
  }

  get lines(): Record<string, unknown>[] {
    return this.blocks.filter((line) => line !== '').map((line) => JSON.parse(line));
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(separator: string): Promise<void> {
    let rest = '';
    try {
      for await (const chunk of this.response.body!.pipeThrough(new TextDecoderStream())) {
        const parts = (rest + chunk).split(separator);
        rest = parts.pop()!;
        this.blocks.push(...parts);
      }
    } catch {
      // the test has closed it
    }
    this.ended = true;
  }
}

function parseEvent(block: string): SseEvent {
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
  return { event: field('event') ?? 'message', id: field('id') ?? '', data: JSON.parse(field('data')!) };
}
