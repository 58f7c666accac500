import { AsyncResource } from 'node:async_hooks';
import type { Request } from 'express';
import { publish } from '../diagnostics.js';
import type { FoundLogin } from '../logins/all-session-logins.js';
import { waitingKeyOf } from '../logins/session-logins.js';
import { callBack } from '../request/app-callbacks.js';
import { callbackDuration } from '../request/callback-duration.js';
import { beforeEnd } from '../request/end-of-response.js';
import { hookLogIn } from '../request/log-in-hook.js';
import {
  loggedInUser,
  type RequestSession,
  saveSession,
  serializedUser,
  serializeUser,
  sessionOf,
  withStoreTimeout,
} from '../request/session.js';
import { beforeFirstSaveAfterRegenerate } from '../request/session-save-hook.js';
import type { PolarRuntime } from '../runtime.js';
import type { NewLogin } from '../tokens/session-entry.js';
import type { LoginHandle } from '../tokens/token-record.js';
import { watchForUnrestoredUser } from './missing-session-hint.js';
import {
  reportError,
  reportLostCookie,
  reportLostResponse,
  reportNobodyLoggedIn,
  reportNobodyToConnect,
} from './report-failure.js';
import type { UnkeptTokens } from './unkept-tokens.js';

/** A login to store in the session of its user. */
export interface LoginToStore {
  readonly login: NewLogin;
  readonly unkept: UnkeptTokens;
  readonly returnTo: string | undefined;
  /** Hash of the cookie of the login attempt. */
  readonly cookieHash: string;
}

/** The user that the app may log in itself. */
export interface LoggedInByApp {
  readonly user: Express.User;
  /** True with `session: false`: an app that received the tokens may keep them itself. */
  readonly isSessionless: boolean;
}

/**
 * Hooks `req.logIn`, whether Passport or the app's own callback calls it, to put the login into the regenerated session. The
 * same save writes Passport's user and the login, and the login replaces what `keepSessionInfo` copies from the old session.
 */
export function storeAtLogIn(
  runtime: PolarRuntime,
  req: Request,
  toStore: LoginToStore,
  { user, isSessionless }: LoggedInByApp,
): void {
  const { unkept } = toStore;
  // The response is over, so a session could no longer reach the browser.
  const isOver = req.res?.writableEnded || req.res?.closed;
  if (isOver) {
    unkept.revokeUnlessSeen();
    reportLostResponse(req);
  }
  const takeBack = hookLogIn(req, (_req, logIn) => (user, options, done) => {
    if (options.session === false || done === undefined) return logIn(user, options, done);
    if (isOver) return logIn(user, options, (error) => callBack(req, () => done(error)));
    toStore.unkept.keep();
    const { timeoutMs } = runtime.options;
    const logInNow = async (): Promise<void> => {
      const { stored, undo } = prepare(runtime, req, toStore);
      // Also catches a store that throws instead of calling back.
      const loggedIn = new Promise<void>((resolve, reject) => {
        logIn(user, options, (error) => (error ? reject(error) : resolve()));
      });
      try {
        await withStoreTimeout(loggedIn, timeoutMs);
      } catch (error) {
        await undo();
        throw error;
      }
      await stored();
      // Only once: a later req.logIn keeps the login only if it is for the same user.
      takeBack();
    };
    const failed = (error: unknown): void => {
      toStore.unkept.revoke();
      reportError(req, error);
      callBack(req, () => done(error));
    };
    logInNow().then(() => callBack(req, () => done()), failed);
  });
  beforeEnd(
    req,
    () => unkept.isOpen,
    () => waitForLogIn(runtime, req, toStore, { user, isSessionless }),
  );
  // Here and below: a listener runs in the async context of the socket, and what it publishes belongs to the request.
  req.res?.once(
    'close',
    AsyncResource.bind(() => unkept.revokeUnlessSeen()),
  );
}

