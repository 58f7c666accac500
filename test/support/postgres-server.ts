import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Pool, type PoolConfig } from 'pg';
import { freePort } from './free-port.js';
import { neededProgram } from './needed-program.js';

export interface TestPostgres {
  readonly url: string;
  /** Connections to the server, ended with it. */
  pool(options?: PoolConfig): Pool;
  /** Stops the server and cuts off its clients. It keeps its data. */
  stop(): Promise<void>;
  /** Starts it again after {@link TestPostgres.stop}. */
  start(): Promise<void>;
  close(): Promise<void>;
}

// Debian and Ubuntu keep the server out of PATH; the newest first.
const debianFolder = '/usr/lib/postgresql';
const folders = existsSync(debianFolder)
  ? readdirSync(debianFolder)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(debianFolder, version, 'bin'))
  : [];
const postgres = neededProgram(
  ['postgres'],
  'apt-get install postgresql (or brew install postgresql)',
  folders,
);

/** Whether PostgreSQL is here. A missing one skips suites on a person's machine, with a hint, and fails in CI. */
export const hasPostgres = postgres !== undefined;

/** A role that needs its password; the test has to create it. */
export const securedRole = 'secured';

/** A role that may connect only with TLS, as at many hosts; it does not exist, since it gets no further. */
export const encryptedRole = 'encrypted';

/** How long a hook that starts it may take: it makes a whole database cluster, on a machine that may be busy. */
export const postgresStartMs = 90_000;

/**
 * A real PostgreSQL on a free port of this machine, whose data are gone when it is closed.
 *
 * @param standbyOf the url of another one, of which this is a read-only standby until it is promoted
 */
export async function startPostgres({ standbyOf }: { standbyOf?: string } = {}): Promise<TestPostgres> {
  // PATH may have a link to the server alone.
  const programs = dirname(realpathSync(postgres ?? ''));
  const folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-postgres-'));
  const user = unprivilegedUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  // Not in the project's folder, which that user may not be able to read.
  const options = { ...user, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C' } };
  const data = join(folder, 'data');
  if (standbyOf === undefined) {
    const args = ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--no-sync'];
    execFileSync(join(programs, 'initdb'), args, { ...options, stdio: 'pipe' });
    const access = join(data, 'pg_hba.conf'); // the first line that fits counts
    const roles = `host all ${securedRole} all scram-sha-256\nhostnossl all ${encryptedRole} all reject\n`;
    writeFileSync(access, roles + readFileSync(access, 'utf8'));
  } else {
    const args = ['-D', data, '-d', standbyOf, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'];
    execFileSync(join(programs, 'pg_basebackup'), args, { ...options, stdio: 'pipe' });
  }

  const port = await freePort();
  // Nothing has to survive a crash of this machine, so nothing waits for the disk.
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
    autovacuum: 'off',
    shared_buffers: '16MB',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    server = spawn(join(programs, 'postgres'), ['-D', data, ...flags], {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const log: string[] = [];
    server.stderr?.on('data', (chunk) => log.push(String(chunk)));
    await untilItAnswers(url, server, log);
  };
  const stop = async (): Promise<void> => {
    if (server === undefined || server.exitCode !== null) return;
    const exited = once(server, 'exit');
    server.kill('SIGINT'); // "fast" shutdown: whoever is still connected is cut off
    await exited;
  };
  const remove = async (): Promise<void> => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await remove();
    throw error;
  }

  const pools: Pool[] = [];
  return {
    url,
    pool(poolOptions) {
      const pool = new Pool({ connectionString: url, ...poolOptions });
      pool.on('error', () => {}); // the server has been stopped
      pools.push(pool);
      return pool;
    },
    stop,
    start,
    async close() {
      await Promise.all(pools.filter(({ ended }) => !ended).map((pool) => pool.end()));
      await remove();
    },
  };
}

/** PostgreSQL and PgBouncer refuse to run as root, as whom containers run tests. */
export function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const [, , uid, gid] = users.find(([name]) => name === 'postgres') ??
    users.find(([name]) => name === 'nobody') ?? [undefined, undefined, '65534', '65534'];
  return { uid: Number(uid), gid: Number(gid) };
}

async function untilItAnswers(url: string, server: ChildProcess, log: readonly string[]): Promise<void> {
  for (const giveUpAt = Date.now() + postgresStartMs / 2; ; await delay(25)) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL has ended:\n${log.join('')}`);
    const client = new Client({ connectionString: url });
    client.on('error', () => {});
    try {
      await client.connect();
      return await client.end();
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
    }
  }
}
