/** A machine for reports that were measured nowhere. */
import type { Machine } from '../../bench/harness/machine.js';

export const MACHINE: Machine = {
  cpu: 'a cpu',
  cores: 2,
  memoryGiB: 8,
  kernel: '6',
  system: 'a system',
  node: 'v20',
  openFilesMax: 1_024,
};
