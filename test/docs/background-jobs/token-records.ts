import type { TokenRecordStore } from 'passport-polar-sh';
import type { Pool } from 'pg';

/** Token records in the app's own database. */
export function sqlTokenRecords(db: Pool): TokenRecordStore {
  return {
    async get(loginId) {
      const { rows } = await db.query(
        'SELECT generation, sealed FROM polar_tokens WHERE login_id = $1 AND expires_at > now()',
        [loginId],
      );
      return rows[0] && { generation: Number(rows[0].generation), sealed: rows[0].sealed };
    },
    async put(loginId, { generation, sealed }, { ttlSeconds }) {
      // One statement compares and writes, so that of two processes the higher generation wins.
      const { rowCount } = await db.query(
        `INSERT INTO polar_tokens (login_id, generation, sealed, expires_at)
         VALUES ($1, $2, $3, now() + $4 * interval '1 second')
         ON CONFLICT (login_id) DO UPDATE
         SET generation = excluded.generation, sealed = excluded.sealed, expires_at = excluded.expires_at
         WHERE polar_tokens.generation < excluded.generation OR polar_tokens.expires_at <= now()`,
        [loginId, generation, sealed, ttlSeconds],
      );
      return rowCount === 1;
    },
  };
}
