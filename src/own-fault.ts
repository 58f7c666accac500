import type { Request } from 'express';
import { publish } from './diagnostics.js';
import { shownValue } from './shown-value.js';

/**
 * Runs a callback of Passport or the app after work of ours that took time. What it throws goes to `next`, as from a route:
 * outside of the route's own call nobody would catch it, and it would end the process. Where the request has been answered
 * meanwhile, by a time-out say, it goes to the diagnostics channel.
 */
export function callBack(req: Request, callback: () => void): void {
  try {
    callback();
  } catch (thrown) {
    ownFault(req, thrown);
  }
}

/** Hands what such a callback has thrown to whom it concerns. */
export function ownFault(req: Request, thrown: unknown): void {
  const isAnswered = req.res?.headersSent ?? false;
  if (!isAnswered && typeof req.next === 'function') req.next(asError(thrown));
  else publish('login', { event: 'fault-after-response', error: thrown });
}

/**
 * What Express takes for an error: nothing at all, `'route'` and `'router'` it takes for leave to go on, and so would let in
 * whom a function of the app has kept out by rejecting with that.
 */
export function asError(thrown: unknown): unknown {
  if (thrown && thrown !== 'route' && thrown !== 'router') return thrown;
  return new Error(`The app threw, or rejected with, ${shownValue(thrown)}, which is no error.`);
}
