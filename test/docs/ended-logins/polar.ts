import { PolarStrategy, type PolarStrategyOptions } from 'passport-polar-sh';
import { postgresStorage } from 'passport-polar-sh/postgres';
import type { Pool } from 'pg';

/** Who is logged in, and with which login. */
export interface User {
  readonly id: number;
  readonly loginId: string;
}

/** The strategy, the same for the web app, jobs and commands. */
export function createPolar(db: Pool, options: PolarStrategyOptions): PolarStrategy {
  return new PolarStrategy(
    {
      storage: postgresStorage(db, { createTables: true }),
      encryptionKeys: process.env.POLAR_RECORD_KEYS?.split(' '), // each from: openssl rand -base64 32
      userKey: (user) => String((user as User).id),
      onLoginEnded: async ({ loginId }) => {
        await db.query('DELETE FROM logins WHERE login_id = $1', [loginId]);
      },
      ...options,
    },
    async ({ profile, loginId, req }) => {
      await db.query(
        'INSERT INTO users (polar_id, name) VALUES ($1, $2) ON CONFLICT (polar_id) DO UPDATE SET name = excluded.name',
        [profile.id, profile.displayName],
      );
      // FOR SHARE: somebody who is being locked right now does not slip in.
      const { rows } = await db.query<User>(
        `INSERT INTO logins (login_id, user_id, device)
         SELECT $2, id, $3 FROM users WHERE polar_id = $1 AND NOT locked FOR SHARE
         RETURNING user_id AS id, login_id AS "loginId"`,
        [profile.id, loginId, req.get('user-agent') ?? 'unknown'],
      );
      return rows[0] ?? false; // false rejects the login, and its tokens are revoked
    },
  );
}
