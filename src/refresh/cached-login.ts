import type { LoginEndReason } from '../login-end-reason.js';
import type { TokenRecord } from '../tokens/token-record.js';
import { isUsable, type TokenSet } from '../tokens/token-set.js';

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
  readonly refused?: boolean;
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

/** Clocks and leeway of {@link TokenValidity}. */
export interface TokenValidityParts {
  readonly now: () => number;
  /** Monotonic clock, in milliseconds. */
  readonly elapsedMs: () => number;
  readonly leewayMs: number;
}

/**
 * Tokens refreshed less than this many milliseconds ago are used whatever the leeway: a leeway longer than their lifetime must
 * not turn every request into a refresh. Polar may also refuse good tokens for this long.
 */
export const justIssuedMs = 5000;
// The clock by which the tokens were dated may be wrong by this much. Tokens first seen a moment ago may be just as
// new.
const clockDifferenceMs = 10 * 60_000;

/** Tells how old tokens are, and whether they can be used. */
export class TokenValidity {
  readonly #parts: TokenValidityParts;

  constructor(parts: TokenValidityParts) {
    this.#parts = parts;
  }

  /** Milliseconds since Polar issued the tokens, at least; infinite if unknown. */
  ageOf({ metAt, issuedAt }: Pick<CachedLogin, 'metAt' | 'issuedAt'>): number {
    if (issuedAt === undefined) return Number.POSITIVE_INFINITY;
    // A clock that was set back must not make tokens look new for long.
    const age = Math.abs(this.#parts.now() - issuedAt);
    if (metAt === undefined || age > clockDifferenceMs) return age;
    return Math.min(age, this.#parts.elapsedMs() - metAt);
  }

  /** True if the access token of a login can be used. */
  isGood(known: CachedLogin): known is UsableLogin {
    if (known.tokens === undefined || known.refused) return false;
    const justRefreshed = known.generation > 0 && this.ageOf(known) < justIssuedMs;
    return isUsable(known.tokens, this.#parts.now(), justRefreshed ? 0 : this.#parts.leewayMs);
  }
}
