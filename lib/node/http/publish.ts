/**
 * `POST /v1/publish`: one message, or several each with its own outcome. Answered when the core says where they are
 * stored; data goes through as the text that came in.
 */
import type { ServerResponse } from 'node:http';
import type { AppendRequest, AppendResult } from '../../core/channel/types.js';
import { checkChannel, checkMessageId, mayPublish } from '../../core/session/grants.js';
import type { Data, PublishItem } from '../../wire/client.js';
import { readPublishBody } from '../../wire/codec-client.js';
import { HalodError } from '../../wire/errors.js';
import type { Access } from '../auth/gate.js';
import type { Driver } from '../driver.js';
import type { PublishRates } from '../transports/publish-rate.js';
import { errorJson, sendError, sendJson } from './respond.js';

const ID_BYTES = 12;

/** @throws HalodError where the body as a whole cannot be read */
export function publish(
  body: string,
  access: Access,
  rates: PublishRates,
  response: ServerResponse,
  driver: Driver,
): void {
  const { grants } = access;
  const { single, items } = readPublishBody(body);
  if (!access.app && !rates.take(access.user, items.length, driver.now())) {
    throw new HalodError('too-many', 'too many messages a second');
  }
  const batch = new Batch(response, single, items.length, driver);
  const now = driver.now();
  driver.stats.publishesHttp += items.length;
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!;
    try {
      if (item.wrong !== undefined) throw item.wrong;
      checkChannel(item.channel);
      if (item.id !== undefined) checkMessageId(item.id);
      if (!mayPublish(grants, item.channel)) throw new HalodError('forbidden');
      driver.core.publish(new HttpPublish(batch, i, item, driver.random.name(ID_BYTES), now), now);
    } catch (error) {
      if (!(error instanceof HalodError)) throw error;
      batch.refuse(i, error);
    }
  }
  driver.touch();
}

class Batch {
  readonly #response: ServerResponse;
  readonly #single: boolean;
  readonly #results: string[];
  readonly #driver: Driver;
  #left: number;

  constructor(response: ServerResponse, single: boolean, count: number, driver: Driver) {
    this.#response = response;
    this.#single = single;
    this.#results = new Array<string>(count);
    this.#left = count;
    this.#driver = driver;
    if (count === 0) this.#finish();
  }

  stored(index: number, channel: string, result: Extract<AppendResult, { ok: true }>): void {
    const { id, position, copies } = result;
    this.#set(
      index,
      `{"id":${JSON.stringify(id)},"channel":${JSON.stringify(channel)},"position":"${position}","copies":${copies}}`,
    );
  }

  refuse(index: number, error: HalodError): void {
    this.#driver.stats.publishesRefused++;
    if (this.#single) return sendError(this.#response, error);
    this.#set(index, errorJson(error));
  }

  #set(index: number, json: string): void {
    this.#results[index] = json;
    if (--this.#left === 0) this.#finish();
  }

  #finish(): void {
    const json = this.#single ? this.#results[0]! : `{"results":[${this.#results.join(',')}]}`;
    sendJson(this.#response, 200, json);
  }
}

class HttpPublish implements AppendRequest {
  readonly channel: string;
  readonly ownId: string;
  readonly publisher: string;
  readonly seq: number;
  readonly data: Data;
  readonly firstTriedAt: number;
  readonly #batch: Batch;
  readonly #index: number;

  constructor(batch: Batch, index: number, item: PublishItem, freshId: string, now: number) {
    this.#batch = batch;
    this.#index = index;
    this.channel = item.channel;
    this.publisher = item.publisher ?? '';
    this.seq = item.seq ?? 0;
    this.ownId = item.id ?? (this.seq > 0 ? '' : freshId);
    this.data = item.data;
    this.firstTriedAt = now - (item.ageMs ?? 0);
  }

  done(result: AppendResult): void {
    if (result.ok) this.#batch.stored(this.#index, this.channel, result);
    else this.#batch.refuse(this.#index, new HalodError(result.code, result.message));
  }
}
