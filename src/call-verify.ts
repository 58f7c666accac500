import { PolarError } from './errors.js';

/** What came of verifying: the user, or nobody, and why. */
export interface Verified {
  readonly user: Express.User | false;
  readonly info?: unknown;
}

/**
 * What a verify callback returns or promises: the user, or `false` for nobody. At run time `null` counts as `false`. `then` keeps
 * promises out: as long as an app has not said what its `Express.User` is, everything but `null` and `undefined` is one.
 */
export type VerifyResult = (Express.User & { readonly then?: never }) | false;

/** Passport's `done`. */
export type VerifyDone = (error?: unknown, user?: Express.User | false | null, info?: unknown) => void;

/** How a verify callback is called. */
export interface VerifyCall {
  /** What it is given before `done`, which is always the last argument. */
  readonly args: readonly unknown[];
  /** Milliseconds for an async callback that has returned nothing to call `done` after all. */
  readonly timeoutMs: number;
}

// For what should be there at once, once an async function is done.
const graceMs = 1000;

/**
 * Calls a verify callback of an app, and takes its result whichever way it comes: returned, promised, or handed to `done`.
 * How many parameters a function declares says little (rest parameters, default values, wrappers and mocks have none), so
 * the first result counts. Only where `done` is declared is it waited for, since what such a function returns may be
 * anything: `(login, done) => users.find(id, done)`.
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
      // A driver's handle may come out of the promise, and the user a moment later out of `done`.
      else if (declaresDone) after(graceMs, () => take(value));
      else take(value);
    }, reject);
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** A real one: the queries of some database drivers have a `then` that runs them again, or throws. */
function isPromise(value: unknown): value is Promise<unknown> {
  return Object.prototype.toString.call(value) === '[object Promise]';
}

function noResult(declaresDone: boolean, timeoutMs: number): PolarError {
  const what = declaresDone
    ? `declares done, and has not called it within ${timeoutMs} ms; what it may have returned does not count. Call done(null, user)`
    : 'returned undefined and has not called done. Return the user';
  return new PolarError(
    'invalid_verify_result',
    `The verify callback ${what}, or false to reject the login (is a return statement missing?).`,
  );
}
