import { PolarResponseError, PolarTransientError } from '../errors.js';

type UnavailableError = PolarTransientError | PolarResponseError;

// A failure within this time is cheap to retry.
const quickMs = 100;
const maxAgainMs = 1000;
const maxBackoffMs = 5000;
const minRateLimitMs = 1000;
// A bogus `retry-after` must not block requests for a day.
const maxRetryAfterMs = 5 * 60_000;

/**
 * A circuit breaker for requests to Polar. While it is open, callers fail at once with the error of the last attempt, instead of
 * each waiting for a time-out. It opens
 *
 * - after a 429, for as long as Polar asked (RFC 9110 section 10.2.3);
 * - after a slow failure, for as long as that took, at most 1 s;
 * - after several quick failures in a row, for a time that doubles up to 5 s; a single one does not open it.
 *
 * With `onlyWhenAsked` it opens only when Polar asked to wait.
 */
export class CircuitBreaker {
  readonly #now: () => number;
  readonly #onlyWhenAsked: boolean;
  #error: UnavailableError | undefined;
  #failures = 0;
  #failedAt = 0;
  #windowMs = 0;
  #roundsInARow = 0;

  constructor(now: () => number, options: { readonly onlyWhenAsked?: boolean } = {}) {
    this.#now = now;
    this.#onlyWhenAsked = options.onlyWhenAsked ?? false;
  }

  /** The error to fail with while the circuit is open; undefined when requests may be sent. */
  get error(): UnavailableError | undefined {
    const error = this.#error;
    const sinceMs = this.#now() - this.#failedAt;
    // A clock that was set back closes the circuit too.
    if (error === undefined || sinceMs < 0 || sinceMs >= this.#windowMs) return undefined;
    if (askedPauseMs(error) === undefined) return error;
    const retryAfterSeconds = Math.ceil((this.#windowMs - sinceMs) / 1000);
    const [code, what] = isRateLimit(error)
      ? (['rate_limited', 'Polar returned 429: too many requests'] as const)
      : (['server_error', 'Polar is unavailable'] as const);
    const message = `${what}. Nothing was sent; try again in ${retryAfterSeconds} s.`;
    return new PolarTransientError(code, message, { retryAfterSeconds, cause: error });
  }

  /** Sends a request to Polar and records whether it succeeded. */
  async watch<T>(ask: () => Promise<T>): Promise<T> {
    const startedAt = this.#now();
    const startedAtMs = performance.now();
    const failures = this.#failures;
    // Polar asked to wait after this attempt began, so the outcome of the attempt is outdated.
    const isOld = (): boolean => this.#failures !== failures && asksToWait(this.#error);
    try {
      const answer = await ask();
      if (!isOld()) this.#end();
      return answer;
    } catch (failure) {
      if (isOutage(failure) && (asksToWait(failure) || !(this.#onlyWhenAsked || isOld())))
        this.#begin(failure, startedAt, performance.now() - startedAtMs);
      else if (!isOld()) this.#end();
      throw failure;
    }
  }

  #begin(error: UnavailableError, startedAt: number, tookMs: number): void {
    // Requests that failed concurrently count as one round.
    if (startedAt >= this.#failedAt) this.#roundsInARow++;
    this.#failures++;
    this.#error = error;
    this.#failedAt = this.#now();
    this.#windowMs = askedPauseMs(error) ?? Math.max(againMs(tookMs), backoffMs(this.#roundsInARow));
  }

  #end(): void {
    this.#error = undefined;
    this.#roundsInARow = 0;
  }
}

const isOutage = (error: unknown): error is UnavailableError =>
  error instanceof PolarTransientError || error instanceof PolarResponseError;

const isRateLimit = (error: UnavailableError): boolean => error.code === 'rate_limited';

const asksToWait = (error: UnavailableError | undefined): boolean =>
  error !== undefined && askedPauseMs(error) !== undefined;

function askedPauseMs(error: UnavailableError): number | undefined {
  const seconds = 'retryAfterSeconds' in error ? error.retryAfterSeconds : undefined;
  if (seconds !== undefined) return Math.min(seconds * 1000, maxRetryAfterMs);
  return isRateLimit(error) ? minRateLimitMs : undefined;
}

function againMs(tookMs: number): number {
  return tookMs < quickMs ? 0 : Math.min(tookMs, maxAgainMs);
}

function backoffMs(roundsInARow: number): number {
  return roundsInARow < 3 ? 0 : Math.min(250 * 2 ** (roundsInARow - 3), maxBackoffMs);
}
