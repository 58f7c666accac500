import { hash } from 'node:crypto';
import { CircuitBreaker } from '../circuit-breaker.js';
import type { Introspection } from '../client/introspection.js';
import { singleFlight } from '../refresh/single-flight.js';
import { BoundedMap } from '../tokens/bounded-map.js';
import type { RequestBudget } from './request-budget.js';

/** What an {@link IntrospectionCache} is given. */
export interface IntrospectionCacheParts {
  readonly introspect: (token: string) => Promise<Introspection>;
  /** What the responses depend on beside the token. */
  readonly clientID: string;
  readonly apiURL: string;
  /** Milliseconds for which a response is believed. */
  readonly ttlMs: number;
  readonly now: () => number;
  /** For tokens that are not known to be good; left out, there is no limit. */
  readonly budget?: RequestBudget;
}

interface Known {
  readonly answer: Introspection;
  readonly since: number;
  readonly until: number;
}

// Some 1 KB each: bounded at some megabytes, however many tokens are tried.
const maxEntries = 10_000;
// A "no" is asked again soon: it may only have been too early.
const maxNegativeMs = 5000;
// Polar commits after it has responded: a token this young may be good although Polar does not know it yet.
const commitLagMs = 1000;

/** Asks what tokens are good for, and remembers the responses for a while; never past the end of a token. */
export class IntrospectionCache {
  readonly #parts: IntrospectionCacheParts;
  readonly #active = new BoundedMap<Known>(maxEntries);
  // Apart, so that whoever tries out tokens does not push out the good ones.
  readonly #inactive = new BoundedMap<Known>(maxEntries);
  readonly #firstMet = new BoundedMap<number>(maxEntries);
  // Whoever tries out tokens must not keep Polar from answering the app's users, once it has asked to wait.
  readonly #outage: CircuitBreaker;
  readonly #underWay = new Map<string, Promise<Introspection>>();

  constructor(parts: IntrospectionCacheParts) {
    this.#parts = parts;
    this.#outage = new CircuitBreaker(parts.now, { onlyWhenAsked: true });
  }

  /** What Polar says of a token; one request for all who ask at the same time. */
  async introspect(token: string): Promise<Introspection> {
    const key = this.#keyOf(token);
    const answer =
      this.#recall(key) ?? (await singleFlight(this.#underWay, key, () => this.#ask(token, key)));
    // To each their own: what one request does to its scopes must not be another's.
    return structuredClone(answer);
  }

  #recall(key: string): Introspection | undefined {
    const now = this.#parts.now();
    const known = this.#active.get(key) ?? this.#inactive.get(key);
    // Also a clock that was set back makes nothing last.
    return known !== undefined && now >= known.since && now < known.until ? known.answer : undefined;
  }

  async #ask(token: string, key: string): Promise<Introspection> {
    const since = this.#parts.now();
    if (this.#firstMet.get(key) === undefined) this.#firstMet.set(key, since);
    const outage = this.#outage.error;
    if (outage !== undefined) throw outage;
    // Known are tokens that were good when they were last asked about, however long ago.
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
    const mayBeUncommitted = Math.abs(since - (this.#firstMet.get(key) ?? since)) < commitLagMs;
    return mayBeUncommitted ? since : since + Math.min(ttlMs, maxNegativeMs);
  }

  // Whoever sees the memory of this process should find no list of tokens.
  #keyOf(token: string): string {
    const { apiURL, clientID } = this.#parts;
    return hash('sha256', JSON.stringify([token, clientID, apiURL]), 'base64url');
  }
}
