import { listenMs } from '../async/background-work.js';
import type { PolarOAuthClient } from '../client/oauth-client.js';
import { publish } from '../diagnostics.js';
import { PolarIdTokenError } from '../errors.js';
import type { RefreshableTokens } from '../refresh/cached-login.js';
import type { LoginHandle } from '../tokens/token-record.js';
import { type TokenSet, tokenSetOf } from '../tokens/token-set.js';

/** Dependencies of {@link refreshAtPolar}. */
export interface RefreshAtPolarParts {
  readonly client: PolarOAuthClient;
  /** Verifies an id_token for this client and server. */
  readonly verifyIdToken: (
    idToken: string,
    expected: { nonce: string; accessToken: string; subject: string },
  ) => Promise<unknown>;
  readonly revoke: (tokens: TokenSet, justIssued: boolean, loginId: string) => Promise<void>;
  readonly timeoutMs: number;
}

/**
 * Exchanges the refresh token of a login at Polar (RFC 6749 section 6), and verifies an id_token that comes with the new tokens.
 *
 * @throws PolarIdTokenError if the new tokens belong to another user; they are revoked
 */
export async function refreshAtPolar(
  parts: RefreshAtPolarParts,
  tokens: RefreshableTokens,
  login: LoginHandle,
): Promise<TokenSet> {
  const { client, timeoutMs } = parts;
  // First, so that the long time-out below covers the exchange only.
  await client.discover();
  const granted = await client.refresh(
    { refreshToken: tokens.refreshToken },
    { timeoutMs: Math.max(listenMs, timeoutMs) },
  );
  const newer = tokenSetOf(granted, tokens);
  if (granted.idToken !== undefined) await checkIdToken(parts, granted.idToken, newer, login);
  return newer;
}

/** Polar sends no id_token on refresh. If another provider does, its `sub` must stay the same (OpenID Connect Core 12.2). */
async function checkIdToken(
  { revoke, verifyIdToken }: RefreshAtPolarParts,
  idToken: string,
  tokens: TokenSet,
  { facts: { nonce, subject }, loginId }: LoginHandle,
): Promise<void> {
  try {
    await verifyIdToken(idToken, { nonce, subject, accessToken: tokens.accessToken });
  } catch (error) {
    // The token was issued just now, so this clock is behind: that must not end the login.
    const isEarly = error instanceof PolarIdTokenError && error.code === 'id_token_issued_at';
    if (error instanceof PolarIdTokenError && !isEarly) {
      void revoke(tokens, true, loginId);
      throw error;
    }
    // Or the keys are unavailable. The id_token is not used for anything, and the previous tokens are already dead.
    publish('refresh', { event: 'id-token-unverified', loginId, error });
  }
}
