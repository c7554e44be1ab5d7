/**
 * How a command ends: 0 done, 1 failed, 2 wrong usage. Whatever goes wrong is told in one line with its code, on stderr
 * for people, as one JSON object on stdout with --json. A stack trace is shown only for defects of halod itself.
 */
import { HalodError } from '../wire/errors.js';

export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** The command was used wrongly: an argument is missing, unknown, or cannot mean anything. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code: string;

  constructor(message: string, code = 'bad-usage') {
    super(message);
    this.code = code;
  }
}

/** The command was understood and could not be carried out. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: string;
  readonly retry: boolean;

  constructor(code: string, message: string, retry = false) {
    super(message);
    this.code = code;
    this.retry = retry;
  }
}

export interface Failure {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
  readonly retry: boolean;
  readonly stack?: string | undefined;
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof UsageError)
    return { exitCode: EXIT.usage, code: error.code, message: error.message, retry: false };
  if (error instanceof CommandError || error instanceof HalodError) {
    return { exitCode: EXIT.failed, code: error.code, message: error.message, retry: error.retry };
  }
  if (!(error instanceof Error))
    return { exitCode: EXIT.failed, code: 'internal', message: String(error), retry: false };
  const code = (error as { code?: unknown }).code;
  switch (code) {
    case 'bad-option':
      return { exitCode: EXIT.usage, code, message: error.message, retry: false };
    case 'EADDRINUSE':
      return {
        exitCode: EXIT.usage,
        code: 'port-taken',
        message: `${addressOf(error)} is already in use; choose another --port`,
        retry: false,
      };
    case 'history-failed':
      return { exitCode: EXIT.failed, code, message: error.message, retry: false };
    case 'EACCES':
    case 'EADDRNOTAVAIL':
      return { exitCode: EXIT.usage, code: 'bad-address', message: error.message, retry: false };
  }
  // A code of words and dashes is one that a part of halod gave on purpose.
  if (typeof code === 'string' && /^[a-z][a-z-]*$/.test(code)) {
    return { exitCode: EXIT.usage, code, message: error.message, retry: false };
  }
  return {
    exitCode: EXIT.failed,
    code: typeof code === 'string' ? code : 'internal',
    message: error.message,
    retry: false,
    stack: error.stack,
  };
}

function addressOf(error: Error): string {
  const { address, port } = error as { address?: string; port?: number };
  return port === undefined ? 'the port' : `${address ?? 'port'}:${port}`;
}
