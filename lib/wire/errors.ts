/**
 * Every error that a user, an app or a client can meet, in one table: its HTTP status, whether the same call may
 * succeed later, and what it means. WebSocket close codes are below it. The README's error table is tested against this.
 */

export const ERRORS = {
  'bad-request': { status: 400, retry: false, means: 'the request cannot be understood; the message says where' },
  'bad-json': { status: 400, retry: false, means: 'the body is no valid JSON' },
  'bad-channel': {
    status: 400,
    retry: false,
    means: 'a channel is missing, empty, over 255 bytes or holds control characters',
  },
  'bad-position': { status: 400, retry: false, means: 'the position was not written by halod' },
  'bad-id': { status: 400, retry: false, means: 'a message id is empty, over 128 bytes or holds control characters' },
  unauthorized: { status: 401, retry: false, means: 'the API key or token is missing or wrong' },
  forbidden: { status: 403, retry: false, means: 'the token does not allow this channel' },
  'not-found': { status: 404, retry: false, means: 'no such path' },
  'method-not-allowed': { status: 405, retry: false, means: 'the path exists, the method does not' },
  'not-acceptable': { status: 406, retry: false, means: 'no transport fits the Accept header' },
  'too-large': { status: 413, retry: false, means: 'the body, the data or a frame is over its limit' },
  'unsupported-media-type': {
    status: 415,
    retry: false,
    means: 'the body is not said to be JSON; a form, as curl says unasked, is taken for it',
  },
  order: { status: 409, retry: true, means: "this node lacks the publisher's earlier message; it may still arrive" },
  'publisher-unknown': {
    status: 409,
    retry: false,
    means: 'the publisher session is forgotten; what was sent last may or may not be stored',
  },
  'too-many': { status: 429, retry: true, means: 'a limit on connections, channels or messages is reached' },
  internal: { status: 500, retry: true, means: 'a defect of halod; the log has the details' },
  copies: { status: 503, retry: true, means: 'fewer live nodes than `acks`: stored safely nowhere, so not accepted' },
  moved: { status: 503, retry: true, means: 'the slot is moving to another node' },
  draining: { status: 503, retry: true, means: 'this node is leaving; connect to another' },
  starting: { status: 503, retry: true, means: 'this node has not joined its cluster yet' },
  overloaded: { status: 503, retry: true, means: 'a queue of this node is full, or its history memory with channels' },
  timeout: {
    status: 504,
    retry: true,
    means: 'not confirmed in time; it may or may not be stored. Retry with the same id',
  },
  unknown: {
    status: 504,
    retry: false,
    means: 'the client has given up at its deadline: whether the message is stored cannot be known',
  },
} as const satisfies Record<string, { status: number; retry: boolean; means: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** WebSocket close codes: 4300–4399 connect elsewhere or again, 4400–4499 do not come back unchanged, 4500–4599 come back later. */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  redirect: 4301,
  moved: 4302,
  badFrame: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  slow: 4408,
  tooLarge: 4413,
  tooMany: 4429,
  internal: 4500,
  draining: 4503,
  timeout: 4504,
} as const;

export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retry: boolean;
}

/** An error meant for whoever called: carries a code of the table above. */
export class HalodError extends Error {
  override readonly name = 'HalodError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string = ERRORS[code].means) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get retry(): boolean {
    return ERRORS[this.code].retry;
  }

  toBody(): ErrorBody {
    return { code: this.code, message: this.message, retry: this.retry };
  }
}
