import type { Request } from 'express';
import { beforeEnd } from '../before-end.js';
import type { EndableLogin, PolarRuntime } from '../composition.js';
import { publish } from '../diagnostics.js';
import { beforeFirstSaveAfterRegenerate } from '../first-save.js';
import { hookLogIn } from '../log-in.js';
import { waitingKeyOf } from '../logins.js';
import { callBack } from '../own-fault.js';
import type { LoginHandle } from '../refresh/login-handle.js';
import {
  loggedInUser,
  type RequestSession,
  saveSession,
  serializedUser,
  serializeUser,
  sessionOf,
  withStoreTimeout,
} from '../request-session.js';
import type { NewLogin } from '../tokens/session-entry.js';
import {
  reportError,
  reportLostCookie,
  reportLostResponse,
  reportNobodyLoggedIn,
  reportNobodyToConnect,
} from './report-failure.js';
import type { UnkeptTokens } from './unkept-tokens.js';

/** What goes into the session of whoever is logged in. */
export interface LoginToStore {
  readonly login: NewLogin;
  readonly unkept: UnkeptTokens;
  readonly returnTo: string | undefined;
  /** Hash of the cookie of the login attempt. */
  readonly cookieHash: string;
}

/** Whom the app may log in itself. */
export interface LoggedInByApp {
  readonly user: Express.User;
  /** True with `session: false`: an app that is given the tokens may keep them for itself. */
  readonly isSessionless: boolean;
}

/**
 * Has `req.logIn`, when Passport or the app's own callback calls it, put the login into the session that it
 * regenerates, in the very save in which Passport writes the user: no moment in between, and nothing that
 * `keepSessionInfo` brings over from the old session wins against it.
 */
export function storeAtLogIn(
  runtime: PolarRuntime,
  req: Request,
  toStore: LoginToStore,
  { user, isSessionless }: LoggedInByApp,
): void {
  const { unkept } = toStore;
  // Nobody sees the response to this request any more: there is no browser for a session.
  const isOver = req.res?.writableEnded || req.res?.closed;
  if (isOver) {
    unkept.revokeUnlessSeen();
    reportLostResponse();
  }
  const takeBack = hookLogIn(req, (_req, logIn) => (user, options, done) => {
    if (options.session === false || done === undefined) return logIn(user, options, done);
    if (isOver) return logIn(user, options, (error) => callBack(req, () => done(error)));
    toStore.unkept.keep();
    const { timeoutMs } = runtime.options;
    const logInNow = async ({ stored, undo }: Storing): Promise<void> => {
      // In a promise, also of a store that throws instead of calling back.
      const loggedIn = new Promise<void>((resolve, reject) => {
        logIn(user, options, (error) => (error ? reject(error) : resolve()));
      });
      try {
        await withStoreTimeout(loggedIn, timeoutMs);
      } catch (error) {
        undo();
        throw error;
      }
      await stored();
      // Once: whom the app logs in after that has to be the same person.
      takeBack();
    };
    const failed = (error: unknown): void => {
      toStore.unkept.revoke();
      reportError(error);
      callBack(req, () => done(error));
    };
    logInNow(prepare(runtime, req, toStore)).then(() => callBack(req, () => done()), failed);
  });
  beforeEnd(
    req,
    () => unkept.isOpen,
    () => waitForLogIn(runtime, req, toStore, { user, isSessionless }),
  );
  req.res?.once('close', () => unkept.revokeUnlessSeen());
}

/**
 * The app has logged nobody in: with `session: false`, or a callback of its own. It may do so in a later request, after a
 * page with its terms or a second factor. Where the session goes on, the login waits in it for that person.
 */
async function waitForLogIn(
  runtime: PolarRuntime,
  req: Request,
  { login, unkept, returnTo, cookieHash }: LoginToStore,
  { user, isSessionless }: LoggedInByApp,
): Promise<void> {
  const session = (req as { session?: unknown }).session as RequestSession | undefined;
  const hasMore = Object.keys(session ?? {}).some((key) => key !== 'cookie');
  if (!hasMore) {
    unkept.revokeUnlessSeen();
    if (!unkept.isOpen) reportNobodyLoggedIn();
    return;
  }
  const replaced = ownLoginsIn(runtime, req).filter(({ entry }) => entry.waiting);
  unkept.keep();
  try {
    const serialized = await withStoreTimeout(serializeUser(req, user), runtime.options.timeoutMs);
    const handle = runtime.putLogin(req, login, serialized, {
      waiting: { cookieHash, isLeftToApp: isSessionless && unkept.isSeenByApp, returnTo },
    });
    runtime.refresher.begin(handle);
    for (const each of replaced) each.end('replaced').catch(() => {});
    if (runtime.keepsLogins) await runtime.refresher.recordFirst(handle);
  } catch (error) {
    if (session !== undefined) delete session[waitingKeyOf(runtime.options.sessionKey)];
    unkept.revoke();
    reportError(error);
  }
}

