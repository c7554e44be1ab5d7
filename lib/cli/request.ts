/** Calls to a node's HTTP interface. Whatever does not answer as it should ends in a CommandError that names the node. */
import { CommandError, UsageError } from './failure.js';

export interface NodeTarget {
  /** As given with --node: a URL, host:port or host. */
  readonly node: string;
  readonly apiKey?: string | undefined;
}

export interface ClusterNode {
  readonly id: string;
  /** Older nodes do not say. */
  readonly boot?: number;
  readonly url: string;
  readonly state: string;
  readonly weight: number;
  readonly zone: string;
  readonly slots: number;
  readonly connections: number;
  readonly version: string;
}

/** The answer of `GET /v1/cluster`. */
export interface ClusterAnswer {
  readonly cluster: string;
  readonly iteration: string;
  readonly slots: number;
  readonly copies: number;
  readonly acks?: number;
  readonly self: string;
  /** Of the node that was asked; older ones do not say. */
  readonly moveRate?: number;
  readonly historyBytes?: number;
  readonly nodes: readonly ClusterNode[];
  readonly owners: readonly number[];
}

/** A node gives up a publish after 10 s, and says so: its answer is waited for. */
export const ANSWER_MS = 15_000;

/** `:7401`, `host`, `host:7401` and URLs all mean a node. */
export function nodeUrl(text: string): string {
  const full = /^https?:\/\//i.test(text) ? text : `http://${text.startsWith(':') ? '127.0.0.1' : ''}${text}`;
  if (!URL.canParse(full)) throw new UsageError(`--node: "${text}" is no address of a node`);
  const url = new URL(full);
  if (url.port === '' && url.protocol === 'http:' && !/^https?:/i.test(text)) url.port = '7400';
  return url.href.replace(/\/$/, '');
}

export async function call<T>(target: NodeTarget, path: string, body?: unknown): Promise<T> {
  const url = nodeUrl(target.node);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (target.apiKey) headers['authorization'] = `Bearer ${target.apiKey}`;
  let response: Response;
  let text: string;
  try {
    response = await fetch(url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers,
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    text = await response.text();
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError')
      throw new CommandError('timeout', `no answer from ${url} within ${ANSWER_MS / 1_000} s`, true);
    throw new CommandError('unreachable', `no node answers at ${url}: ${reasonOf(error)}`, true);
  }
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new CommandError(
      'bad-answer',
      `${url}${path} answered ${response.status} with something that is no JSON; is it a halod node?`,
    );
  }
  if (response.ok) return answer as T;
  const { error } = answer as { error?: { code?: string; message?: string; retry?: boolean } };
  throw new CommandError(
    error?.code ?? 'failed',
    error?.message ?? `${url}${path} answered ${response.status}`,
    error?.retry ?? false,
  );
}

export function getCluster(target: NodeTarget): Promise<ClusterAnswer> {
  return call<ClusterAnswer>(target, '/v1/cluster');
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  return cause instanceof Error ? cause.message || (cause as { code?: string }).code || error.message : error.message;
}
