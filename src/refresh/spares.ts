import { BoundedMap } from '../tokens/bounded-map.js';
import type { TokenRecord } from '../tokens/token-record.js';
import { type CachedLogin, isSamePair } from './cached-login.js';

/**
 * Spare token pairs. Polar may respond to two refreshes of one generation at once, and then both pairs live; a spare is
 * the pair that lost the tie in the store. When two processes both lose, neither may revoke its own pair at once, since
 * the other may rely on it. A spare is therefore kept until something newer is recorded.
 */
export class Spares {
  readonly #spares = new BoundedMap<TokenRecord>(10_000);
  readonly #revoke: (spare: TokenRecord) => void;

  constructor(revoke: (spare: TokenRecord) => void) {
    this.#revoke = revoke;
  }

  /** Keeps a pair that lost to a recorded one of the same generation; returns whether it is new. */
  keep(loginId: string, spare: TokenRecord): boolean {
    const isNews = !isSamePair(this.#spares.get(loginId)?.tokens, spare.tokens);
    this.#spares.set(loginId, spare);
    return isNews;
  }

  /** Removes and returns the spare of a login whose recorded pair of this generation Polar has refused. */
  take(loginId: string, refused: CachedLogin): TokenRecord | undefined {
    const spare = this.#spares.get(loginId);
    if (spare?.generation !== refused.generation || isSamePair(spare.tokens, refused.tokens))
      return undefined;
    this.#spares.delete(loginId);
    return spare;
  }

  /** Revokes a spare that is no longer needed because something newer is recorded or the login has ended. */
  drop(loginId: string, newest: CachedLogin): void {
    const spare = this.#spares.get(loginId);
    if (spare === undefined || newest.generation <= spare.generation) return;
    this.#spares.delete(loginId);
    // Another process may have recorded the same pair as the next generation.
    if (!isSamePair(newest.tokens, spare.tokens)) this.#revoke(spare);
  }

  /** Revokes all spares. */
  dropAll(): void {
    for (const [loginId, spare] of this.#spares.entries()) {
      this.#spares.delete(loginId);
      this.#revoke(spare);
    }
  }
}
