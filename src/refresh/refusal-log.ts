import { BoundedMap } from '../bounded-map.js';
import { doubtMs } from './login-lock.js';

interface Refusal {
  readonly generation: number;
  readonly firstAt: number;
  readonly askAgainAt: number;
  readonly pauseMs: number;
}

const firstPauseMs = 10_000;

/**
 * Polar's refusals of refresh tokens that are still in doubt: another exchange may have succeeded, with its response
 * still on the way.
 */
export class RefusalLog {
  readonly #refusals = new BoundedMap<Refusal>(10_000);
  readonly #elapsedMs: () => number;

  /** @param elapsedMs monotonic clock, in milliseconds */
  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs;
  }

  /** Notes a refusal; returns true for the first one of this generation. */
  note(loginId: string, generation: number): boolean {
    const now = this.#elapsedMs();
    const before = this.#of(loginId, generation);
    const pauseMs = before === undefined ? firstPauseMs : before.pauseMs * 2;
    this.#refusals.set(loginId, {
      generation,
      firstAt: before?.firstAt ?? now,
      askAgainAt: now + pauseMs,
      pauseMs,
    });
    return before === undefined;
  }

  /** True once any newer generation that existed at the first refusal would have been recorded. */
  isBeyondDoubt(loginId: string, generation: number): boolean {
    const refusal = this.#of(loginId, generation);
    return refusal !== undefined && this.#elapsedMs() - refusal.firstAt >= doubtMs;
  }

  /** Milliseconds to wait before asking Polar about this generation again. */
  pauseMs(loginId: string, generation: number): number {
    const refusal = this.#of(loginId, generation);
    if (refusal === undefined) return 0;
    const untilCertain = refusal.firstAt + doubtMs;
    return Math.max(0, Math.min(refusal.askAgainAt, untilCertain) - this.#elapsedMs());
  }

  #of(loginId: string, generation: number): Refusal | undefined {
    const refusal = this.#refusals.get(loginId);
    return refusal?.generation === generation ? refusal : undefined;
  }
}
