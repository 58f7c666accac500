/** Every kind of storage that apps use, each over the real thing. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pgSession from 'connect-pg-simple';
import { RedisStore } from 'connect-redis';
import sequelizeSession from 'connect-session-sequelize';
import session from 'express-session';
import { Redis } from 'ioredis';
import memoryStore from 'memorystore';
import type { PolarStorage } from 'passport-polar-sh';
import { type PostgresClient, postgresStorage } from 'passport-polar-sh/postgres';
import { redisStorage } from 'passport-polar-sh/redis';
import { Pool, type PoolConfig } from 'pg';
import { createClient } from 'redis';
import { Sequelize } from 'sequelize';
import { sessionStorage } from '../../src/storage/session-storage.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { startPGlite, type TestPGlite } from '../support/pglite.js';
import { neonOver } from './neon.js';

/** The addresses of the servers of a test. */
export interface Servers {
  readonly redis: string;
  readonly postgres: string;
  /** In front of that PostgreSQL. */
  readonly pgbouncer: string;
}

/** A storage as one process has it. */
export interface OpenStorage {
  readonly storage: PolarStorage;
  close(): unknown;
}

export interface RealStorage {
  readonly name: string;
  readonly needs?: 'redis' | 'postgres' | 'pgbouncer';
  /** It compares and writes in one step. */
  readonly isAtomic: boolean;
  /** It expires rows without a clean-up by the app. */
  readonly forgets: boolean;
  /** After it is closed it fails, as if its server were gone. */
  readonly breaks: boolean;
  /** Opens it as one process does; a second process gets its own connection if possible. */
  open(servers: Servers): Promise<OpenStorage>;
}

async function nodeRedis(url: string) {
  const client = createClient({ url });
  client.on('error', () => {}); // the server has been stopped
  await client.connect();
  return { client, close: () => client.isOpen && client.destroy() };
}

function pgPool(url: string, config: PoolConfig = {}): Pool {
  const pool = new Pool({ connectionString: url, max: 4, ...config });
  pool.on('error', () => {}); // the server has been stopped
  return pool;
}
const endOnce = (pool: Pool) => (): unknown => (pool.ended ? undefined : pool.end());

const over = (store: session.Store): PolarStorage => sessionStorage(store);

const connectRedis = (name: string, ttl: number | (() => number) | undefined): RealStorage => ({
  name: `connect-redis ${name}`,
  needs: 'redis',
  isAtomic: false,
  // If it is a function, the app's own lifetime applies.
  forgets: typeof ttl !== 'function',
  breaks: true,
  async open({ redis }) {
    const { client, close } = await nodeRedis(redis);
    const prefix = `${name}:`;
    return { storage: over(new RedisStore({ client, prefix, ...(ttl !== undefined && { ttl }) })), close };
  },
});

/** For stores in the memory of one process, which both views share. */
function inThisProcess(name: string, forgets: boolean, storage: PolarStorage): RealStorage {
  const isAtomic = storage.atomic !== false;
  const open = async () => ({ storage, close: () => {} });
  return { name, isAtomic, forgets, breaks: false, open };
}

/** `postgresStorage` over a client of PostgreSQL, each in a table of its own. */
function overPostgres(
  what: string,
  needs: 'postgres' | 'pgbouncer',
  connect: (servers: Servers) => Promise<{ client: PostgresClient; close(): unknown }>,
): RealStorage {
  const table = `polar_${what.replace(/\W+/g, '_')}`;
  return {
    name: `postgresStorage over ${what}`,
    needs,
    isAtomic: true,
    forgets: true,
    breaks: true,
    async open(servers) {
      const { client, close } = await connect(servers);
      return { storage: postgresStorage(client, { table, createTables: true }), close };
    },
  };
}

// In memory, so both views share it.
let pglite: TestPGlite | undefined;

