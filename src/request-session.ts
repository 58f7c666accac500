import type { Request } from 'express';
import type { Session, SessionData } from 'express-session';
import { PolarConfigurationError, PolarTransientError } from './errors.js';
import { within } from './within.js';

/** The session of a request, with the parts that this package and Passport keep in it. */
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
      'There is no session: Log in with Polar needs express-session. Add app.use(session({ ... })) before passport.session(), polarTokens and the login routes. If it is there, its store may be unreachable, or its cookie has a path that this route is not in.',
    );
  }
  const missing = (['regenerate', 'save'] as const)
    .filter((method) => typeof session[method] !== 'function')
    .map((method) => `req.session.${method}()`);
  if (req.sessionStore === undefined) missing.push('req.sessionStore');
  if (missing.length > 0) {
    throw new PolarConfigurationError(
      'unsupported_session',
      `Log in with Polar needs express-session, with any of its stores. The session of this request is another one: it has no ${missing.join(', ')}. Sessions that are all in a cookie, such as those of cookie-session, are not supported.`,
    );
  }
  return session;
}

/**
 * Passport's serialized user of the session, or undefined when nobody is logged in on this request.
 *
 * @throws PolarConfigurationError `missing_middleware` when somebody is logged in but Passport did not get to look
 */
export function loggedInUser(req: Request): unknown {
  const user = serializedUser(req);
  if (user !== undefined && typeof req.isAuthenticated !== 'function') {
    throw new PolarConfigurationError(
      'missing_middleware',
      'Somebody is logged in, but passport.session() has not run on this route. Add app.use(passport.session()) after the session and before this route.',
    );
  }
  return user !== undefined && req.isAuthenticated() ? user : undefined;
}

/** What Passport wrote into the session for the user. */
export function serializedUser(req: Request): unknown {
  // Passport's own key, where an app has chosen another.
  const manager = (req as { _sessionManager?: { _key?: string } })._sessionManager;
  const session = (req as { session?: unknown }).session as
    | Record<string, { user?: unknown } | undefined>
    | undefined;
  return session?.[manager?._key ?? 'passport']?.user;
}

/** What Passport would write into the session for a user. Rejects where the app's `serializeUser` fails. */
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

/** Writes the session to its store now. */
export function saveSession(session: RequestSession): Promise<void> {
  return new Promise((resolve, reject) =>
    session.save((error: unknown) => (error ? reject(error) : resolve())),
  );
}

/**
 * What the session store responds, or an error in time: a request must not hang because a store does.
 *
 * @throws PolarTransientError `timeout`
 */
export function withStoreTimeout<T>(asked: Promise<T>, timeoutMs: number): Promise<T> {
  return within(asked, timeoutMs, () => storeTimedOut(timeoutMs));
}

/** What {@link withStoreTimeout} throws. */
export function storeTimedOut(timeoutMs: number): PolarTransientError {
  return new PolarTransientError(
    'timeout',
    `The session store did not answer within ${timeoutMs} ms. Is it reachable from here?`,
  );
}
