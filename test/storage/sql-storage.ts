import type { PolarStorage } from 'passport-polar-sh';
import type { Pool } from 'pg';

/** Columns of type uuid accept 32 hexadecimal characters and return them with hyphens. */
export const sqlTable = `CREATE TABLE IF NOT EXISTS polar_rows (
  id uuid PRIMARY KEY,
  version bigint NOT NULL,
  value text NOT NULL,
  expires_at timestamptz NOT NULL
)`;

/** A storage over a table, as an app would write it. */
export function sqlStorage(pool: Pool): PolarStorage {
  return {
    async read({ id }) {
      const { rows } = await pool.query(
        'SELECT version, value FROM polar_rows WHERE id = $1 AND expires_at > now()',
        [id],
      );
      return rows[0];
    },
    async write({ id }, { version, value }, { ttlSeconds }) {
      const { rowCount } = await pool.query(
        `INSERT INTO polar_rows (id, version, value, expires_at)
         VALUES ($1, $2, $3, now() + make_interval(secs => $4))
         ON CONFLICT (id) DO UPDATE
           SET version = excluded.version, value = excluded.value, expires_at = excluded.expires_at
         WHERE polar_rows.version < excluded.version
            OR (polar_rows.version = excluded.version AND polar_rows.value = excluded.value)
            OR polar_rows.expires_at <= now()`,
        [id, version, value, ttlSeconds],
      );
      return rowCount === 1;
    },
    async remove({ id }, { version, value }) {
      await pool.query('DELETE FROM polar_rows WHERE id = $1 AND version = $2 AND value = $3', [
        id,
        version,
        value,
      ]);
    },
  };
}
