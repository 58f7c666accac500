import type { Request } from 'express';
import { publish } from './diagnostics.js';
import { shownValue } from './shown-value.js';

/**
 * Runs a callback of Passport or the app after asynchronous work. An error that it throws goes to `next`, as from a route:
 * uncaught, it would end the process. If the response was sent meanwhile, by a time-out say, the error goes to the diagnostics
 * channel.
 */
export function callBack(req: Request, callback: () => void): void {
  try {
    callback();
  } catch (thrown) {
    ownFault(req, thrown);
  }
}

/** Passes an error of such a callback to `next` or to the diagnostics channel. */
export function ownFault(req: Request, thrown: unknown): void {
  const isAnswered = req.res?.headersSent ?? false;
  if (!isAnswered && typeof req.next === 'function') req.next(asError(thrown));
  else publish('login', { event: 'fault-after-response', error: thrown });
}

/**
 * Turns any thrown value into one that Express treats as an error. Falsy values, `'route'` and `'router'` tell Express to go on,
 * which would admit a user whom a function of the app rejected with such a value.
 */
export function asError(thrown: unknown): unknown {
  if (thrown && thrown !== 'route' && thrown !== 'router') return thrown;
  return new Error(`The app threw, or rejected with, ${shownValue(thrown)}, which is no error.`);
}
