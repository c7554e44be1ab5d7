import test from 'ava';
import fc from 'fast-check';
import type { ClientMessage } from '../../lib/wire/client.js';
import { readJsonFrame } from '../../lib/wire/codec-client.js';
import { readPublishFrame } from '../../lib/wire/json-publish.js';

/** What the reader of all frames makes of it: the messages, or that it is refused. */
function readSlowly(frame: string): ClientMessage[] | 'refused' {
  const messages: ClientMessage[] = [];
  let isRefused = false;
  try {
    readJsonFrame(frame, { message: (m) => void messages.push(m), refused: () => (isRefused = true) });
  } catch {
    return 'refused';
  }
  return isRefused ? 'refused' : messages;
}

const frameOf = (...messages: unknown[]) => JSON.stringify({ type: 'publish', ref: 7, messages });

test('a frame of publishes is read from its bytes, data as the text it is', (t) => {
  const item = { channel: 'room:1', publisher: 'publisher-1', seq: 3, data: { a: [1.5e-3, 'ü\\', null], b: {} } };
  const frame = frameOf(item, { channel: 'é', data: 1 }, { data: 'x', id: 'own', channel: 'c', ageMs: 12 });
  t.deepEqual(readPublishFrame(Buffer.from(frame)), {
    type: 'publish',
    ref: 7,
    messages: [
      { ...item, data: JSON.stringify(item.data) },
      { channel: 'é', data: '1' },
      { channel: 'c', data: '"x"', id: 'own', ageMs: 12 },
    ],
  });
});

test('whatever is not as expected is left to the reader of all frames', (t) => {
  for (const frame of [
    '',
    '{}',
    frameOf(),
    frameOf({ channel: 'c' }),
    frameOf({ channel: '', data: 1 }),
    frameOf({ channel: 'c', data: 1, other: 1 }),
    frameOf({ channel: 'c', data: 1, publisher: 'publisher-1' }),
    frameOf({ channel: 'c', data: 1, seq: 1 }),
    frameOf({ channel: 'c', data: 1, publisher: 'short', seq: 1 }),
    frameOf({ channel: 'c', data: 1, publisher: 'publisher-1', seq: 0 }),
    frameOf({ channel: 'c', data: 'AA==', encoding: 'base64' }),
    frameOf({ channel: 'a\nb', data: 1 }),
    frameOf({ channel: 'c', data: 'x'.repeat(70_000) }),
    frameOf(...new Array(1_001).fill({ channel: 'c', data: 1 })),
    `${frameOf({ channel: 'c', data: 1 })} `,
    frameOf({ channel: 'c', data: 1 }).replace('7', '07'),
    frameOf({ channel: 'c', data: 1 }).replace('7', '1e3'),
    frameOf({ channel: 'c', data: 1 }).replace('7', '9007199254740993'),
    frameOf({ channel: 'c', data: '#' }).replace('#', '\\u12x4'),
    frameOf({ channel: 'c', data: '#' }).replace('#', '\n'),
    frameOf({ channel: 'c', data: 0 }).replace('0}', `${'['.repeat(33)}${']'.repeat(33)}}`),
    ...['01', '1.', '.5', '-', '+1', '1e', 'tru', 'nulL', '[1,]', '{"a":1,}', '{"a"}', '{a:1}', '[1 2]', ''].map(
      (data) => frameOf({ channel: 'c', data: 0 }).replace('0}', `${data}}`),
    ),
  ]) {
    t.is(readPublishFrame(Buffer.from(frame)), null, frame.slice(0, 100));
  }
});

test('what it accepts is what the reader of all frames reads', (t) => {
  const item = fc.record(
    {
      channel: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
      data: fc.jsonValue({ maxDepth: 4 }),
      id: fc.string({ minLength: 1, maxLength: 6 }),
      numbered: fc.boolean(),
      ageMs: fc.nat(),
    },
    { requiredKeys: ['channel', 'data'] },
  );
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.array(item, { minLength: 1, maxLength: 5 }),
      fc.nat(),
      fc.constantFrom('', '"', '}', '\\', ' ', '0'),
      (items, at, sign) => {
        const frame = frameOf(
          ...items.map(({ numbered, ...rest }, i) =>
            numbered ? { ...rest, publisher: 'publisher-1', seq: i + 1 } : rest,
          ),
        );
        for (const text of [frame, frame.slice(0, at % frame.length) + sign + frame.slice((at % frame.length) + 1)]) {
          const bytes = Buffer.from(text);
          const read = readPublishFrame(bytes);
          if (read === null) continue;
          accepted++;
          t.deepEqual([read] as ClientMessage[], readSlowly(bytes.toString()) as ClientMessage[], text);
        }
      },
    ),
    { numRuns: 1_000, verbose: 1 },
  );
  t.true(accepted > 500, `only ${accepted} of 2,000 were accepted`);
});
