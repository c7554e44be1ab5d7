/** `halod token`: a JWT (HS256) that a node with the same --token-secret accepts. */
import { readFile } from 'node:fs/promises';
import { SignJWT } from 'jose';
import { LIMITS } from '../wire/limits.js';
import { readDurationMs } from './duration.js';
import { EXIT, UsageError } from './failure.js';
import { printJson, printLine } from './output.js';

interface TokenOptions {
  readonly user: string;
  readonly tokenSecret?: string;
  readonly tokenSecretFile?: string;
  readonly expires: string;
  readonly sub: readonly string[];
  readonly pub: readonly string[];
  readonly json?: true;
}

export async function runToken(options: TokenOptions): Promise<number> {
  const { user } = options;
  if (user === '' || Buffer.byteLength(user) > LIMITS.userBytesMax || /\p{Cc}/u.test(user)) {
    throw new UsageError(`--user must be 1 to ${LIMITS.userBytesMax} bytes without control characters`);
  }
  const secret = await readSecret(options);
  const expiresAt = Math.floor((Date.now() + readDurationMs('--expires', options.expires)) / 1_000);
  const restricted = options.sub.length + options.pub.length > 0;
  const claims = restricted ? { channels: { sub: options.sub, pub: options.pub } } : {};
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime(expiresAt)
    .sign(new TextEncoder().encode(secret));
  if (options.json) printJson({ token, user, expires: expiresAt, ...claims });
  else printLine(token);
  return EXIT.done;
}

async function readSecret(options: TokenOptions): Promise<string> {
  if (options.tokenSecret !== undefined && options.tokenSecretFile !== undefined) {
    throw new UsageError('--token-secret and --token-secret-file: give one of them');
  }
  if (options.tokenSecret) return options.tokenSecret;
  if (!options.tokenSecretFile)
    throw new UsageError('--token-secret or --token-secret-file is missing: the one that the nodes have');
  try {
    return (await readFile(options.tokenSecretFile, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new UsageError(`--token-secret-file: ${(error as Error).message}`);
  }
}
