/**
 * Tokens of clients: JWTs whose algorithm is fixed by the configuration, never by what the token says of itself. HS256
 * where a secret is set; signatures by a key of the configured key set otherwise. Claims are read after the signature.
 */
import { readFile } from 'node:fs/promises';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { OptionError } from '../../config/options.js';
import type { Grants } from '../../core/session/types.js';
import { HalodError } from '../../wire/errors.js';
import { LIMITS } from '../../wire/limits.js';
import { checkUser } from './users.js';

export interface Principal {
  readonly user: string;
  readonly grants: Grants;
}

export interface TokenOptions {
  readonly tokenSecret: string;
  readonly tokenJwks: string;
}

const ASYMMETRIC = [
  'EdDSA',
  'Ed25519',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
];
const CLOCK_SKEW_S = 5;
const PATTERNS_MAX = 256;
/** Verified tokens remembered, so that a client that publishes over HTTP pays for its signature once. */
const CACHE_MAX = 10_000;
const JWKS_TIMEOUT_MS = 5_000;

export class Tokens {
  readonly #jose: Promise<typeof import('jose')>;
  readonly #secret: Uint8Array | null;
  readonly #keys: Promise<JWTVerifyGetKey> | null;
  readonly #verified = new Map<string, Principal>();

  constructor(options: TokenOptions) {
    this.#jose = import('jose');
    this.#secret = options.tokenSecret === '' ? null : new TextEncoder().encode(options.tokenSecret);
    this.#keys = options.tokenJwks === '' ? null : this.#loadKeys(options.tokenJwks);
  }

  /** Rejects where the key set cannot be had, so that a node says so at its start. */
  async ready(): Promise<void> {
    await this.#keys;
  }

  /** @throws HalodError `unauthorized` */
  async verify(token: string): Promise<Principal> {
    const known = this.#verified.get(token);
    if (known !== undefined && Date.now() < known.grants.expiresAt) return known;
    if (token.length > LIMITS.tokenBytesMax) throw new HalodError('unauthorized', 'the token is too long');
    const principal = readClaims(await this.#checkSignature(token));
    this.#verified.set(token, principal);
    if (this.#verified.size > CACHE_MAX) this.#verified.delete(this.#verified.keys().next().value!);
    return principal;
  }

  async #checkSignature(token: string): Promise<JWTPayload> {
    const { jwtVerify, decodeProtectedHeader, errors } = await this.#jose;
    const common = { requiredClaims: ['sub', 'exp'], clockTolerance: CLOCK_SKEW_S };
    try {
      // the two kinds of algorithm never share a key: a public key is never taken for an HMAC secret
      const symmetric = this.#keys === null || (this.#secret !== null && decodeProtectedHeader(token).alg === 'HS256');
      if (symmetric) return (await jwtVerify(token, this.#secret!, { ...common, algorithms: ['HS256'] })).payload;
      return (await jwtVerify(token, await this.#keys!, { ...common, algorithms: ASYMMETRIC })).payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new HalodError('unauthorized', 'the token has expired');
      if (error instanceof errors.JOSEError || error instanceof TypeError) {
        throw new HalodError('unauthorized', 'the token is not valid');
      }
      throw new HalodError('unauthorized', 'the token could not be checked');
    }
  }

  async #loadKeys(source: string): Promise<JWTVerifyGetKey> {
    const { createLocalJWKSet, createRemoteJWKSet } = await this.#jose;
    if (/^https?:\/\//i.test(source)) {
      return createRemoteJWKSet(new URL(source), { timeoutDuration: JWKS_TIMEOUT_MS });
    }
    try {
      return createLocalJWKSet(JSON.parse(await readFile(source, 'utf8')));
    } catch (error) {
      const why = `${source} holds no JSON Web Key Set: ${(error as Error).message}`;
      throw new OptionError('--token-jwks', `--token-jwks: ${why}`);
    }
  }
}

function readClaims(payload: JWTPayload): Principal {
  const { sub, exp } = payload;
  if (typeof sub !== 'string' || typeof exp !== 'number') throw new HalodError('unauthorized', 'sub or exp is missing');
  if (sub === '') throw new HalodError('unauthorized', 'sub is empty: a token names its user');
  return { user: checkUser(sub), grants: { ...readChannels(payload['channels']), expiresAt: exp * 1_000 } };
}

/**
 * `["a:*"]` allows both to subscribe and to publish, `{"sub": […], "pub": […]}` says which. Without the claim all
 * channels are allowed, except that nobody reads the own channels of others.
 */
function readChannels(claim: unknown): Pick<Grants, 'subscribe' | 'publish'> {
  if (claim === undefined || claim === null) return { subscribe: ['*'], publish: 'all' };
  if (Array.isArray(claim)) return { subscribe: readPatterns(claim), publish: readPatterns(claim) };
  if (typeof claim !== 'object') throw new HalodError('unauthorized', 'the channels claim is malformed');
  const { sub, pub } = claim as { sub?: unknown; pub?: unknown };
  return { subscribe: readPatterns(sub ?? []), publish: readPatterns(pub ?? []) };
}

function readPatterns(value: unknown): readonly string[] {
  const fits = (pattern: unknown) => typeof pattern === 'string' && pattern.length <= LIMITS.channelBytesMax;
  if (!Array.isArray(value) || value.length > PATTERNS_MAX || !value.every(fits)) {
    throw new HalodError('unauthorized', 'the channels claim is malformed');
  }
  return value as string[];
}
