import { setTimeout as delay } from 'node:timers/promises';

// Polar commits after it has responded, so it may refuse for a moment what it has just issued. Of 60 codes exchanged
// immediately, Polar refused 12 at first and accepted all 917 ms later; access tokens took 822 ms at most.
const pausesMs = [500, 1000];

/** When to retry, and for how long. */
export interface Patience {
  /** True for the error with which Polar refuses something that it does not know; any other error is final. */
  readonly isTooEarly: (error: unknown) => boolean;
  /** Milliseconds for all attempts together. */
  readonly timeoutMs: number;
}

/**
 * Asks Polar about something that it issued a moment ago. While Polar does not know it, asks twice more, after half a
 * second and after another second.
 *
 * @param ask called with the remaining milliseconds
 */
export async function untilCommitted<T>(
  ask: (timeoutMs: number) => Promise<T>,
  { isTooEarly, timeoutMs }: Patience,
): Promise<T> {
  const endsAt = performance.now() + timeoutMs;
  const leftMs = (): number => Math.ceil(endsAt - performance.now());
  for (const pauseMs of pausesMs) {
    try {
      return await ask(leftMs());
    } catch (error) {
      if (!isTooEarly(error) || leftMs() <= pauseMs) throw error;
      await delay(pauseMs);
      if (leftMs() <= 0) throw error;
    }
  }
  return ask(leftMs());
}
