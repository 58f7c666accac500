import type { PolarStrategy } from 'passport-polar-sh';

/** Revokes what the app before had stored. Polar takes 500 such requests a minute (100 in the sandbox). */
export async function revokeOldTokens(polar: PolarStrategy, refreshTokens: Iterable<string>): Promise<void> {
  for (const refreshToken of refreshTokens) await polar.client.revoke(refreshToken);
}
