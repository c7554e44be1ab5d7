/**
 * Questions with one answer, history and presence: asked again on another connection where one is lost, since asking
 * twice does no harm, until the answer or the deadline.
 */
import type { ClientMessage, ServerMessage } from '../../wire/client.js';
import { type ErrorBody, HalodError } from '../../wire/errors.js';
import { CLIENT_LIMITS } from './limits.js';
import type { ConnectionId } from './ports.js';

export type Question = Extract<ClientMessage, { type: 'history' | 'presence' }>;
export type QuestionAnswer = Extract<ServerMessage, { type: 'history' | 'presence' }>;
export type CallDone = (answer: QuestionAnswer | { readonly error: ErrorBody }) => void;

interface Call {
  readonly question: Question;
  readonly done: CallDone;
  readonly deadlineAt: number;
  /** Where it was asked; null while no connection stands. */
  conn: ConnectionId | null;
  askAgainAt: number;
}

const ASK_AGAIN_MS = 250;

export class Calls {
  readonly #calls = new Map<number, Call>();
  readonly #send: (conn: ConnectionId, question: Question) => void;

  constructor(send: (conn: ConnectionId, question: Question) => void) {
    this.#send = send;
  }

  ask(question: Question, done: CallDone, conn: ConnectionId | null, now: number): void {
    if (this.#calls.size >= CLIENT_LIMITS.callsMax) {
      return done({ error: new HalodError('overloaded', 'too many calls are under way in this client').toBody() });
    }
    const deadlineAt = now + CLIENT_LIMITS.callMs;
    this.#calls.set(question.ref, { question, done, deadlineAt, conn, askAgainAt: Number.POSITIVE_INFINITY });
    if (conn !== null) this.#send(conn, question);
  }

  answered(answer: QuestionAnswer): void {
    const call = this.#calls.get(answer.ref);
    if (call === undefined) return;
    this.#calls.delete(answer.ref);
    call.done(answer);
  }

  refused(ref: number, error: ErrorBody, now: number): boolean {
    const call = this.#calls.get(ref);
    if (call === undefined) return false;
    if (error.retry && now + ASK_AGAIN_MS < call.deadlineAt) {
      call.conn = null;
      call.askAgainAt = now + ASK_AGAIN_MS;
    } else {
      this.#calls.delete(ref);
      call.done({ error });
    }
    return true;
  }

  /** A connection took the place of the one before: what has no answer is asked there. */
  resend(conn: ConnectionId): void {
    for (const call of this.#calls.values()) {
      if (call.conn === conn) continue;
      call.conn = conn;
      call.askAgainAt = Number.POSITIVE_INFINITY;
      this.#send(conn, call.question);
    }
  }

  nextWakeAt(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const call of this.#calls.values()) at = Math.min(at, call.deadlineAt, call.askAgainAt);
    return at;
  }

  tick(conn: ConnectionId | null, now: number): void {
    for (const [ref, call] of this.#calls) {
      if (now >= call.deadlineAt) {
        this.#calls.delete(ref);
        call.done({ error: new HalodError('timeout', 'no answer in time').toBody() });
      } else if (now >= call.askAgainAt && conn !== null) {
        call.askAgainAt = Number.POSITIVE_INFINITY;
        call.conn = conn;
        this.#send(conn, call.question);
      }
    }
  }

  close(error: ErrorBody = new HalodError('timeout', 'the client was closed').toBody()): void {
    for (const call of this.#calls.values()) call.done({ error });
    this.#calls.clear();
  }
}
