import type { NextFunction, Request, Response } from 'express';
import { loginFailed } from '../diagnostics.js';
import { PolarConfigurationError, PolarInsufficientScopeError, PolarLoginRequiredError } from '../errors.js';
import { asError } from '../request/app-callbacks.js';
import { noStore } from '../request/end-of-response.js';
import { hasUnrestoredUser, loggedInUser } from '../request/session.js';
import { type LoginNeeds, toLogin, wantsPage } from './login-path.js';
import { runtimeOfRequest } from './request-runtime.js';

/** Why a guard refuses a request. */
export interface Refusal {
  readonly error: Error;
  /** What a new login must request; undefined if logging in again cannot help. */
  readonly login?: LoginNeeds | undefined;
}

/** Lets an accepted request through. Redirects a refused page request to the login if that can help, or passes on the error. */
export function guard(
  req: Request,
  res: Response,
  next: NextFunction,
  loginPath: string,
  refusalOf: (req: Request) => Promise<Refusal | undefined>,
): void {
  refusalOf(req)
    .then((refusal) => {
      if (refusal === undefined) return next();
      const { error, login } = refusal;
      if (login !== undefined && wantsPage(req)) return toLogin(req, res, next, { loginPath, ...login });
      noStore(res);
      return next(error);
    })
    .catch((thrown: unknown) => {
      noStore(res);
      next(asError(thrown));
    });
}

/** The refusal of a request whose user is not logged in with Polar, if so. */
export async function unlessLoggedIn(req: Request, login: LoginNeeds): Promise<Refusal | undefined> {
  if (await req.polar.isLoggedIn()) return undefined;
  const error = whyNotLoggedIn(req);
  return { error, login: error instanceof PolarLoginRequiredError ? login : undefined };
}

/** The refusal of a login that lacks scopes which the page requires. */
export function lacksScopes(req: Request, missing: readonly string[], login: LoginNeeds): Refusal {
  const error = new PolarInsufficientScopeError(
    `Access requires the scope ${missing.join(' and ')}, which the login does not have. Log in again and allow it; if that does not help, register it for the client at Polar.`,
    missing,
  );
  // A scope that the last login requested without success will not be granted now either: that would be a redirect loop.
  const asked = runtimeOfRequest(req)?.logins.ofUser(req)?.askedScopes ?? [];
  return { error, login: missing.some((scope) => !asked.includes(scope)) ? login : undefined };
}

// Long enough for the redirects after a login; a user who is deleted later may log in again.
const justNowMs = 60_000;

/** The error for a request whose user is not logged in with Polar. The app may show its message to the user. */
export function notLoggedIn(): PolarLoginRequiredError {
  return new PolarLoginRequiredError('not_logged_in', 'You are not logged in with Polar. Log in first.');
}

/**
 * Why a guard refuses a request without a login. If the user has just logged in but Passport does not find that user, another
 * redirect to the login would be an endless loop.
 */
function whyNotLoggedIn(req: Request): PolarLoginRequiredError | PolarConfigurationError {
  const runtime = runtimeOfRequest(req);
  const login = runtime?.logins.inSession(req);
  if (runtime === undefined || login === undefined) return notLoggedIn();
  const isNew = Math.abs(runtime.options.now() - login.issuedAt) < justNowMs;
  if (!isNew) return notLoggedIn();
  const user = loggedInUser(req);
  if (hasUnrestoredUser(req)) {
    return shown(
      'missing_middleware',
      'A user just logged in with Polar, but passport.session() did not run on this route, or the app removed req.user. Add app.use(passport.session()) after the session and before this route.',
    );
  }
  if (user !== undefined && runtime.logins.ofUser(req) !== undefined) return notLoggedIn();
  if (user !== undefined) {
    return shown(
      'user_changed',
      'A user just logged in with Polar, but the session now has a different serialized user. If it is the same person with changed data, tell the strategy what identifies users: userKey: (user) => user.accountId.',
    );
  }
  return shown(
    'user_not_found',
    'A user just logged in with Polar, but Passport finds no user for this session: deserializeUser called back with false or null. Check that it looks up what serializeUser stores, and that the user is in the database.',
  );
}

function shown(
  code: 'missing_middleware' | 'user_changed' | 'user_not_found',
  message: string,
): PolarConfigurationError {
  const error = new PolarConfigurationError(code, message);
  loginFailed({ code, reason: message, error });
  return error;
}
