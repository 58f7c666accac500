import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

const root = resolve(__dirname, '../..');

/** The example app as a process of its own, as `npm start` starts it. */
export interface SpawnedApp {
  readonly url: string;
  /** Everything it printed so far. */
  output(): string;
  /** Sends SIGTERM; resolves with the exit code, or the signal that killed it. */
  stop(): Promise<number | string>;
}

/** Starts the app with nothing in its environment but `env`, and waits until it listens. */
export async function spawnApp(env: Readonly<Record<string, string>>): Promise<SpawnedApp> {
  const { child, output, ended } = run(env);
  const url = await new Promise<string>((started, failed) => {
    child.stdout.on('data', () => {
      const line = output().trimEnd().split('\n').at(-1) ?? '';
      const found = /^listening on (http:\/\/localhost:\d+)$/.exec(line)?.[1];
      if (found !== undefined) started(found);
    });
    void ended.then((code) => failed(new Error(`The app ended with ${code}:\n${output()}`)));
  });
  return {
    url,
    output,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** Starts the app and waits until it ends by itself. */
export async function runToEnd(
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | string; output: string }> {
  const { output, ended } = run(env);
  return { code: await ended, output: output() };
}

function run(env: Readonly<Record<string, string>>): {
  child: ChildProcessWithoutNullStreams;
  output: () => string;
  ended: Promise<number | string>;
} {
  const child = spawn(process.execPath, ['--import', 'tsx', 'example-app/server.ts'], {
    cwd: root,
    env: { PATH: process.env['PATH'], ...env },
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(String(chunk)));
  return {
    child,
    output: () => chunks.join(''),
    ended: once(child, 'close').then(([code, signal]) => code ?? signal),
  };
}