/**
 * Called if the app did not log the user in: with `session: false`, or in its own callback. It may do so in a later request,
 * after a page with its terms or a second factor. If the session has other content, the login waits there for that user.
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
    if (!unkept.isOpen) reportNobodyLoggedIn(req);
    return;
  }
  const replaced = ownLoginsIn(runtime, req).filter(({ entry }) => entry.waiting);
  unkept.keep();
  try {
    const serialized = await withStoreTimeout(serializeUser(req, user), runtime.options.timeoutMs);
    const handle = runtime.logins.put(req, login, serialized, {
      waiting: { cookieHash, isLeftToApp: isSessionless && unkept.isSeenByApp, returnTo },
    });
    runtime.refresher.begin(handle);
    await recordEnds(replaced);
    if (runtime.logins.recordsFromStart) await runtime.refresher.recordFirst(handle);
  } catch (error) {
    if (session !== undefined) delete session[waitingKeyOf(runtime.options.sessionKey)];
    unkept.revoke();
    reportError(req, error);
  }
}

/** For `passport.authorize`: the user and the session stay the same, and the tokens are stored at once. */
export async function storeForLoggedInUser(
  runtime: PolarRuntime,
  req: Request,
  { login, unkept, returnTo }: LoginToStore,
): Promise<void> {
  const user = loggedInUser(req);
  if (user === undefined) {
    unkept.revokeUnlessSeen();
    return reportNobodyToConnect(req);
  }
  const session = sessionOf(req);
  const { sessionKey } = runtime.options;
  const before = session[sessionKey];
  // Logins of other strategies stay, because the user does.
  const replaced = ownLoginsIn(runtime, req);
  const handle = runtime.logins.put(req, login, user);
  if (returnTo !== undefined) session['returnTo'] = returnTo;
  try {
    await withStoreTimeout(saveSession(session), runtime.options.timeoutMs);
  } catch (error) {
    // express-session saves again at the end of the response, and the previous login is still valid.
    if (before === undefined) delete session[sessionKey];
    else session[sessionKey] = before;
    throw error;
  }
  unkept.keep();
  await begin(runtime, req, handle, replaced);
}

function ownLoginsIn(runtime: PolarRuntime, req: Request): FoundLogin[] {
  return runtime.allLogins.of(req).filter(({ sessionKey }) => sessionKey === runtime.options.sessionKey);
}

/** A login that is being stored. */
interface Storing {
  /** Call once the session is saved. */
  stored(): Promise<void>;
  /** Call if the session could not be saved. */
  undo(): Promise<void>;
}

function prepare(runtime: PolarRuntime, req: Request, { login, unkept, returnTo }: LoginToStore): Storing {
  const replaced = runtime.allLogins.of(req);
  let handle: LoginHandle | undefined;

  const sessionBefore = req.session;
  beforeFirstSaveAfterRegenerate(req, async (session) => {
    if (returnTo !== undefined) session['returnTo'] = returnTo;
    // With `keepSessionInfo`, Passport has copied them.
    for (const { storedAs } of replaced) delete session[storedAs];
    const user = serializedUser(req);
    if (user !== undefined) handle = runtime.logins.put(req, login, user);
  });
  return {
    async stored() {
      if (handle === undefined) return unkept.revoke();
      await begin(runtime, req, handle, replaced);
      watchForUnrestoredUser(runtime, req);
      watchResponse(runtime, req, handle);
    },
    async undo() {
      if (req.session === sessionBefore) return;
      // express-session saves again at the end of the response: revoked tokens must not get into the session then.
      delete sessionOf(req)[runtime.options.sessionKey];
      // The session that held them is gone.
      await recordEnds(replaced);
    },
  };
}

async function begin(
  runtime: PolarRuntime,
  req: Request,
  handle: LoginHandle,
  replaced: readonly FoundLogin[],
): Promise<void> {
  runtime.refresher.begin(handle);
  // An app that calls req.logIn twice passes the same login twice.
  const ending = recordEnds(replaced.filter(({ loginId }) => loginId !== handle.loginId));
  if (runtime.logins.recordsFromStart) await runtime.refresher.recordFirst(handle);
  await ending;
  const durationMs = callbackDuration(req) ?? 0;
  publish('login', { event: 'logged-in', loginId: handle.loginId, durationMs });
}

/** Ends replaced logins. Nobody waits for the revocation, because nothing can use their tokens any more. */
async function recordEnds(replaced: readonly FoundLogin[]): Promise<void> {
  await Promise.all(replaced.map((login) => login.recordEnd('replaced')));
}

/** Ends the login if the response does not reach the browser: without the session cookie, the user could never log out. */
function watchResponse(runtime: PolarRuntime, req: Request, handle: LoginHandle): void {
  const { res } = req;
  if (res === undefined) return;
  const lost = AsyncResource.bind((): void => {
    runtime.background.write(runtime.refresher.end(handle, 'abandoned')).catch(() => {});
    reportLostResponse(req);
  });
  if (res.headersSent || res.closed) {
    lost();
    return;
  }
  // With the headers, the cookie is on its way, even if the browser leaves before the end of the page.
  res.once('close', () => {
    if (!res.headersSent) lost();
  });
  // express-session silently omits a secure cookie if the connection appears not to be secure.
  const finished = AsyncResource.bind((): void => {
    const value = encodeURIComponent(`s:${req.sessionID}.`);
    const cookies = [res.getHeader('set-cookie') ?? []].flat().map(String);
    const isKept = (req as { session?: unknown }).session !== undefined;
    if (isKept && !cookies.some((cookie) => cookie.includes(`=${value}`))) reportLostCookie(req);
  });
  res.once('finish', finished);
}