/** `passport.authorize`: nobody new is logged in, so the session stays and gets the tokens at once. */
export async function storeForLoggedInUser(
  runtime: PolarRuntime,
  req: Request,
  { login, unkept, returnTo }: LoginToStore,
): Promise<void> {
  const user = loggedInUser(req);
  if (user === undefined) {
    unkept.revokeUnlessSeen();
    return reportNobodyToConnect();
  }
  const session = sessionOf(req);
  const { sessionKey } = runtime.options;
  const before = session[sessionKey];
  // Others stay: nobody new is logged in.
  const replaced = ownLoginsIn(runtime, req);
  const handle = runtime.putLogin(req, login, user);
  if (returnTo !== undefined) session['returnTo'] = returnTo;
  try {
    await withStoreTimeout(saveSession(session), runtime.options.timeoutMs);
  } catch (error) {
    // express-session tries again at the end of the response, and the login of before is still good.
    if (before === undefined) delete session[sessionKey];
    else session[sessionKey] = before;
    throw error;
  }
  unkept.keep();
  await begin(runtime, handle, replaced);
}

function ownLoginsIn(runtime: PolarRuntime, req: Request): EndableLogin[] {
  return runtime.loginsIn(req).filter(({ sessionKey }) => sessionKey === runtime.options.sessionKey);
}

/** A login that is being stored. */
interface Storing {
  /** To be called once the session is saved. */
  stored(): Promise<void>;
  /** To be called when it could not be saved. */
  undo(): void;
}

function prepare(runtime: PolarRuntime, req: Request, { login, unkept, returnTo }: LoginToStore): Storing {
  const replaced = runtime.loginsIn(req);
  let handle: LoginHandle | undefined;

  const sessionBefore = req.session;
  beforeFirstSaveAfterRegenerate(req, async (session) => {
    if (returnTo !== undefined) session['returnTo'] = returnTo;
    // With `keepSessionInfo`, Passport has brought them along.
    for (const { storedAs } of replaced) delete session[storedAs];
    const user = serializedUser(req);
    if (user !== undefined) handle = runtime.putLogin(req, login, user);
  });
  return {
    async stored() {
      if (handle === undefined) return unkept.revoke();
      await begin(runtime, handle, replaced);
      watchResponse(runtime, req, handle);
    },
    undo() {
      if (req.session === sessionBefore) return;
      // express-session tries again at the end of the response: what is revoked must not get into the session then.
      delete sessionOf(req)[runtime.options.sessionKey];
      // The session that held them is gone.
      for (const each of replaced) each.end('replaced').catch(() => {});
    },
  };
}

async function begin(
  runtime: PolarRuntime,
  handle: LoginHandle,
  replaced: readonly EndableLogin[],
): Promise<void> {
  runtime.refresher.begin(handle);
  publish('login', { event: 'logged-in', loginId: handle.loginId });
  // Its tokens are out of everybody's reach now, so they should be good for nothing; nobody waits for that. The same
  // tokens come twice when an app calls req.logIn twice.
  for (const each of replaced) if (each.loginId !== handle.loginId) each.end('replaced').catch(() => {});
  if (runtime.keepsLogins) await runtime.refresher.recordFirst(handle);
}

/** What the browser never gets, it cannot use: without the session's cookie, nobody could ever log this login out. */
function watchResponse(runtime: PolarRuntime, req: Request, handle: LoginHandle): void {
  const { res } = req;
  if (res === undefined) return;
  const lost = (): void => {
    runtime.underWay.write(runtime.refresher.end(handle, 'abandoned')).catch(() => {});
    reportLostResponse();
  };
  if (res.headersSent || res.closed) {
    lost();
    return;
  }
  res.once('close', () => {
    if (!res.writableFinished) lost();
  });
  // express-session leaves its cookie out, and says nothing, where it is secure and the connection seems not to be.
  res.once('finish', () => {
    const value = encodeURIComponent(`s:${req.sessionID}.`);
    const cookies = [res.getHeader('set-cookie') ?? []].flat().map(String);
    const isKept = (req as { session?: unknown }).session !== undefined;
    if (isKept && !cookies.some((cookie) => cookie.includes(`=${value}`))) reportLostCookie();
  });
}
