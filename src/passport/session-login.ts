import type { Request } from 'express';
import type { EndableLogin, PolarRuntime } from '../composition.js';
import { publish } from '../diagnostics.js';
import type { LoginHandle } from '../refresh/login-handle.js';
import {
  loggedInUser,
  type RequestSession,
  saveSession,
  serializedUser,
  sessionOf,
} from '../request-session.js';
import type { NewLogin } from '../tokens/session-entry.js';
import type { PendingLogins } from './pending-logins.js';

/** What goes into the session of whoever is logged in. */
export interface LoginToStore {
  readonly login: NewLogin;
  readonly returnTo: string | undefined;
}

type LogIn = (user: Express.User, options: { session?: boolean }, done: (error?: unknown) => void) => void;

/**
 * Has `req.logIn`, when Passport or the app's own callback calls it, put the login into the session that it
 * regenerates, in the very save in which Passport writes the user: no moment in between, and nothing that
 * `keepSessionInfo` brings over from the old session wins against it.
 */
export function storeAtLogIn(
  runtime: PolarRuntime,
  pending: PendingLogins,
  req: Request,
  toStore: LoginToStore,
): void {
  const logIn = req.logIn as LogIn;
  const logInAndStore = (
    user: Express.User,
    optionsOrDone: object | ((error?: unknown) => void),
    maybeDone?: (error?: unknown) => void,
  ): void => {
    const [options, done] =
      typeof optionsOrDone === 'function' ? [{}, optionsOrDone] : [optionsOrDone ?? {}, maybeDone];
    const withoutSession = (options as { session?: boolean }).session === false;
    if (withoutSession || typeof done !== 'function') {
      logIn.call(req, user, options, done as never);
      return;
    }
    const stored = prepare(runtime, pending, req, toStore);
    const logInNow = (finish: () => Promise<void>): void =>
      logIn.call(req, user, options, (error) => {
        if (error) done(error);
        else void finish().finally(() => setImmediate(() => done()));
      });
    // Outside of the promise, what the app's own callback throws is not swallowed.
    stored.then((finish) => void setImmediate(logInNow, finish), done as (error: unknown) => void);
  };
  req.logIn = req.login = logInAndStore as Request['logIn'];
}

/** `passport.authorize`: nobody new is logged in, so the session stays and gets the tokens at once. */
export async function storeForLoggedInUser(
  runtime: PolarRuntime,
  req: Request,
  { login, returnTo }: LoginToStore,
): Promise<void> {
  const user = loggedInUser(req);
  if (user === undefined) return;
  const session = sessionOf(req);
  // Others stay: nobody new is logged in.
  const replaced = runtime
    .loginsIn(req)
    .filter(({ sessionKey }) => sessionKey === runtime.options.sessionKey);
  const handle = await runtime.putLogin(req, login, user);
  if (returnTo !== undefined) session['returnTo'] = returnTo;
  await saveSession(session);
  await begin(runtime, handle, replaced);
}

async function prepare(
  runtime: PolarRuntime,
  pending: PendingLogins,
  req: Request,
  { login, returnTo }: LoginToStore,
): Promise<() => Promise<void>> {
  const otherTabs = await pending.remaining(req);
  const replaced = runtime.loginsIn(req);
  let handle: LoginHandle | undefined;

  beforeFirstSaveAfterRegenerate(req, async (session) => {
    pending.carryInto(session, otherTabs);
    if (returnTo !== undefined) session['returnTo'] = returnTo;
    // With `keepSessionInfo`, Passport has brought them along.
    for (const { sessionKey } of replaced) delete session[sessionKey];
    const user = serializedUser(req);
    if (user !== undefined) handle = await runtime.putLogin(req, login, user);
  });
  return async () => {
    if (handle !== undefined) await begin(runtime, handle, replaced);
  };
}

async function begin(
  runtime: PolarRuntime,
  handle: LoginHandle,
  replaced: readonly EndableLogin[],
): Promise<void> {
  runtime.keeper.begin(handle);
  publish('login', { event: 'logged-in', loginId: handle.loginId });
  // Its tokens are out of everybody's reach now, so they should be good for nothing; nobody waits for that. The same
  // tokens come twice when an app calls req.logIn twice.
  for (const each of replaced) if (each.loginId !== handle.loginId) each.end().catch(() => {});
  if (runtime.keepsLogins) await runtime.keeper.recordFirst(handle);
}

/** Runs `change` on the session that the next `regenerate` makes, right before it is saved for the first time. */
function beforeFirstSaveAfterRegenerate(
  req: Request,
  change: (session: RequestSession) => Promise<void>,
): void {
  hookOnce(sessionOf(req), 'regenerate', (regenerate, callback) => {
    regenerate((error?: unknown) => {
      if (!error) {
        hookOnce(sessionOf(req), 'save', (save, saved) => {
          change(sessionOf(req)).then(() => saveSafely(save, saved), saved);
        });
      }
      callback?.(error);
    });
  });
}

/** Some stores throw instead of calling back. */
function saveSafely(save: Method, saved?: Callback): void {
  try {
    save(saved);
  } catch (error) {
    setImmediate(() => saved?.(error));
  }
}

type Callback = (error?: unknown) => void;
type Method = (callback?: Callback) => unknown;

/** Replaces a method of this one session for its next call. Not enumerable, as Passport copies what is. */
function hookOnce(
  session: RequestSession,
  name: 'regenerate' | 'save',
  call: (original: Method, callback?: Callback) => void,
): void {
  const own = Object.getOwnPropertyDescriptor(session, name);
  const original = session[name] as Method;
  Object.defineProperty(session, name, {
    configurable: true,
    enumerable: false,
    writable: true,
    value: (callback?: Callback) => {
      if (own === undefined) delete (session as Partial<RequestSession>)[name];
      else Object.defineProperty(session, name, own);
      call((then) => original.call(session, then), callback);
      return session;
    },
  });
}
