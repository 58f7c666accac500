import { afterPause, unlessAborted } from '../async/within.js';
import { PolarResponseError, PolarTransientError } from '../errors.js';
import { harmlessCause } from './harmless-cause.js';

/** A time-out combined with the caller's signal. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Settles with `promise`, or rejects at the deadline, even if the app's fetch ignores its signal. */
  race<T>(promise: Promise<T>): Promise<T>;
  /** Converts an error of fetch into a PolarError; returns the caller's abort reason unchanged. */
  explain(error: unknown, where: string): unknown;
  /** Removes the timer and the listener. Call it when the exchange is over. */
  stop(): void;
}

/** Starts a deadline. The error for a time-out suggests raising `option`. */
export function startDeadline(timeoutMs: number, outer?: AbortSignal | null, option = 'timeoutMs'): Deadline {
  const controller = new AbortController();
  let timedOut = false;
  const stopTimer = afterPause(timeoutMs, () => {
    timedOut = true;
    controller.abort();
  });
  const onAbort = (): void => controller.abort(outer?.reason);
  if (outer?.aborted) onAbort();
  else outer?.addEventListener('abort', onAbort, { once: true });

  return {
    signal: controller.signal,
    race: (promise) => unlessAborted(controller.signal, promise),
    explain(error, where) {
      if (error instanceof PolarTransientError || error instanceof PolarResponseError) return error;
      if (timedOut)
        return new PolarTransientError(
          'timeout',
          `${where} took longer than ${timeoutMs} ms. Try again; raise ${option} if it keeps happening.`,
        );
      if (outer?.aborted) return outer.reason;
      return new PolarTransientError(
        'network_error',
        `${where} failed before a response arrived. Check that the server is reachable.`,
        { cause: harmlessCause(error) },
      );
    },
    stop() {
      stopTimer();
      outer?.removeEventListener('abort', onAbort);
    },
  };
}
