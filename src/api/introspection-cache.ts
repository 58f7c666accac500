import { hash } from 'node:crypto';
import { singleFlight } from '../async/single-flight.js';
import { BoundedMap } from '../bounded-map.js';
import type { Introspection } from '../client/introspection.js';
import { CircuitBreaker } from '../http/circuit-breaker.js';
import { usualCommitLagMs } from '../tokens/commit-lag.js';
import type { RequestBudget } from './request-budget.js';

/** Dependencies of {@link IntrospectionCache}. */
export interface IntrospectionCacheParts {
  readonly introspect: (token: string) => Promise<Introspection>;
  /** Part of the cache key, like `apiURL`: responses depend on both as well as on the token. */
  readonly clientID: string;
  readonly apiURL: string;
  /** Milliseconds for which a response is cached. */
  readonly ttlMs: number;
  readonly now: () => number;
  /** Limits requests about tokens that are not known to be active; no limit if omitted. */
  readonly budget?: RequestBudget;
}

interface Known {
  readonly answer: Introspection;
  readonly since: number;
  readonly until: number;
}

// About 1 KB each, so the cache stays within some megabytes however many tokens are tried.
const maxEntries = 10_000;
// An inactive token is introspected again soon: the first request may have come too early.
const maxNegativeMs = 5000;

/** Introspects tokens and caches the responses for a while, but never past the expiry of a token. */
export class IntrospectionCache {
  readonly #parts: IntrospectionCacheParts;
  readonly #active = new BoundedMap<Known>(maxEntries);
  // Kept apart, so that an attacker trying out tokens does not evict the active ones.
  readonly #inactive = new BoundedMap<Known>(maxEntries);
  readonly #firstMet = new BoundedMap<number>(maxEntries);
  // Opens only when Polar asks to wait: an attacker trying out tokens must not cut off the users of the app.
  readonly #outage: CircuitBreaker;
  readonly #pending = new Map<string, Promise<Introspection>>();

  constructor(parts: IntrospectionCacheParts) {
    this.#parts = parts;
    this.#outage = new CircuitBreaker(parts.now, { onlyWhenAsked: true });
  }

  /** Returns the introspection of a token. Simultaneous calls for one token share a request. */
  async introspect(token: string): Promise<Introspection> {
    const key = this.#keyOf(token);
    const answer = this.#recall(key) ?? (await singleFlight(this.#pending, key, () => this.#ask(token, key)));
    // A copy for each caller: one request's changes to its scopes must not affect another.
    return structuredClone(answer);
  }

  #recall(key: string): Introspection | undefined {
    const now = this.#parts.now();
    const known = this.#active.get(key) ?? this.#inactive.get(key);
    // A clock that was set back must not keep entries alive.
    return known !== undefined && now >= known.since && now < known.until ? known.answer : undefined;
  }

  async #ask(token: string, key: string): Promise<Introspection> {
    const since = this.#parts.now();
    if (this.#firstMet.get(key) === undefined) this.#firstMet.set(key, since);
    const outage = this.#outage.error;
    if (outage !== undefined) throw outage;
    // Cached as active are tokens that were so when last introspected, however long ago. They cost no budget.
    if (this.#active.get(key) === undefined) this.#parts.budget?.spend();
    const answer = await this.#outage.watch(() => this.#parts.introspect(token));
    const until = this.#endOf(answer, key, since);
    this.#active.delete(key);
    if (answer.active) this.#active.set(key, { answer, since, until });
    else if (until > since) this.#inactive.set(key, { answer, since, until });
    return answer;
  }

  #endOf(
    { active, expiresAt = Number.POSITIVE_INFINITY }: Introspection,
    key: string,
    since: number,
  ): number {
    const { ttlMs } = this.#parts;
    if (active) return Math.min(since + ttlMs, expiresAt);
    const mayBeUncommitted = Math.abs(since - (this.#firstMet.get(key) ?? since)) < usualCommitLagMs;
    return mayBeUncommitted ? since : since + Math.min(ttlMs, maxNegativeMs);
  }

  // Hashed, so that the memory of this process holds no list of tokens.
  #keyOf(token: string): string {
    const { apiURL, clientID } = this.#parts;
    return hash('sha256', JSON.stringify([token, clientID, apiURL]), 'base64url');
  }
}
