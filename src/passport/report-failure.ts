import { developmentHint } from '../development-hint.js';
import { publish } from '../diagnostics.js';
import { PolarError } from '../errors.js';
import { type FailedLogin, reasonOf } from './login-outcome.js';

/** Shows a failed login: to who listens on the diagnostics channel and, in development, on stderr. */
export function reportFailure({ code }: FailedLogin): void {
  report(code, reasonOf(code));
}

/** Shows a login that ended in an error. Messages of ours are without secrets; of an app's own nothing is known. */
export function reportError(error: unknown): void {
  if (error instanceof PolarError) report(error.code, error.message, error);
  else
    report(
      'app_error',
      'The app threw an error during the login, in its verify callback or its session store.',
      error,
    );
}

/** Shows a login that succeeded, and of which the browser will know nothing. */
export function reportLostCookie(): void {
  report(
    'session_cookie_not_set',
    "The login succeeded, but express-session did not set its cookie, so the browser is not logged in. A secure cookie is set over https only: behind a proxy that ends TLS, use app.set('trust proxy', 1) or session({ proxy: true }).",
  );
}

function report(code: string, reason: string, error?: unknown): void {
  publish('login', { event: 'login-failed', code, reason, ...(error !== undefined && { error }) });
  developmentHint(`login failed (${code}). ${reason}`);
}
