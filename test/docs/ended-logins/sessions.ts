import type passport from 'passport';
import type { Pool } from 'pg';
import type { User } from './polar.js';

/** A session counts while its login is in the table, in every process and from one request to the next. */
export function bindSessionsToLogins(authenticator: passport.Authenticator, db: Pool): void {
  authenticator.serializeUser((user, done) => {
    const { id, loginId } = user as User;
    done(null, { id, loginId });
  });
  authenticator.deserializeUser(({ id, loginId }: User, done) => {
    db.query(
      `SELECT users.id, users.name, login_id AS "loginId" FROM logins JOIN users ON users.id = user_id
       WHERE login_id = $1 AND users.id = $2 AND NOT locked`,
      [loginId, id],
    ).then(({ rows }) => done(null, rows[0] ?? false), done);
  });
}
