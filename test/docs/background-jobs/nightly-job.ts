import { PolarLoginRequiredError, type PolarStrategy, PolarTransientError } from 'passport-polar-sh';
import type { Pool } from 'pg';

/** Fetches everybody's organizations. Resolves with the ids of the users for whom to try again later. */
export async function nightlyJob(db: Pool, polar: PolarStrategy): Promise<number[]> {
  const { rows: users } = await db.query(
    `SELECT id, polar_login_id FROM users
     WHERE polar_disconnected IS NULL OR polar_disconnected = 'not_logged_in' ORDER BY id`,
  );
  const later: number[] = [];
  for (const { id, polar_login_id } of users) {
    try {
      const response = await polar.tokensFor(polar_login_id).fetch('/v1/organizations/');
      if (!response.ok) throw new PolarTransientError('server_error', `Polar sent ${response.status}`);
      const { items } = (await response.json()) as { items: { slug: string }[] };
      await db.query('UPDATE users SET organizations = $2, polar_disconnected = NULL WHERE id = $1', [
        id,
        items.map(({ slug }) => slug),
      ]);
    } catch (error) {
      if (error instanceof PolarLoginRequiredError) {
        // Only this login: a new one may have taken its place meanwhile.
        await db.query('UPDATE users SET polar_disconnected = $3 WHERE id = $1 AND polar_login_id = $2', [
          id,
          polar_login_id,
          error.code,
        ]);
      } else if (error instanceof PolarTransientError) later.push(id);
      else throw error;
    }
  }
  return later;
}
