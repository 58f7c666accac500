import type { PolarStrategy } from 'passport-polar-sh';
import type { LoginTable } from './polar.js';

/** For a ban, the deletion of an account, or a button "log out everywhere". Call it again where it rejects. */
export async function logOutEverywhere(
  polar: PolarStrategy,
  table: LoginTable,
  userId: string,
): Promise<void> {
  const loginIds = await table.idsOf(userId);
  const ends = await Promise.allSettled(loginIds.map((loginId) => polar.endLogin(loginId)));
  const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  if (errors.length > 0) throw new AggregateError(errors, 'Some logins could not be ended');
}
