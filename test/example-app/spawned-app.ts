import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

const root = resolve(__dirname, '../..');

/** The example app as a separate process. */
export interface SpawnedApp {
  readonly url: string;
  /** Everything that it has printed so far. */
  output(): string;
  /** Sends SIGTERM; resolves with the exit code, or the signal that killed it. */
  stop(): Promise<number | string>;
  /** Like Ctrl-C: sends SIGINT to the process and to everything that it has started. */
  interrupt(): Promise<number | string>;
}

/** How the app is started: directly, or through npm as users do. */
const commands = {
  node: [process.execPath, '--import', 'tsx', 'example-app/server.ts'],
  npm: ['npm', 'start'],
} as const;

/** Starts the app with nothing in its environment but `env`, and waits until it listens. */
export async function spawnApp(
  env: Readonly<Record<string, string>>,
  by: keyof typeof commands = 'node',
): Promise<SpawnedApp> {
  const { child, output, ended } = run(env, by);
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
    interrupt: () => {
      process.kill(-(child.pid as number), 'SIGINT');
      return ended;
    },
  };
}

/** Starts the app and waits until it ends by itself. */
export async function runToEnd(
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | string; output: string }> {
  const { output, ended } = run(env, 'node');
  return { code: await ended, output: output() };
}

function run(
  env: Readonly<Record<string, string>>,
  by: keyof typeof commands,
): {
  child: ChildProcessWithoutNullStreams;
  output: () => string;
  ended: Promise<number | string>;
} {
  const [command, ...args] = commands[by];
  const child = spawn(command, args, {
    cwd: root,
    env: { PATH: process.env['PATH'], ...env },
    detached: true, // its own process group, as in a terminal
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(String(chunk)));
  return {
    child,
    output: () => chunks.join(''),
    ended: once(child, 'close').then(([code, signal]) => code ?? signal),
  };
}
