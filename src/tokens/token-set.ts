import { isAccessToken, isRefreshToken } from '../text/token-characters.js';

/** The tokens of one login, as a verify callback is given them. Times are absolute. */
export interface TokenSet {
  /** Bearer token for the Polar API, `polar_at_u_...`. */
  readonly accessToken: string;
  /** Good for one refresh, `polar_rt_u_...`. Polar's refresh tokens do not expire by time. */
  readonly refreshToken?: string;
  /** When the access token expires, in milliseconds since the epoch; absent where the provider did not say. */
  readonly expiresAt?: number;
  /** Scopes that were granted, which may be fewer than were asked for. */
  readonly scopes: readonly string[];
  /** Only at login, in the verify callback: it is verified then and not kept. */
  readonly idToken?: string;
}

/**
 * Turns granted tokens into a token set.
 *
 * @param granted a token response
 * @param before what the response leaves out: the scopes asked for at login, or the tokens that were refreshed
 * (RFC 6749 sections 5.1 and 6: an absent scope is unchanged, an absent refresh token stays the old one)
 */
export function tokenSetOf(
  {
    accessToken,
    expiresAt,
    idToken,
    refreshToken,
    scopes,
  }: Partial<TokenSet> & Pick<TokenSet, 'accessToken'>,
  before: Pick<TokenSet, 'refreshToken' | 'scopes'>,
): TokenSet {
  const nextRefreshToken = refreshToken ?? before.refreshToken;
  return {
    accessToken,
    ...(nextRefreshToken !== undefined && { refreshToken: nextRefreshToken }),
    ...(expiresAt !== undefined && { expiresAt }),
    scopes: scopes ?? before.scopes,
    ...(idToken !== undefined && { idToken }),
  };
}

/** True while the access token can be used: `leewayMs` before it expires it counts as expired. */
export function isUsable(tokens: TokenSet, now: number, leewayMs = 0): boolean {
  return tokens.expiresAt === undefined || now < tokens.expiresAt - leewayMs;
}

/** A token set from storage, or undefined where it is not one. The id_token is never stored. */
export function parseStoredTokens(value: unknown): TokenSet | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { accessToken, refreshToken, expiresAt, scopes } = value as Record<string, unknown>;
  if (!isAccessToken(accessToken)) return undefined;
  if (refreshToken !== undefined && refreshToken !== '' && !isRefreshToken(refreshToken)) return undefined;
  if (expiresAt !== undefined && typeof expiresAt !== 'number') return undefined;
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string')) return undefined;
  return {
    accessToken,
    ...(refreshToken && { refreshToken }),
    ...(expiresAt !== undefined && { expiresAt }),
    scopes,
  };
}
