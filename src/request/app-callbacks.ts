import type { Request } from 'express';
import { publish } from '../diagnostics.js';
import { PolarError } from '../errors.js';
import { shownValue } from '../text/shown-value.js';

/** The result of a verify callback: the user, or `false` for a rejected login, with Passport's `info`. */
export interface Verified {
  readonly user: Express.User | false;
  readonly info?: unknown;
}

/**
 * What a verify callback returns or resolves to: the user, or `false` to reject the login. At run time `null` counts as `false`.
 *
 * @group Strategy
 */
export type VerifyResult =
  | (Express.User & {
      /** Excludes promises: until an app declares its `Express.User`, every value but `null` and `undefined` matches it. */
      readonly then?: never;
    })
  | false;

/**
 * Passport's `done`, which a classic verify callback calls with its result.
 *
 * @param error goes to `next`; null or undefined if there is none
 * @param user the user of the app; false, null or undefined rejects the login
 * @param info passed on to the app: the `info` of a rejected login, or `req.authInfo`
 *
 * @group Strategy
 */
export type VerifyDone = (error?: unknown, user?: Express.User | false | null, info?: unknown) => void;

/** Arguments and time limit of one call of a verify callback. */
export interface VerifyCall {
  /** Arguments before `done`, which always comes last. */
  readonly args: readonly unknown[];
  /** Milliseconds in which a callback that produced no result must call `done`. */
  readonly timeoutMs: number;
}

// For a result that should follow an async function at once.
const graceMs = 1000;

/**
 * Calls the app's verify callback and takes its result however it arrives: returned, promised, or passed to `done`. The number
 * of declared parameters says little (rest parameters, default values, wrappers and mocks do not count), so the first result
 * wins. A callback that declares `done` must call it, because its return value may be anything:
 * `(login, done) => users.find(id, done)`.
 */
export function callVerify(
  verify: (...args: unknown[]) => unknown,
  { args, timeoutMs }: VerifyCall,
): Promise<Verified> {
  const declaresDone = verify.length > args.length;
  return new Promise((resolve, reject) => {
    const done: VerifyDone = (error, user, info) =>
      error ? reject(error) : resolve({ user: user || false, info });
    const take = (value: unknown): void => resolve({ user: (value as Express.User) || false });
    const after = (ms: number, end: () => void): void =>
      void setTimeout(end, Math.min(ms, timeoutMs)).unref();
    const giveUp = (): void => reject(noResult(declaresDone, timeoutMs));
    const returned = verify(...args, done);
    if (declaresDone ? !isPromise(returned) : !isThenable(returned)) {
      if (returned !== undefined && !declaresDone) take(returned);
      else after(timeoutMs, giveUp);
      return;
    }
    Promise.resolve(returned).then((value) => {
      if (value === undefined) after(declaresDone ? timeoutMs : 3 * graceMs, giveUp);
      // The promise may resolve to a driver's handle, and `done` bring the user a moment later.
      else if (declaresDone) after(graceMs, () => take(value));
      else take(value);
    }, reject);
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** Accepts native promises only: the queries of some database drivers have a `then` that runs them again, or throws. */
function isPromise(value: unknown): value is Promise<unknown> {
  return Object.prototype.toString.call(value) === '[object Promise]';
}

function noResult(declaresDone: boolean, timeoutMs: number): PolarError {
  const what = declaresDone
    ? `declares done but did not call it within ${timeoutMs} ms; its return value is ignored. Call done(null, user)`
    : 'returned undefined and did not call done. Return the user';
  return new PolarError(
    'invalid_verify_result',
    `The verify callback ${what}, or false to reject the login (is a return statement missing?).`,
  );
}

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

/**
 * Waits for a custom callback of the app that is async: Passport returns its promise, and without a handler, a rejection would end
 * the process.
 */
export async function customCallback(returned: unknown): Promise<void> {
  if (isPromise(returned)) await returned;
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
  return new Error(`The app threw, or rejected with, ${shownValue(thrown)} instead of an error.`);
}
