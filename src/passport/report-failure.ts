import type { Request } from 'express';
import { loginFailed } from '../diagnostics.js';
import { PolarError } from '../errors.js';
import type { PolarDiagnosticEvents } from '../polar-diagnostic.js';
import { callbackDuration } from '../request/callback-duration.js';
import { type FailedLogin, reasonOf } from './login-outcome.js';

function report(req: Request, failure: Omit<PolarDiagnosticEvents['login-failed'], 'durationMs'>): void {
  const durationMs = callbackDuration(req);
  loginFailed({ ...failure, ...(durationMs !== undefined && { durationMs }) });
}

/** Reports a failed login on the diagnostics channel and, in development, on stderr. */
export function reportFailure(req: Request, outcome: FailedLogin): void {
  report(req, { code: outcome.code, reason: reasonOf(outcome) });
}

/** Reports a login that ended in an error. Quotes the message of a PolarError only: another one may contain a secret. */
export function reportError(req: Request, error: unknown): void {
  if (error instanceof PolarError) report(req, { code: error.code, reason: error.message, error });
  else
    report(req, {
      code: 'app_error',
      reason:
        'The app threw an error during the login, in its verify callback, serializeUser, custom callback or session store.',
      error,
    });
}

/** Reports a login that succeeded, but whose session cookie was not set. */
export function reportLostCookie(req: Request): void {
  report(req, {
    code: 'session_cookie_not_set',
    reason:
      "The login succeeded, but express-session did not set its cookie, so the browser is not logged in. A secure cookie is set over https only: behind a proxy that terminates TLS, use app.set('trust proxy', 1) or session({ proxy: true }).",
  });
}

/** Reports a login that succeeded, but whose response did not reach the browser. */
export function reportLostResponse(req: Request): void {
  report(req, {
    code: 'response_lost',
    reason:
      'The login succeeded, but the response did not reach the browser: other middleware, such as a time-out, responded first, or the browser disconnected. The tokens were revoked.',
  });
}

/** Reports an account that `passport.authorize` could not connect, because no user is logged in. */
export function reportNobodyToConnect(req: Request): void {
  report(req, {
    code: 'nobody_logged_in',
    reason:
      'passport.authorize connects an account to the logged-in user, but nobody is logged in. The route has req.account, but its tokens are not stored. To log users in, use passport.authenticate on both routes.',
  });
}

/** Reports a login that succeeded, but after which the app did not log the user in. */
export function reportNobodyLoggedIn(req: Request): void {
  report(req, {
    code: 'nobody_logged_in',
    reason:
      'The login with Polar succeeded, but the app did not log the user in (session: false, or a custom callback), so the tokens were revoked. Call req.logIn(user) in this request; or store something in the session, and call it in a later request.',
  });
}
