/** The locks that processes share, as one process opens them. */
import type { RefreshLock } from 'passport-polar-sh';
import { redisRefreshLock } from 'passport-polar-sh/redis';
import { Pool } from 'pg';
import { sqlRefreshLock } from '../docs/background-jobs/refresh-lock.js';
import { connectRedis, type RedisClientName } from '../support/redis-clients.js';

export type SharedLockKind = RedisClientName | 'SQL';

export interface OpenedLock {
  readonly lock: RefreshLock;
  close(): unknown;
}

export async function openSharedLock(
  kind: SharedLockKind,
  url: string,
  leaseMs: number,
): Promise<OpenedLock> {
  if (kind !== 'SQL') {
    const { sendCommand, close } = await connectRedis(kind, url);
    return { lock: redisRefreshLock({ sendCommand, leaseMs }), close };
  }
  const pool = new Pool({ connectionString: url });
  pool.on('error', () => {}); // the server has been stopped
  return { lock: sqlRefreshLock(pool, leaseMs), close: () => pool.end() };
}
