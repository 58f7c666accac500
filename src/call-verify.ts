import { PolarError } from './errors.js';

/** What came of verifying: the user, or nobody, and why. */
export interface Verified {
  readonly user: Express.User | false;
  readonly info?: unknown;
}

/** Passport's `done`. */
export type VerifyDone = (error?: unknown, user?: Express.User | false | null, info?: unknown) => void;

/** How a verify callback is called. */
export interface VerifyCall {
  /** What it is given before `done`, which is always the last argument. */
  readonly args: readonly unknown[];
  /** Milliseconds for an async callback that has returned nothing to call `done` after all. */
  readonly timeoutMs: number;
}

/**
 * Calls a verify callback of an app, and takes its result whichever way it comes: returned, promised, or handed to `done`.
 * How many parameters a function declares says little (rest parameters, default values, wrappers and mocks have none), so
 * the first result counts.
 */
export function callVerify(
  verify: (...args: unknown[]) => unknown,
  { args, timeoutMs }: VerifyCall,
): Promise<Verified> {
  // What a callback with `done` returns may be anything: `(login, done) => users.find(id, done)`.
  const declaresDone = verify.length > args.length;
  const cannotCallDone = verify.length > 0 && !declaresDone;
  return new Promise((resolve, reject) => {
    const done: VerifyDone = (error, user, info) =>
      error ? reject(error) : resolve({ user: user || false, info });
    const take = (value: unknown): void => resolve({ user: (value as Express.User) || false });
    const returned = verify(...args, done);
    if (!isThenable(returned)) {
      if (declaresDone) return;
      if (returned !== undefined) take(returned);
      else if (cannotCallDone) reject(nothingReturned());
      else rejectLater(reject, timeoutMs);
      return;
    }
    Promise.resolve(returned).then((value) => {
      if (value === undefined && cannotCallDone) reject(nothingReturned());
      // What an async function without parameters was to do, it has mostly done.
      else if (value === undefined) rejectLater(reject, declaresDone ? timeoutMs : Math.min(timeoutMs, 1000));
      // Libraries that have both resolve their promise a moment before they call back.
      else if (declaresDone) setImmediate(() => setImmediate(take, value));
      else take(value);
    }, reject);
  });
}

function rejectLater(reject: (error: unknown) => void, timeoutMs: number): void {
  setTimeout(() => reject(nothingReturned()), timeoutMs).unref();
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

const nothingReturned = (): PolarError =>
  new PolarError(
    'invalid_verify_result',
    'The verify callback returned undefined and has not called done. Return the user, or false to reject the login (is a return statement missing?).',
  );
