import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RefreshLock } from 'passport-polar-sh';
import type { Pool } from 'pg';

/** A row per lock. The lock of a process that dies is free after `leaseMs`; others renew theirs. */
export function sqlRefreshLock(db: Pool, leaseMs = 5000): RefreshLock {
  async function take(key: string, owner: string): Promise<boolean> {
    const { rowCount } = await db.query(
      `INSERT INTO polar_locks (key, owner, expires_at) VALUES ($1, $2, now() + $3 * interval '1 ms')
       ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
       WHERE polar_locks.expires_at <= now()`,
      [key, owner, leaseMs],
    );
    return rowCount === 1;
  }
  async function renew(key: string, owner: string): Promise<void> {
    await db.query(
      `UPDATE polar_locks SET expires_at = now() + $3 * interval '1 ms' WHERE key = $1 AND owner = $2`,
      [key, owner, leaseMs],
    );
  }
  return {
    leaseMs,
    async acquire(key, { waitMs }) {
      const owner = randomUUID();
      const giveUpAt = performance.now() + waitMs;
      while (!(await take(key, owner))) {
        if (performance.now() >= giveUpAt) throw new Error(`The refresh lock was not free for ${waitMs} ms`);
        await delay(50 + 100 * Math.random());
      }
      const renewal = setInterval(() => renew(key, owner).catch(() => {}), leaseMs / 3).unref();
      return async () => {
        clearInterval(renewal);
        await db.query('DELETE FROM polar_locks WHERE key = $1 AND owner = $2', [key, owner]);
      };
    },
  };
}
