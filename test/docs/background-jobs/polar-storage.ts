import type { PolarStorage } from 'passport-polar-sh';
import type { Pool } from 'pg';

/** What processes share of logins, in one table of the app's own database. */
export function sqlStorage(db: Pool): PolarStorage {
  return {
    async read({ id }) {
      const { rows } = await db.query(
        'SELECT version, value FROM polar_rows WHERE id = $1 AND expires_at > now()',
        [id],
      );
      return rows[0] && { version: Number(rows[0].version), value: rows[0].value };
    },
    async write({ id }, { version, value }, { ttlSeconds }) {
      // One statement compares and writes, so that of two processes the higher version wins.
      const { rowCount } = await db.query(
        `INSERT INTO polar_rows (id, version, value, expires_at)
         VALUES ($1, $2, $3, now() + $4 * interval '1 second')
         ON CONFLICT (id) DO UPDATE
         SET version = excluded.version, value = excluded.value, expires_at = excluded.expires_at
         WHERE polar_rows.version < excluded.version OR polar_rows.expires_at <= now()
            OR (polar_rows.version = excluded.version AND polar_rows.value = excluded.value)`,
        [id, version, value, ttlSeconds],
      );
      return rowCount === 1;
    },
    async remove({ id }, { version, value }) {
      await db.query('DELETE FROM polar_rows WHERE id = $1 AND version = $2 AND value = $3', [
        id,
        version,
        value,
      ]);
    },
  };
}