let folder: string | undefined;
/** A folder for stores in files, removed afterwards. */
function filesFolder(): string {
  folder ??= mkdtempSync(join(tmpdir(), 'passport-polar-sh-storage-'));
  return folder;
}
export function removeFiles(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

export const realStorages: readonly RealStorage[] = [
  inThisProcess('the documented example in memory', false, inMemoryStorage()),
  inThisProcess('express-session’s MemoryStore', true, over(new session.MemoryStore())),
  inThisProcess('memorystore', true, over(new (memoryStore(session))({}))),
  {
    name: 'redisStorage over node-redis',
    needs: 'redis',
    isAtomic: true,
    forgets: true,
    breaks: true,
    async open({ redis }) {
      const { client, close } = await nodeRedis(redis);
      return { storage: redisStorage(client), close };
    },
  },
  {
    name: 'redisStorage over ioredis',
    needs: 'redis',
    isAtomic: true,
    forgets: true,
    breaks: true,
    async open({ redis }) {
      const client = new Redis(redis, { lazyConnect: true });
      client.on('error', () => {});
      await client.connect();
      return { storage: redisStorage(client, { prefix: 'io:' }), close: () => client.disconnect() };
    },
  },
  {
    name: 'redisStorage over a sendCommand of the app',
    needs: 'redis',
    isAtomic: true,
    forgets: true,
    breaks: true,
    async open({ redis }) {
      const { client, close } = await nodeRedis(redis);
      const sendCommand = (...args: string[]) => client.sendCommand(args);
      return { storage: redisStorage({ sendCommand }, { prefix: 'own:' }), close };
    },
  },
  overPostgres('a pool of pg', 'postgres', async ({ postgres }) => {
    const pool = pgPool(postgres);
    return { client: pool, close: endOnce(pool) };
  }),
  overPostgres('a pool of serializable transactions', 'postgres', async ({ postgres }) => {
    const pool = pgPool(postgres, { options: '-c default_transaction_isolation=serializable' });
    return { client: pool, close: endOnce(pool) };
  }),
  overPostgres('PgBouncer in transaction mode', 'pgbouncer', async ({ pgbouncer }) => {
    const pool = pgPool(pgbouncer);
    return { client: pool, close: endOnce(pool) };
  }),
  overPostgres('Neon’s serverless driver', 'postgres', async ({ postgres }) => neonOver(pgPool(postgres))),
  overPostgres('a pool of Neon’s serverless driver', 'postgres', async ({ postgres }) =>
    neonOver(pgPool(postgres), 'pool'),
  ),
  {
    name: 'postgresStorage over PGlite',
    isAtomic: true,
    forgets: true,
    breaks: false,
    async open() {
      pglite ??= startPGlite();
      return { storage: postgresStorage(pglite, { createTables: true }), close: () => {} };
    },
  },
  connectRedis('with its own ttl', undefined),
  connectRedis('with a number as ttl', 1200),
  connectRedis('with a function as ttl', () => 1200),
  {
    name: 'connect-pg-simple',
    needs: 'postgres',
    isAtomic: false,
    forgets: true,
    breaks: true,
    async open({ postgres }) {
      const pool = pgPool(postgres);
      const table = readFileSync(require.resolve('connect-pg-simple/table.sql'), 'utf8');
      const { rows } = await pool.query(`SELECT to_regclass('session') AS name`);
      if (rows[0].name === null) await pool.query(table);
      const PgStore = pgSession(session);
      return { storage: over(new PgStore({ pool, pruneSessionInterval: false })), close: endOnce(pool) };
    },
  },
  {
    name: 'connect-session-sequelize over PostgreSQL',
    needs: 'postgres',
    isAtomic: false,
    // Only its own clean-up does.
    forgets: false,
    breaks: true,
    async open({ postgres }) {
      const db = new Sequelize(postgres, { logging: false });
      const SequelizeStore = sequelizeSession(session.Store);
      const store = new SequelizeStore({ db, checkExpirationInterval: 0 });
      await store.sync();
      let isOpen = true;
      const close = async (): Promise<void> => {
        if (isOpen) await db.close();
        isOpen = false;
      };
      return { storage: over(store), close };
    },
  },
  {
    name: 'session-file-store',
    isAtomic: false,
    forgets: true,
    breaks: false,
    async open() {
      const FileStore = require('session-file-store')(session);
      const store = new FileStore({ path: join(filesFolder(), 'files'), logFn() {}, reapInterval: -1 });
      return { storage: over(store), close: () => {} };
    },
  },
  {
    name: 'better-sqlite3-session-store',
    isAtomic: false,
    forgets: true,
    breaks: true,
    async open() {
      const db = new (require('better-sqlite3'))(join(filesFolder(), 'sessions.db'));
      const SqliteStore = require('better-sqlite3-session-store')(session);
      return {
        storage: over(withoutInterval(() => new SqliteStore({ client: db }))),
        close: () => db.close(),
      };
    },
  },
];

/** Its clean-up would keep the process alive, and cannot be switched off. */
function withoutInterval<T>(make: () => T): T {
  const { setInterval } = globalThis;
  globalThis.setInterval = (() => 0) as never;
  try {
    return make();
  } finally {
    globalThis.setInterval = setInterval;
  }
}
