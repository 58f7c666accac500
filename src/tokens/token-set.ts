import { isAccessToken, isRefreshToken } from '../text/token-characters.js';

/**
 * The tokens of one login, as the verify callback receives them. Times are absolute.
 *
 * @group Tokens
 */
export interface TokenSet {
  /** Bearer token for the Polar API, `polar_at_u_...`. */
  readonly accessToken: string;
  /** Valid for one refresh, `polar_rt_u_...`. Polar's refresh tokens do not expire. */
  readonly refreshToken?: string;
  /** When the access token expires, in milliseconds since the epoch; absent if the server did not say. */
  readonly expiresAt?: number;
  /** Granted scopes, which may be fewer than were requested. */
  readonly scopes: readonly string[];
  /** Only in the verify callback: it is verified at login and not stored. */
  readonly idToken?: string;
}

/**
 * Turns granted tokens into a token set.
 *
 * @param granted a token response
 * @param before values for what the response leaves out: the requested scopes at login, the old tokens at a refresh (RFC 6749
 *   sections 5.1 and 6: without `scope`, the scopes are unchanged; without `refresh_token`, the old one stays valid)
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

/** True while the access token can be used. It counts as expired `leewayMs` milliseconds early. */
export function isUsable(tokens: TokenSet, now: number, leewayMs = 0): boolean {
  return tokens.expiresAt === undefined || now < tokens.expiresAt - leewayMs;
}

/** Parses a stored token set; returns undefined if it is invalid. The id_token is never stored. */
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
