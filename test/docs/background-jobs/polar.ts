import { PolarStrategy, type PolarStrategyOptions } from 'passport-polar-sh';
import { postgresStorage } from 'passport-polar-sh/postgres';
import type { Pool } from 'pg';

/** The strategy, the same for the web app and for the job. */
export function createPolar(db: Pool, options: PolarStrategyOptions): PolarStrategy {
  return new PolarStrategy(
    {
      scope: ['openid', 'email', 'organizations:read'],
      storage: postgresStorage(db, { createTables: true }),
      encryptionKeys: process.env.POLAR_RECORD_KEYS?.split(' '), // each from: openssl rand -base64 32
      ...options,
    },
    async ({ profile, loginId }) => {
      const { rows } = await db.query(
        `INSERT INTO users (polar_id, email, polar_login_id) VALUES ($1, $2, $3)
         ON CONFLICT (polar_id) DO UPDATE
         SET email = excluded.email, polar_login_id = excluded.polar_login_id, polar_disconnected = NULL
         RETURNING id, email`,
        [profile.id, profile.emails?.[0]?.value, loginId],
      );
      return rows[0];
    },
  );
}
