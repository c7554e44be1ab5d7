import test from 'ava';
import fc from 'fast-check';
import { Agenda } from '../../lib/core/membership/agenda.js';
import { Suspicion } from '../../lib/core/membership/suspicion.js';
import type { Entry } from '../../lib/core/membership/view.js';

/** A member under suspicion, as far as an agenda looks at one. */
function suspect(): { readonly entry: Entry; readonly suspicion: Suspicion } {
  const suspicion = new Suspicion({ boot: 1, incarnation: 0 }, 0);
  return { entry: { suspicion } as Entry, suspicion };
}

const step = fc.record({
  what: fc.constantFrom('note', 'end', 'visit', 'visit', 'rule'),
  which: fc.nat({ max: 199 }),
  inMs: fc.integer({ min: 0, max: 50 }),
});

test('whoever is due is looked at in the next visit, nobody before, and nobody whose suspicion has ended', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const agenda = new Agenda();
      const noted: (ReturnType<typeof suspect> & { due: number })[] = [];
      let confirmations = 3;
      let now = 0;
      for (const { what, which, inMs } of steps) {
        const one = noted[which % Math.max(1, noted.length)];
        if (what === 'note') {
          const made = { ...suspect(), due: now + inMs };
          noted.push(made);
          agenda.note(made.entry, made.suspicion, made.due, confirmations);
        } else if (what === 'end' && one) one.entry.suspicion = undefined;
        else if (what === 'rule') confirmations = 1 + (which % 3);
        else {
          now += inMs;
          const stood = agenda.stands(confirmations);
          const open = noted.filter(({ entry, suspicion }) => entry.suspicion === suspicion);
          const expected = open.filter(({ due }) => !stood || due <= now);
          const seen: Entry[] = [];
          const next = agenda.visit(
            now,
            () => confirmations,
            (entry) => {
              seen.push(entry);
              const found = noted.find((each) => each.entry === entry)!;
              found.due = found.due <= now ? now + 40 : found.due;
              return found.due;
            },
          );
          t.deepEqual(
            seen,
            expected.map(({ entry }) => entry),
          );
          t.is(next, Math.min(...open.map(({ due }) => due)));
          t.true(agenda.stands(confirmations));
        }
      }
    }),
    { numRuns: 500 },
  );
});
