import type { TokenRecord } from '../tokens/token-record.js';
import type { TokenSet } from '../tokens/token-set.js';
import type { LoginEndReason } from '../tokens/tombstone.js';

/** Cached state of a login: its newest tokens, or the fact that it has ended. */
export interface CachedLogin {
  readonly generation: number;
  /** Undefined once the login has ended. */
  readonly tokens: TokenSet | undefined;
  /** Why the login ended. */
  readonly endReason?: LoginEndReason;
  /** When Polar issued the tokens, in milliseconds since the epoch; undefined if unknown. */
  readonly issuedAt: number | undefined;
  /** {@link fingerprint} of the refresh token that was exchanged for these tokens; undefined if unknown. */
  readonly replaces?: string | undefined;
  /** When this process first saw these tokens, in milliseconds on its monotonic clock. */
  readonly metAt?: number;
  /** Polar refused the refresh token of this generation; only other tokens can revive the login. */
  readonly rejected?: boolean;
}

/** A cached login whose access token can be used. */
export type UsableLogin = CachedLogin & TokenRecord;

/** Tells whether a cached login will do for a caller. */
export type IsGood = (known: CachedLogin) => known is UsableLogin;

/** Tokens that can be refreshed. */
export type RefreshableTokens = TokenSet & { readonly refreshToken: string };

/** True if there is a refresh token. */
export const hasRefreshToken = (tokens: TokenSet): tokens is RefreshableTokens =>
  tokens.refreshToken !== undefined;

/** True if both sets hold the same access token and refresh token. */
export function isSamePair(a: TokenSet | undefined, b: TokenSet | undefined): boolean {
  return a?.accessToken === b?.accessToken && a?.refreshToken === b?.refreshToken;
}

/** Returns the newest state if it supersedes the known one: a later generation, or another pair of the same one. */
export function ifNewer(newest: CachedLogin, known: CachedLogin): CachedLogin | undefined {
  const isOther = newest.generation === known.generation && !isSamePair(newest.tokens, known.tokens);
  return newest.generation > known.generation || isOther ? newest : undefined;
}
