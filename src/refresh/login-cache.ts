import { BoundedMap } from '../bounded-map.js';
import type { LoginEndReason } from '../login-end-reason.js';
import type { LoginHandle } from '../tokens/token-record.js';
import type { CachedLogin } from './cached-login.js';

/** Dependencies of {@link LoginCache}. */
export interface LoginCacheParts {
  /** Called whenever this process learns that a login has ended. */
  readonly onEnded: (loginId: string, reason: LoginEndReason) => void;
  /** Monotonic clock, in milliseconds. */
  readonly elapsedMs: () => number;
  /** Maximum number of cached logins. An evicted login is read from its record again. */
  readonly maxLogins: number;
}

// Unrecorded logins cannot be read back. Only a store that is down lets this many accumulate.
const maxUnrecordedLogins = 100_000;

const endedState = (endReason: LoginEndReason): CachedLogin => ({
  generation: Number.POSITIVE_INFINITY,
  tokens: undefined,
  issuedAt: undefined,
  endReason,
});

/** Caches the newest state of each login in memory, so that a valid token costs no I/O. */
export class LoginCache {
  readonly #parts: LoginCacheParts;
  readonly #known: BoundedMap<CachedLogin>;
  readonly #unrecorded = new BoundedMap<CachedLogin>(maxUnrecordedLogins);

  constructor(parts: LoginCacheParts) {
    this.#parts = parts;
    this.#known = new BoundedMap(parts.maxLogins);
  }

  /** Returns the cached state; undefined if this process has not seen the login. */
  peek(loginId: string): CachedLogin | undefined {
    return this.#known.get(loginId) ?? this.#unrecorded.get(loginId);
  }

  /** Returns the cached state, or the tokens of the handle unless something as recent is cached. Does no I/O. */
  recall({ loginId, initial }: LoginHandle): CachedLogin {
    const known = this.peek(loginId);
    return known !== undefined && known.generation >= initial.generation ? known : initial;
  }

  /**
   * Caches the update unless the same or a newer generation is cached; a rejection also updates the same generation.
   * Returns the newest state.
   */
  learn(loginId: string, news: CachedLogin): CachedLogin {
    const known = this.peek(loginId);
    if (known !== undefined && known.generation > news.generation) return known;
    if (known !== undefined && known.generation === news.generation && !news.refused) return known;
    return this.replace(loginId, news);
  }

  /** Caches that a login has ended. */
  learnEnd(loginId: string, reason: LoginEndReason): CachedLogin {
    return this.learn(loginId, endedState(reason));
  }

  /** Caches the update, even if another state of the same generation is cached. */
  replace(loginId: string, news: CachedLogin): CachedLogin {
    const met = { metAt: this.#parts.elapsedMs(), ...news };
    this.#known.set(loginId, met);
    const reason = news.refused ? 'refused_by_polar' : news.endReason;
    if (reason !== undefined) this.#parts.onEnded(loginId, reason);
    return met;
  }

  /** Keeps a state until the store has it, however many other logins are cached. */
  addUnrecorded(loginId: string, news: CachedLogin): void {
    // Tokens from a refresh that was under way must not displace the end of their login.
    if (news.generation >= (this.#unrecorded.get(loginId)?.generation ?? 0))
      this.#unrecorded.set(loginId, news);
  }

  /** True while the store does not have the state of this login; with `news`, while that state is still the newest. */
  isUnrecorded(loginId: string, news?: CachedLogin): boolean {
    const unrecorded = this.#unrecorded.get(loginId);
    return news === undefined ? unrecorded !== undefined : unrecorded === news;
  }

  /** Notes that the store has a state, or never will. */
  removeUnrecorded(loginId: string): void {
    this.#unrecorded.delete(loginId);
  }

  /** Number of logins whose state is not recorded. */
  get unrecordedCount(): number {
    return this.#unrecorded.size;
  }
}
