import { execFile } from 'node:child_process';
import { resolve } from 'node:path';

const root = resolve(__dirname, '../..');

/** What the command `passport-polar-sh` did, as a process of its own. */
export interface CommandRun {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs the command with nothing in its environment but `env`. */
export function runCLI(args: readonly string[], env: Readonly<Record<string, string>>): Promise<CommandRun> {
  const cli = ['--import', 'tsx', 'src/cli.ts', ...args];
  const options = { cwd: root, env: { PATH: process.env['PATH'] ?? '', ...env } };
  return new Promise((done) => {
    execFile(process.execPath, cli, options, (failure, out, error) => {
      done({ code: failure === null ? 0 : Number(failure.code), out, error });
    });
  });
}
