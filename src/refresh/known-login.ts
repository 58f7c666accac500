import { BoundedMap } from '../tokens/bounded-map.js';
import type { TokenRecord } from '../tokens/token-record.js';
import type { TokenSet } from '../tokens/token-set.js';

/** What this process knows of a login: its newest tokens, or that it has ended. */
export interface KnownLogin {
  readonly generation: number;
  /** Undefined once the login has been logged out. */
  readonly tokens: TokenSet | undefined;
  /** When this process received the tokens from a refresh, in milliseconds; 0 for all others. */
  readonly refreshedAt: number;
  /** Polar refused the refresh token of this generation; only a later generation helps. */
  readonly rejected?: boolean;
}

/** The knowledge that a record stands for. */
export function knownFromRecord(record: TokenRecord): KnownLogin {
  return {
    generation: record.generation,
    tokens: 'tokens' in record ? record.tokens : undefined,
    refreshedAt: 0,
  };
}

/**
 * The newest knowledge of this process, by login id. It answers first, so that a valid token costs no I/O.
 * Bounded: what it forgets is read from the token record again.
 */
export class KnownLogins {
  readonly #logins: BoundedMap<KnownLogin>;

  constructor(limit: number) {
    this.#logins = new BoundedMap(limit);
  }

  get(loginId: string): KnownLogin | undefined {
    return this.#logins.get(loginId);
  }

  /** Takes in new knowledge, unless something newer is known; returns the newest. */
  learn(loginId: string, news: KnownLogin): KnownLogin {
    const known = this.#logins.get(loginId);
    if (known !== undefined && known.generation > news.generation) return known;
    if (known !== undefined && known.generation === news.generation && !news.rejected) return known;
    this.#logins.set(loginId, news);
    return news;
  }
}
