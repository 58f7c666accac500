import pgSession from 'connect-pg-simple';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import type { PolarStorage } from 'passport-polar-sh';
import { postgresStorage } from 'passport-polar-sh/postgres';
import { redisStorage } from 'passport-polar-sh/redis';
import { Pool } from 'pg';
import type { Config, SharedStore } from './config.js';
import { connectToRedis, type RedisAddress } from './redis-client.js';

/** Where sessions and refreshed tokens are kept. */
export interface Sessions {
  readonly store: session.Store;
  /** If unset, tokens are stored in the session store. */
  readonly storage?: PolarStorage | undefined;
  close(): Promise<void>;
}

/** Opens what is configured. */
export async function openSessions({ postgres, redis }: Config): Promise<Sessions> {
  if (redis !== undefined) return sessionsInRedis(redis);
  return postgres === undefined ? sessionsInMemory() : sessionsInPostgres(postgres);
}

/** In memory, for one process in development; a restart logs everybody out. */
function sessionsInMemory(): Sessions {
  return { store: new session.MemoryStore(), close: async () => {} };
}

/**
 * In Redis, for any number of processes.
 *
 * @throws Error when Redis cannot be reached
 */
async function sessionsInRedis({ ownStorage, ...address }: RedisAddress & SharedStore): Promise<Sessions> {
  const client = await connectToRedis(address);
  return {
    store: new RedisStore({ client }),
    storage: ownStorage ? redisStorage(client) : undefined,
    close: async () => void (await client.close()),
  };
}

/**
 * In PostgreSQL, for any number of processes. Creates the tables that are missing.
 *
 * @throws Error when PostgreSQL cannot be reached
 */
async function sessionsInPostgres({
  ownStorage,
  url,
}: SharedStore & { readonly url: string }): Promise<Sessions> {
  // While PostgreSQL is away, requests fail soon instead of piling up.
  const pool = new Pool({ connectionString: url, connectionTimeoutMillis: 2000 });
  pool.on('error', (error) => console.error(`PostgreSQL: ${error.message}`)); // it connects again by itself
  try {
    await pool.query('SELECT 1');
  } catch (cause) {
    await pool.end();
    const { code, message } = cause as { code?: string; message?: string };
    throw new Error(
      `DATABASE_URL: PostgreSQL at ${new URL(url).host} does not let this app in (${code ?? message})`,
      {
        cause,
      },
    );
  }
  const store = new (pgSession(session))({ pool, createTableIfMissing: true });
  return {
    store,
    storage: ownStorage ? postgresStorage(pool, { createTables: true }) : undefined,
    close: async () => {
      await store.close(); // its clean-up
      await pool.end();
    },
  };
}
