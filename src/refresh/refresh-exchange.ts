import { setTimeout as delay } from 'node:timers/promises';
import type { BackgroundWork } from '../async/background-work.js';
import { within } from '../async/within.js';
import { BoundedMap } from '../bounded-map.js';
import { PolarOAuthError, type PolarResponseError, PolarTransientError } from '../errors.js';
import { CircuitBreaker } from '../http/circuit-breaker.js';
import { commitLagMs } from '../tokens/commit-lag.js';
import type { LoginHandle } from '../tokens/token-record.js';
import type { TokenSet } from '../tokens/token-set.js';
import type { CachedLogin, RefreshableTokens, TokenValidity } from './cached-login.js';
import type { HeldLock } from './held-lock.js';
import { refreshTakesLong } from './login-errors.js';

/** Dependencies of {@link RefreshExchange}. */
export interface RefreshExchangeParts {
  /** Exchanges the refresh token at Polar, once, and waits for the response as long as one may arrive. */
  readonly refresh: (tokens: RefreshableTokens, login: LoginHandle) => Promise<TokenSet>;
  readonly background: BackgroundWork;
  readonly validity: TokenValidity;
  /** Monotonic clock, in milliseconds. */
  readonly elapsedMs: () => number;
  /** Milliseconds after which an exchange counts as slow. */
  readonly timeoutMs: number;
}

/** Exchanges refresh tokens at Polar. */
export class RefreshExchange {
  readonly #parts: RefreshExchangeParts;
  readonly #breaker: CircuitBreaker;
  // Generations whose refresh got no response: if Polar made the exchange, the new tokens are lost.
  readonly #unanswered = new BoundedMap<number>(10_000);

  constructor(parts: RefreshExchangeParts) {
    this.#parts = parts;
    this.#breaker = new CircuitBreaker(parts.elapsedMs);
  }

  /** The error to fail with while the circuit breaker is open. */
  get outage(): PolarTransientError | PolarResponseError | undefined {
    return this.#breaker.error;
  }

  /** True if Polar has not responded to a refresh of this generation: its new tokens may be lost. */
  isResponseLost(loginId: string, { generation }: CachedLogin): boolean {
    return this.#unanswered.get(loginId) === generation;
  }

  /** Exchanges the refresh token of a login, and waits for the response as long as one may arrive. */
  async run(
    login: LoginHandle,
    known: CachedLogin,
    tokens: RefreshableTokens,
    lock: HeldLock | undefined,
  ): Promise<TokenSet> {
    // Checked before the exchange: Polar may take half a minute to respond.
    const mayBeUncommitted = this.#parts.validity.ageOf(known) < commitLagMs;
    try {
      return await this.#exchangeOnce(login, known, tokens, lock);
    } catch (error) {
      if (!isInvalidGrant(error) || !mayBeUncommitted) throw error;
      // Polar may not have committed these tokens yet, and an extra attempt does no harm.
      await this.#parts.background.write(delay(commitLagMs));
      return this.#exchangeOnce(login, known, tokens, lock);
    }
  }

  async #exchangeOnce(
    login: LoginHandle,
    known: CachedLogin,
    tokens: RefreshableTokens,
    lock: HeldLock | undefined,
  ): Promise<TokenSet> {
    const { timeoutMs, background } = this.#parts;
    if (lock !== undefined) lock.isExchangeOpen = true;
    let isSent = false;
    try {
      const response = background.exchange(() => {
        isSent = true;
        return this.#parts.refresh(tokens, login);
      });
      // The circuit breaker counts how long a caller would have to wait.
      this.#breaker
        .watch(() => within(response, timeoutMs, () => refreshTakesLong(timeoutMs)))
        .catch(() => {});
      return await response;
    } catch (error) {
      if (isSent && !(error instanceof PolarOAuthError) && !isRateLimit(error))
        this.#unanswered.set(login.loginId, known.generation);
      throw error;
    } finally {
      if (lock !== undefined) lock.isExchangeOpen = false;
    }
  }
}

/** True if Polar refused a refresh token. */
export const isInvalidGrant = (error: unknown): error is PolarOAuthError =>
  error instanceof PolarOAuthError && error.code === 'invalid_grant';

const isRateLimit = (error: unknown): boolean =>
  error instanceof PolarTransientError && error.code === 'rate_limited';
