import { isUsable } from '../tokens/token-set.js';
import type { CachedLogin, UsableLogin } from './cached-login.js';

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
    if (known.tokens === undefined || known.rejected) return false;
    const justRefreshed = known.generation > 0 && this.ageOf(known) < justIssuedMs;
    return isUsable(known.tokens, this.#parts.now(), justRefreshed ? 0 : this.#parts.leewayMs);
  }
}
