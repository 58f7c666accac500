import type { Request } from 'express';

const stopwatches = new WeakMap<Request, () => number>();

/**
 * Notes that a request is a response from Polar, and has arrived.
 *
 * @param elapsedMs monotonic clock, in milliseconds
 */
export function startCallback(req: Request, elapsedMs: () => number): void {
  const startedAt = elapsedMs();
  stopwatches.set(req, () => elapsedMs() - startedAt);
}

/** Milliseconds since a response from Polar arrived; undefined for any other request. */
export function callbackDuration(req: Request): number | undefined {
  return stopwatches.get(req)?.();
}
