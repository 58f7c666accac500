import type { Request } from 'express';
import type { Session, SessionData } from 'express-session';
import { within } from '../async/within.js';
import { PolarConfigurationError, PolarTransientError } from '../errors.js';

/** The session of a request, with the entries of this package and Passport. */
export type RequestSession = Session & Partial<SessionData> & Record<string, unknown>;

/**
 * The express-session session of a request.
 *
 * @throws PolarConfigurationError `missing_session`, `unsupported_session`
 */
export function sessionOf(req: Request): RequestSession {
  const session = (req as { session?: unknown }).session as RequestSession | undefined | null;
  if (session === undefined || session === null) {
    throw new PolarConfigurationError(
      'missing_session',
      isSessionDestroyed(req)
        ? 'There is no session any more: the app destroyed it earlier in this request. To start a new one, call req.session.regenerate() instead of req.session.destroy().'
        : 'There is no session: Log in with Polar needs express-session. Add app.use(session({ ... })) before passport.session(), polarTokens and the login routes. If it is there, check that its store is reachable and that its cookie path includes this route.',
    );
  }
  const missing = (['regenerate', 'save'] as const)
    .filter((method) => typeof session[method] !== 'function')
    .map((method) => `req.session.${method}()`);
  if (req.sessionStore === undefined) missing.push('req.sessionStore');
  if (missing.length > 0) {
    throw new PolarConfigurationError(
      'unsupported_session',
      `Log in with Polar needs express-session, with any of its stores. The session of this request is from another package: it has no ${missing.join(', ')}. Sessions stored in a cookie, such as those of cookie-session, are not supported.`,
    );
  }
  return session;
}

/** True once the app has destroyed the session of the request: express-session leaves its store behind. */
export function isSessionDestroyed(req: Request): boolean {
  const { session, sessionStore } = req as { session?: unknown; sessionStore?: unknown };
  return (session === undefined || session === null) && sessionStore !== undefined;
}

/**
 * A session as it would begin now, which is not saved. The session of the request may have begun with other options of
 * express-session: stores keep the cookie's.
 */
export function newSessionOf(req: Request): RequestSession {
  const next = Object.create(req) as Request;
  req.sessionStore.generate(next);
  return sessionOf(next);
}

/**
 * Passport's serialized user in the session, or undefined if no user is logged in on this request.
 *
 * @throws PolarConfigurationError `missing_middleware` if the session has a user but `passport.session()` has not run
 */
export function loggedInUser(req: Request): unknown {
  const user = serializedUser(req);
  if (user !== undefined && typeof req.isAuthenticated !== 'function') {
    throw new PolarConfigurationError(
      'missing_middleware',
      'The session has a logged-in user, but passport.session() did not run on this route. Add app.use(passport.session()) after the session and before this route.',
    );
  }
  return user !== undefined && req.isAuthenticated() ? user : undefined;
}

/**
 * True if the session has a user, but the request does not: `passport.session()` did not run. It puts the user on the request, or
 * removes one that `deserializeUser` does not find from the session.
 */
export function hasUnrestoredUser(req: Request): boolean {
  const isRestored = typeof req.isAuthenticated === 'function' && req.isAuthenticated();
  return serializedUser(req) !== undefined && !isRestored;
}

/** The user that Passport put on the request, under the name that the app may have chosen. */
export function userOf(req: Request): Express.User | undefined {
  const { _userProperty: name = 'user' } = req as { _userProperty?: string };
  return (req as unknown as Record<string, Express.User | undefined>)[name];
}

/** The serialized user that Passport wrote into the session. */
export function serializedUser(req: Request): unknown {
  // The app may have changed Passport's session key.
  const manager = (req as { _sessionManager?: { _key?: string } })._sessionManager;
  const session = (req as { session?: unknown }).session as
    | Record<string, { user?: unknown } | undefined>
    | undefined;
  return session?.[manager?._key ?? 'passport']?.user;
}

/** Serializes a user as Passport does for the session. Rejects if the app's `serializeUser` fails. */
export function serializeUser(req: Request, user: Express.User): Promise<unknown> {
  type Serialize = (
    user: Express.User,
    req: Request,
    done: (error: unknown, value?: unknown) => void,
  ) => void;
  const manager = (req as { _sessionManager?: { _serializeUser?: Serialize } })._sessionManager;
  return new Promise((resolve, reject) => {
    if (manager?._serializeUser === undefined)
      return reject(new Error('Passport has no session manager here'));
    manager._serializeUser(user, req, (error, value) => (error ? reject(error) : resolve(value)));
  });
}

/** Saves the session to its store. */
export function saveSession(session: RequestSession): Promise<void> {
  return new Promise((resolve, reject) =>
    session.save((error: unknown) => (error ? reject(error) : resolve())),
  );
}

/**
 * Limits how long an operation of the session store may take, so that a hanging store does not hang the request.
 *
 * @throws PolarTransientError `timeout`
 */
export function withStoreTimeout<T>(asked: Promise<T>, timeoutMs: number): Promise<T> {
  const message = `The session store did not respond within ${timeoutMs} ms. Check that it is reachable.`;
  return within(asked, timeoutMs, () => new PolarTransientError('timeout', message));
}
