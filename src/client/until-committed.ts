import { setTimeout as delay } from 'node:timers/promises';

// Polar commits after it has responded: what it issues, it may refuse for a moment. Of 60 codes that were exchanged at
// once, 12 were refused at first, and all were good 917 ms later; access tokens took 822 ms at most.
const pausesMs = [500, 1000];

/** How long to go on, and after which errors. */
export interface Patience {
  /** True for the error with which Polar refuses what it does not know; any other is final. */
  readonly isTooEarly: (error: unknown) => boolean;
  /** Milliseconds for all attempts together. */
  readonly timeoutMs: number;
}

/**
 * Asks Polar about something that it issued a moment ago; where Polar does not know it yet, twice more, half a second and
 * a second later.
 *
 * @param ask is given the milliseconds that are left
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
