import { PolarStrategy, type PolarStrategyOptions } from 'passport-polar-sh';

/** Who is logged in with Polar where: a table of yours with the columns `user_id` and `login_id`. */
export interface LoginTable {
  add(userId: string, loginId: string): Promise<void>;
  remove(loginId: string): Promise<void>;
  idsOf(userId: string): Promise<string[]>;
}

/** @param options with `storage` and `encryptionKeys`, the same in every process */
export function createPolar(table: LoginTable, options: PolarStrategyOptions): PolarStrategy {
  return new PolarStrategy(
    { ...options, onLoginEnded: ({ loginId }) => table.remove(loginId) },
    async ({ profile, loginId }) => {
      await table.add(profile.id, loginId);
      return profile;
    },
  );
}
