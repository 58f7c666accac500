import { fork } from 'node:child_process';
import { within } from '../../async/within.js';
import type { Terminal } from '../terminal.js';
import { type CheckResult, failed, kindOf } from './check.js';
import type { Env, ProbeName } from './examined-app.js';
import { probePostgres } from './postgres-probe.js';
import { probeRedis } from './redis-probe.js';
import { probeSessionStore } from './session-store-probe.js';

type Probe = (env: Env, folder: string, args: readonly string[]) => Promise<CheckResult>;

/** Checks that run code of the app: its session store, its database drivers. */
const probes: Record<ProbeName, Probe> = {
  'session-store': (_env, _folder, [path = '']) => probeSessionStore(path),
  redis: (env, folder) => probeRedis(env['REDIS_URL'] ?? '', folder),
  postgres: (env, folder) => probePostgres(env['DATABASE_URL'] ?? '', folder),
};

/** The private command that a probe's process runs. */
export const probeCommandName = 'doctor-probe';

/** Runs one probe in this process and sends its result to the parent process, which then ends this one. */
export async function probeCommand([name, ...args]: readonly string[], terminal: Terminal): Promise<void> {
  if (terminal.send === undefined || name === undefined || !Object.hasOwn(probes, name)) {
    terminal.stderr.write(`passport-polar-sh ${probeCommandName}: a part of the command doctor.\n`);
    terminal.exitCode = 2;
    return;
  }
  const probe = probes[name as ProbeName];
  const result = await probe(terminal.env ?? {}, process.cwd(), args).catch((error: unknown) =>
    failed(`failed (${kindOf(error)})`, 'Run the code in question by itself to see the error.'),
  );
  terminal.send({ [probeCommandName]: result });
}

/**
 * Runs a probe in a process of its own. What it prints is dropped, and whatever it leaves open, or blocks, ends with it.
 *
 * @param limitMs milliseconds, the start of the process included
 */
export async function runProbe(
  name: ProbeName,
  args: readonly string[],
  options: {
    readonly terminal: Terminal;
    readonly env: Env;
    readonly folder: string;
    readonly limitMs: number;
  },
): Promise<CheckResult> {
  const { env, folder, limitMs, terminal } = options;
  const child = fork(terminal.argv[1] ?? '', [probeCommandName, name, ...args], {
    cwd: folder,
    env: { ...env },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const settled = new Promise<CheckResult>((resolve) => {
    // The code of the app may send messages, too: process.send('ready') is for a process manager.
    child.on('message', (message) => {
      const result = (Object(message) as Record<string, unknown>)[probeCommandName];
      if (result !== undefined) resolve(result as CheckResult);
    });
    const ended = (how: string) =>
      resolve(
        failed(`ended without a result (${how})`, 'Run the code in question by itself to see the error.'),
      );
    child.once('error', (error) => ended(kindOf(error)));
    child.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
  });
  try {
    return await within(settled, limitMs, () => new Error('late'));
  } catch {
    return failed(
      `does not respond within ${limitMs} ms`,
      'Check that it runs and can be reached from here.',
    );
  } finally {
    child.kill('SIGKILL');
  }
}
