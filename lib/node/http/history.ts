/** Answers of the core as promises, for handlers that wait for them. */
import type { Answer, HistoryResult } from '../../core/api.js';
import type { After } from '../../wire/client.js';
import { HalodError } from '../../wire/errors.js';
import type { Driver } from '../driver.js';

/** @throws HalodError */
export function readHistory(driver: Driver, channel: string, after: After, limit: number): Promise<HistoryResult> {
  return asked(driver, (answer) => driver.core.history(channel, after, limit, answer, driver.now()));
}

/** @throws HalodError */
export function readPresence(driver: Driver, channel: string): Promise<readonly string[]> {
  return asked(driver, (answer) => driver.core.presence(channel, answer, driver.now()));
}

function asked<T>(driver: Driver, ask: (answer: Answer<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    ask((result) => {
      if (result.ok) resolve(result.value);
      else reject(new HalodError(result.error.code, result.error.message));
    });
    driver.touch();
  });
}
