import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { freePort } from './free-port.js';
import { neededProgram } from './needed-program.js';
import { unprivilegedUser } from './postgres-server.js';

export interface TestPgBouncer {
  readonly url: string;
  close(): Promise<void>;
}

const pgbouncer = neededProgram(['pgbouncer'], 'apt-get install pgbouncer (or brew install pgbouncer)', [
  '/usr/sbin',
]);

/** Whether PgBouncer is here. A missing one skips suites on a person's machine, with a hint, and fails in CI. */
export const hasPgBouncer = pgbouncer !== undefined;

/**
 * A real PgBouncer in transaction mode in front of a PostgreSQL: each transaction gets any of two connections, whose state
 * nobody resets.
 */
export async function startPgBouncer(postgresURL: string): Promise<TestPgBouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-pgbouncer-'));
  const user = unprivilegedUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const port = await freePort();
  const { hostname, port: postgresPort } = new URL(postgresURL);
  const file = join(folder, 'pgbouncer.ini');
  const settings = [
    '[databases]',
    `* = user=postgres host=${hostname} port=${postgresPort}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any', // as the user whom the database names
    'pool_mode = transaction',
    'default_pool_size = 2',
    'server_reset_query =',
    'server_login_retry = 1',
    'query_wait_timeout = 10',
  ];
  writeFileSync(file, settings.join('\n'));
  const server = spawn(pgbouncer ?? '', [file], {
    ...user,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: string[] = [];
  server.stderr.on('data', (chunk) => log.push(String(chunk)));
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const close = async (): Promise<void> => {
    if (server.exitCode === null) {
      const exited = once(server, 'exit');
      server.kill('SIGQUIT'); // at once; SIGTERM waits for clients in some versions
      await exited;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilItAnswers(url, server, log);
  } catch (error) {
    await close();
    throw error;
  }
  return { url, close };
}

async function untilItAnswers(url: string, server: ChildProcess, log: readonly string[]): Promise<void> {
  for (const giveUpAt = Date.now() + 20_000; ; await delay(25)) {
    if (server.exitCode !== null) throw new Error(`PgBouncer has ended:\n${log.join('')}`);
    const client = new Client({ connectionString: url });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('SELECT 1');
      return await client.end();
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
    }
  }
}
