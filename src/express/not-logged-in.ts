import type { Request } from 'express';
import { PolarConfigurationError, PolarLoginRequiredError } from '../errors.js';
import { loginFailed } from '../login-failed.js';
import { loggedInUser } from '../request-session.js';
import { runtimeOfRequest } from './request-runtime.js';

// Long enough for the redirects after a login; a user who is deleted later may log in again.
const justNowMs = 60_000;

/** The error for a request whose user is not logged in with Polar. The app may show its message to the user. */
export function notLoggedIn(): PolarLoginRequiredError {
  return new PolarLoginRequiredError('not_logged_in', 'Nobody is logged in with Polar. Log in first.');
}

/**
 * Why a guard refuses a request without a login. If the user has just logged in but Passport does not find that user, another
 * redirect to the login would be an endless loop.
 */
export function whyNotLoggedIn(req: Request): PolarLoginRequiredError | PolarConfigurationError {
  const runtime = runtimeOfRequest(req);
  const login = runtime?.loginInSession(req);
  if (runtime === undefined || login === undefined) return notLoggedIn();
  const isNew = Math.abs(runtime.options.now() - login.issuedAt) < justNowMs;
  if (!isNew) return notLoggedIn();
  const user = loggedInUser(req);
  if (user !== undefined && runtime.loginOfUser(req) !== undefined) return notLoggedIn();
  if (user !== undefined) {
    return shown(
      'user_changed',
      'Somebody logged in with Polar a moment ago, but the serialized user in the session is another one by now. If it is the same person whose data has changed, tell the strategy what names a person: userKey: (user) => user.accountId.',
    );
  }
  return shown(
    'user_not_found',
    'Somebody logged in with Polar a moment ago, but Passport finds no user for this session: deserializeUser called back with false or null. Does it look for what serializeUser stores, and is the user still in the database?',
  );
}

function shown(code: 'user_changed' | 'user_not_found', message: string): PolarConfigurationError {
  const error = new PolarConfigurationError(code, message);
  loginFailed(code, message, error);
  return error;
}
