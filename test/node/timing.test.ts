/** What runs by the clock in transports, with a clock of the test's own. */
import test from 'ava';
import { completeOptions } from '../../lib/config/complete.js';
import { Origins } from '../../lib/node/auth/origin.js';
import { createLog, escapeControls } from '../../lib/node/log.js';
import { CryptoRandom } from '../../lib/node/random.js';
import { Expiry } from '../../lib/node/transports/expiry.js';
import { Pinger } from '../../lib/node/transports/pinger.js';
import { Turns } from '../../lib/node/turns.js';
import { LIMITS } from '../../lib/wire/limits.js';

const TURNS_PER_ROUND = LIMITS.clientPingMs / 1_000;

class FakeConnection {
  alive = true;
  bucket = 0;
  pings = 0;
  silences = 0;
  readonly answers: boolean;

  constructor(answers: boolean) {
    this.answers = answers;
  }

  ping(): void {
    this.pings++;
    if (this.answers) this.alive = true;
  }

  silent(): void {
    this.silences++;
  }

  shutDown(): void {}

  abandon(): void {}
}

test('every connection is pinged once a round, and those that stay silent are found', (t) => {
  const pinger = new Pinger();
  t.teardown(() => pinger.stop());
  const connections = Array.from({ length: 100 }, (_, i) => new FakeConnection(i % 2 === 0));
  for (const connection of connections) pinger.add(connection);
  for (let i = 0; i < TURNS_PER_ROUND; i++) pinger.turn();
  t.true(connections.every((each) => each.pings === 1));
  for (let i = 0; i < TURNS_PER_ROUND; i++) pinger.turn();
  t.true(connections.every((each) => each.silences > 0 !== each.answers));
  for (const connection of connections) pinger.delete(connection);
  pinger.turn();
  t.true(connections.every((each) => each.pings <= 2));
});

test('a token that ran out is warned of once, and ends the connection unless a new one comes', (t) => {
  const expiry = new Expiry();
  t.teardown(() => expiry.stop());
  const calls: string[] = [];
  const named = (name: string) => ({ expired: (warning: boolean) => void calls.push(`${name} ${warning}`) });
  const [late, renewed] = [named('late'), named('renewed')];
  expiry.add(late, 1_000);
  expiry.add(renewed, 1_000);
  expiry.add(named('for ever'), Number.POSITIVE_INFINITY);
  expiry.turn(5_999);
  t.deepEqual(calls, [], 'clocks may differ by some seconds');
  expiry.turn(6_000);
  t.deepEqual(calls, ['late true', 'renewed true']);
  expiry.add(renewed, 100_000);
  expiry.turn(20_999);
  expiry.turn(21_000);
  expiry.turn(22_000);
  t.deepEqual(calls, ['late true', 'renewed true', 'late false']);
});

function asked(origin: string | undefined): Parameters<Origins['allowsOrigin']>[0] {
  return {
    method: 'POST',
    url: '/v1/publish',
    headers: { host: '127.0.0.1:7400', ...(origin === undefined ? {} : { origin }) },
  };
}

test('pages of foreign sites are told apart from those that belong here', (t) => {
  const origins = new Origins(completeOptions({ advertise: 'https://chat.example' }), false, true, () => [
    'http://10.0.0.7:7400',
  ]);
  for (const origin of [
    'http://localhost:3000',
    'http://127.0.0.1',
    'https://chat.example',
    'http://10.0.0.7:1',
    undefined,
  ]) {
    t.true(origins.allowsOrigin(asked(origin)), String(origin));
  }
  for (const origin of ['https://evil.example', 'https://chat.example.evil', 'http://localhost.evil', 'nonsense']) {
    t.false(origins.allowsOrigin(asked(origin)), origin);
  }
  t.true(origins.allowsHost('localhost:7400'));
  t.true(origins.allowsHost('chat.example'));
  t.false(origins.allowsHost('evil.example:7400'));
  const withTokens = new Origins(completeOptions({ tokenSecret: 's' }), true, false, () => []);
  t.true(withTokens.allowsOrigin(asked('https://anywhere.example')));
  t.true(withTokens.allowsHost('anything'));
});

test('chance is even, in its range, and never the same name twice', (t) => {
  const random = new CryptoRandom();
  const names = new Set<string>();
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const x = random.next();
    t.true(x >= 0 && x < 1);
    counts[random.below(10)]!++;
    names.add(random.name(6));
  }
  t.is(names.size, 10_000);
  t.regex(random.name(6), /^[A-Za-z0-9_-]{8}$/);
  // 1,000 each with a deviation of 30; the chance of eight deviations is below one in 10^14
  t.true(Math.min(...counts) > 760 && Math.max(...counts) < 1_240);
});

test('nothing that a client sends can move the cursor of a log', (t) => {
  t.is(escapeControls('a\u001b[2Jb\nc\u009b'), 'a\\u001b[2Jb\\u000ac\\u009b');
});

test('alarms and defects are told unasked, on one line each, and not without end', (t) => {
  const told: string[] = [];
  const log = createLog('node', (text) => told.push(text));
  log('links', 'nobody asked');
  log('alarm', 'quarantined');
  log('error', 'Error: x\n    at y');
  t.deepEqual(told.splice(0), ['ALARM: quarantined', 'internal error: Error: x\\u000a    at y']);
  for (let i = 0; i < 1_000; i++) log('alarm', 'again');
  t.true(told.length < 1_000);
});

test('a process that was stopped for long acts on nothing that waited for it', (t) => {
  let now = 0;
  const stalls: number[] = [];
  const turns = new Turns(
    () => Number.POSITIVE_INFINITY,
    () => {},
    (stalledMs) => stalls.push(stalledMs),
    () => now,
  );
  t.teardown(() => turns.stop());
  t.false(turns.look(), 'before it runs, nothing counts');
  turns.start();
  now = 20_000;
  t.false(turns.look(), 'a pause of seconds is forgiven');
  now = 45_000;
  t.true(turns.look());
  t.false(turns.look(), 'it is told once');
  t.deepEqual(stalls, [44_000]);
});
