import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type DoctorSurroundings, doctorCommand } from '../../../../src/commands/doctor-command';
import { Terminal } from '../../../support/terminal';

export const root = resolve(__dirname, '../../../..');

// By its path: the command may run in folders that do not have it.
const tsx = pathToFileURL(require.resolve('tsx')).href;

/** A row of the report, as `--json` prints it. */
export interface Row {
  readonly check: string;
  readonly result: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly found: string;
  readonly remedy: string | null;
}

export interface Examination {
  readonly terminal: Terminal;
  readonly rows: readonly Row[];
  /** The row of a check. */
  row(check: string): Row;
}

/** A terminal whose processes run the source of this package. */
export function terminalWith(env: Readonly<Record<string, string>>): Terminal {
  const terminal = new Terminal();
  Object.assign(terminal.argv, { 1: resolve(root, 'src/cli.ts') });
  Object.assign(terminal.env, { PATH: process.env['PATH'], NODE_OPTIONS: `--import ${tsx}` }, env);
  return terminal;
}

/** Runs `doctor --json` in this process, in the folder of this project. Slow checks are no failure. */
export async function examine(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  surroundings: DoctorSurroundings = {},
): Promise<Examination> {
  const terminal = terminalWith(env);
  await doctorCommand(['--json', ...args], terminal, {
    folder: root,
    checkMs: 60_000,
    requestMs: 20_000,
    ...surroundings,
  });
  const { checks: rows } = JSON.parse(terminal.out) as { checks: Row[] };
  return {
    terminal,
    rows,
    row: (check) => rows.find((row) => row.check === check) ?? fail(check),
  };
}

function fail(check: string): never {
  throw new Error(`the report has no row ${check}`);
}
