/** Runs the `halod` command as its users do: as a process, by what it prints and how it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  /** The next line of stdout that fits; rejects when the process ends before. */
  line(fits: (line: string) => boolean): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

export function start(
  args: readonly string[],
  options: { readonly input?: string; readonly environment?: Record<string, string> } = {},
): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HALOD_'));
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...options.environment },
  });
  child.stdin.end(options.input ?? '');
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const lines: string[] = [];
  let wake = (): void => {};
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout += `${line}\n`;
    lines.push(line);
    wake();
  });
  let over = false;
  const ended = once(child, 'close').then(([code]): Ended => {
    over = true;
    wake();
    return { code: code as number | null, stdout, stderr };
  });
  return {
    async line(fits) {
      for (;;) {
        const index = lines.findIndex(fits);
        if (index >= 0) return lines.splice(0, index + 1).at(-1)!;
        if (over) throw new Error(`halod ${args.join(' ')} ended without the line\n${stdout}${stderr}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    kill: (signal) => void child.kill(signal),
    ended,
  };
}

export function run(
  args: readonly string[],
  options: { readonly input?: string; readonly environment?: Record<string, string> } = {},
): Promise<Ended> {
  return start(args, options).ended;
}
