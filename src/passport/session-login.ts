import type { Request } from 'express';
import type { EndableLogin, PolarRuntime } from '../composition.js';
import { publish } from '../diagnostics.js';
import { beforeFirstSaveAfterRegenerate } from '../first-save.js';
import { hookLogIn } from '../log-in.js';
import { callBack } from '../own-fault.js';
import type { LoginHandle } from '../refresh/login-handle.js';
import { loggedInUser, saveSession, serializedUser, sessionOf, storeAnswer } from '../request-session.js';
import type { NewLogin } from '../tokens/session-entry.js';
import type { PendingLogins } from './pending-logins.js';
import type { UnkeptTokens } from './unkept-tokens.js';

/** What goes into the session of whoever is logged in. */
export interface LoginToStore {
  readonly login: NewLogin;
  readonly unkept: UnkeptTokens;
  readonly returnTo: string | undefined;
}

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
  hookLogIn(req, (logIn) => (user, options, done) => {
    if (options.session === false || done === undefined) {
      logIn(user, options, done);
      if (options.session === false) toStore.unkept.keep();
      return;
    }
    toStore.unkept.keep();
    const { timeoutMs } = runtime.options;
    const logInNow = async ({ stored, undo }: Storing): Promise<void> => {
      // In a promise, also of a store that throws instead of calling back.
      const loggedIn = new Promise<void>((resolve, reject) => {
        logIn(user, options, (error) => (error ? reject(error) : resolve()));
      });
      try {
        await storeAnswer(loggedIn, timeoutMs);
      } catch (error) {
        undo();
        throw error;
      }
      await stored();
    };
    const failed = (error: unknown): void => {
      toStore.unkept.revoke();
      callBack(req, () => done(error));
    };
    prepare(runtime, pending, req, toStore)
      .then(logInNow)
      .then(() => callBack(req, () => done()), failed);
  });
  // The app's own callback of passport.authenticate may decide to log nobody in.
  req.res?.once('close', () => toStore.unkept.revokeUnlessSeen());
}

/** `passport.authorize`: nobody new is logged in, so the session stays and gets the tokens at once. */
export async function storeForLoggedInUser(
  runtime: PolarRuntime,
  req: Request,
  { login, unkept, returnTo }: LoginToStore,
): Promise<void> {
  const user = loggedInUser(req);
  if (user === undefined) return unkept.revokeUnlessSeen();
  const session = sessionOf(req);
  const { sessionKey } = runtime.options;
  const before = session[sessionKey];
  // Others stay: nobody new is logged in.
  const replaced = runtime.loginsIn(req).filter((login) => login.sessionKey === sessionKey);
  const handle = await runtime.putLogin(req, login, user);
  if (returnTo !== undefined) session['returnTo'] = returnTo;
  try {
    await storeAnswer(saveSession(session), runtime.options.timeoutMs);
  } catch (error) {
    // express-session tries again at the end of the response, and the login of before is still good.
    if (before === undefined) delete session[sessionKey];
    else session[sessionKey] = before;
    throw error;
  }
  unkept.keep();
  await begin(runtime, handle, replaced);
}

/** A login that is being stored. */
interface Storing {
  /** To be called once the session is saved. */
  stored(): Promise<void>;
  /** To be called when it could not be saved. */
  undo(): void;
}

async function prepare(
  runtime: PolarRuntime,
  pending: PendingLogins,
  req: Request,
  { login, unkept, returnTo }: LoginToStore,
): Promise<Storing> {
  const otherTabs = await pending.remaining(req);
  const replaced = runtime.loginsIn(req);
  let handle: LoginHandle | undefined;

  const sessionBefore = req.session;
  beforeFirstSaveAfterRegenerate(req, async (session) => {
    pending.carryInto(session, otherTabs);
    if (returnTo !== undefined) session['returnTo'] = returnTo;
    // With `keepSessionInfo`, Passport has brought them along.
    for (const { sessionKey } of replaced) delete session[sessionKey];
    const user = serializedUser(req);
    if (user !== undefined) handle = await runtime.putLogin(req, login, user);
  });
  return {
    async stored() {
      if (handle === undefined) unkept.revoke();
      else await begin(runtime, handle, replaced);
    },
    undo() {
      if (req.session === sessionBefore) return;
      // express-session tries again at the end of the response: what is revoked must not get into the session then.
      delete sessionOf(req)[runtime.options.sessionKey];
      // The session that held them is gone.
      for (const each of replaced) each.end().catch(() => {});
    },
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
