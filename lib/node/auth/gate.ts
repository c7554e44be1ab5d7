/**
 * Who may do what, by what a request brings: the API key makes it an app's, a token makes it a user's. Without token
 * settings a user is taken at its word; with an API key alone, clients may read but only apps publish.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ALL_GRANTS } from '../../core/session/grants.js';
import { HalodError } from '../../wire/errors.js';
import type { Stats } from '../stats.js';
import { type Principal, type TokenOptions, Tokens } from './tokens.js';
import { checkUser } from './users.js';

export interface Credentials {
  /** After `Authorization: Bearer`; '' where there is none. */
  readonly bearer: string;
  /** From the query or a connect message. */
  readonly token: string;
  readonly user: string;
}

export interface Access extends Principal {
  /** May drain the node and see the cluster. */
  readonly app: boolean;
}

export class Gate {
  readonly #keyDigest: Buffer | null;
  readonly #tokens: Tokens | null;
  readonly #stats: Stats;

  constructor(options: TokenOptions & { readonly apiKey: string }, stats: Stats) {
    this.#keyDigest = options.apiKey === '' ? null : digest(options.apiKey);
    this.#tokens = options.tokenSecret === '' && options.tokenJwks === '' ? null : new Tokens(options);
    this.#stats = stats;
  }

  /** Nothing is asked of anybody. */
  get isOpen(): boolean {
    return this.#keyDigest === null && this.#tokens === null;
  }

  get wantsTokens(): boolean {
    return this.#tokens !== null;
  }

  isApiKey(bearer: string): boolean {
    return bearer !== '' && this.#keyDigest !== null && timingSafeEqual(digest(bearer), this.#keyDigest);
  }

  async ready(): Promise<void> {
    await this.#tokens?.ready();
  }

  /**
   * Answers at once where no signature has to be checked.
   * @throws HalodError `unauthorized`, `bad-request`
   */
  admit(credentials: Credentials): Access | Promise<Access> {
    const { bearer, token } = credentials;
    if (this.isApiKey(bearer)) {
      return { user: checkUser(credentials.user), grants: ALL_GRANTS, app: true };
    }
    if (this.#tokens !== null) return this.#admitToken(token || bearer);
    const user = checkUser(credentials.user);
    if (this.#keyDigest === null) return { user, grants: ALL_GRANTS, app: true };
    if (bearer !== '') {
      this.#stats.refusedKeys++;
      throw new HalodError('unauthorized', 'the API key is wrong');
    }
    return { user, grants: { ...ALL_GRANTS, publish: [] }, app: false };
  }

  /** For calls that are the apps' own. @throws HalodError `unauthorized` */
  requireApp(access: Access): void {
    if (access.app) return;
    this.#stats.refusedKeys++;
    const none = this.#keyDigest === null ? ', and this node has none: start it with --api-key' : '';
    throw new HalodError('unauthorized', `this call needs the API key${none}`);
  }

  async #admitToken(token: string): Promise<Access> {
    try {
      if (token === '') throw new HalodError('unauthorized', 'a token is missing');
      return { ...(await this.#tokens!.verify(token)), app: false };
    } catch (error) {
      this.#stats.refusedTokens++;
      throw error;
    }
  }
}

/** Equal lengths for the constant-time comparison. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
