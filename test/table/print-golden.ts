/** Prints the lines of GOLDEN in golden.test.ts for the table as it is now. */
import { CASES, fingerprint } from './golden.js';

for (const golden of CASES) {
  const { iteration, owners, holders } = fingerprint(golden);
  console.log(`  '${golden.name}': ['${iteration}', '${owners}', '${holders}'],`);
}
