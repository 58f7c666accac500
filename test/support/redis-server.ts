import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createClient } from 'redis';
import { freePort } from './free-port.js';

export interface TestRedis {
  readonly url: string;
  readonly sendCommand: (command: string, ...args: string[]) => Promise<unknown>;
  /** Stops it where it is: connections stay open, and nothing is answered until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Kills it, with all that it held. */
  crash(): Promise<void>;
  /** Starts it again at the same address after {@link crash}, empty. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Whether a redis-server is here. A missing one skips suites on a person's machine, with a hint, and fails in CI. */
export const hasRedis = runs('redis-server');
if (!hasRedis) {
  if (process.env['CI']) throw new Error('redis-server is missing; in CI no suite may be skipped');
  console.warn(
    'Skipped: no redis-server here. Get it with: apt-get install redis-server (or brew install redis)',
  );
}

/** Whether a valkey-server is here. Many systems have no package of it, so its suites are optional, also in CI. */
export const hasValkey = runs('valkey-server');

function runs(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A real redis-server on a free port of this machine, which keeps nothing on disk. */
export async function startRedis(): Promise<TestRedis> {
  const port = await freePort();
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    '/tmp',
  ];
  const start = (): ChildProcess => spawn('redis-server', args, { stdio: 'ignore' });
  let server = start();
  const crash = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    // It keeps nothing, and one that is paused would hear no other signal.
    server.kill('SIGKILL');
    await exited;
  };
  const client = createClient({
    socket: { host: '127.0.0.1', port, reconnectStrategy: (retries) => Math.min(50 * retries, 500) },
  });
  client.on('error', () => {}); // it is still starting, or has been stopped
  await client.connect();
  return {
    url: `redis://127.0.0.1:${port}`,
    sendCommand: (...command) => client.sendCommand(command),
    pause: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
    crash,
    async restart() {
      server = start();
      await client.ping();
    },
    async close() {
      client.destroy();
      await crash();
    },
  };
}
