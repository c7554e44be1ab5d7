/** Answers of the HTTP interface: JSON, errors in one shape, and what browsers must be told about other origins. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ERRORS, HalodError } from '../../wire/errors.js';
import type { Log } from '../log.js';

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};

export function sendJson(response: ServerResponse, status: number, json: string): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(json),
    'cache-control': 'no-store',
  });
  response.end(json);
}

export function sendError(response: ServerResponse, error: HalodError): void {
  if (error.retry && error.status !== 409) response.setHeader('retry-after', '1');
  if (error.status === 401) response.setHeader('www-authenticate', 'Bearer');
  sendJson(response, error.status, errorJson(error));
}

/** Whatever a handler threw: what is meant for the caller reaches it, a defect is logged and told as one. */
export function sendFailure(response: ServerResponse, failure: unknown, log: Log): void {
  if (failure instanceof HalodError) return sendError(response, failure);
  log('error', failure instanceof Error ? (failure.stack ?? failure.message) : String(failure));
  sendError(response, new HalodError('internal'));
}

export function errorJson(error: HalodError): string {
  return JSON.stringify({ error: error.toBody() });
}

/** An answer on a bare socket, where an upgrade or a request line has failed. */
export function rawError(error: HalodError): string {
  const body = errorJson(error);
  const status = ERRORS[error.code].status;
  return [
    `HTTP/1.1 ${status} ${STATUS_TEXT[status] ?? 'Error'}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

/** The origin has been found to be allowed. No credentials are ever sent by the browser on its own. */
export function allowOrigin(request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'Origin');
}

export function sendPreflight(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('access-control-allow-methods', 'GET, POST, OPTIONS');
  response.setHeader('access-control-allow-headers', 'authorization, content-type, last-event-id');
  response.setHeader('access-control-max-age', '86400');
  if (request.headers['access-control-request-private-network'] !== undefined) {
    response.setHeader('access-control-allow-private-network', 'true');
  }
  response.writeHead(204);
  response.end();
}
