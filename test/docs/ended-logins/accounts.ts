import type { PolarStrategy } from 'passport-polar-sh';
import type { Pool } from 'pg';

/**
 * Logs a user out everywhere.
 *
 * @param except the `loginId` of a login that stays, such as that of this browser
 * @throws AggregateError if the storage is unavailable; those logins are still in the table: call it again
 */
export async function endLogins(
  db: Pool,
  polar: PolarStrategy,
  userId: number,
  except?: string,
): Promise<void> {
  const { rows } = await db.query<{ login_id: string }>(
    'SELECT login_id FROM logins WHERE user_id = $1 AND login_id IS DISTINCT FROM $2',
    [userId, except],
  );
  const ends = await Promise.allSettled(
    rows.map(async ({ login_id }) => {
      await polar.endLogin(login_id);
      await db.query('DELETE FROM logins WHERE login_id = $1', [login_id]); // now, not when onLoginEnded is called
    }),
  );
  const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  if (errors.length > 0) throw new AggregateError(errors, 'Some logins could not be ended');
}

/** Ends every login of a user, and rejects new ones. */
export async function ban(db: Pool, polar: PolarStrategy, userId: number): Promise<void> {
  await db.query('UPDATE users SET locked = true WHERE id = $1', [userId]);
  await endLogins(db, polar, userId);
}

/** Deletes a user with everything that refers to them. If it rejects, call it again: until then the user is locked. */
export async function deleteAccount(db: Pool, polar: PolarStrategy, userId: number): Promise<void> {
  await ban(db, polar, userId); // nobody logs in meanwhile
  await db.query(`DELETE FROM session WHERE sess #>> '{passport,user,id}' = $1`, [String(userId)]);
  await db.query('DELETE FROM users WHERE id = $1', [userId]);
}
