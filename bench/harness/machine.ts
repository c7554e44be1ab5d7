/** The machine that a result belongs to. A figure without it says nothing. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly system: string;
  readonly node: string;
  readonly openFilesMax: number;
}

export function openFilesMax(): number {
  const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return line === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(line ?? 1_024);
}

export function describeMachine(): Machine {
  let system = 'Linux';
  try {
    system = /^PRETTY_NAME="(.*)"/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? system;
  } catch {
    // Not every Linux says what it is.
  }
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system,
    node: process.version,
    openFilesMax: openFilesMax(),
  };
}

/** What a command prints, both streams, or undefined where it does not exist. */
export function outputOf(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync('sh', ['-c', `"$0" "$@" 2>&1`, command, ...args], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
    }).trim();
  } catch {
    return undefined;
  }
}
