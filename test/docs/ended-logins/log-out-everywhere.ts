import { PolarLoginRequiredError, type PolarStrategy } from 'passport-polar-sh';
import type { LoginTable } from './polar.js';

/** For a ban, the deletion of an account, or a button "log out everywhere". */
export async function logOutEverywhere(
  polar: PolarStrategy,
  table: LoginTable,
  userId: string,
): Promise<void> {
  for (const loginId of await table.idsOf(userId)) {
    await polar.endLogin(loginId).catch((error) => {
      // The storage has forgotten it: it has not been used for longer than a record is kept.
      if (!(error instanceof PolarLoginRequiredError)) throw error;
    });
    await table.remove(loginId);
  }
}
