import { docsURL } from './docs-url.js';
import type { PolarErrorCode } from './errors.js';

/**
 * Stable codes of what this package prints to stderr beside errors. docs/troubleshooting.md has a section about each. The first
 * four are also codes of the event `login-failed` (see {@link PolarDiagnosticEvents}).
 *
 * @group Errors
 */
export type WarningCode =
  /** A login succeeded, but express-session did not set its cookie. */
  | 'session_cookie_not_set'
  /** A login succeeded, but the response did not reach the browser. */
  | 'response_lost'
  /** A login succeeded, but the app logged nobody in. */
  | 'nobody_logged_in'
  /** The app threw an error during a login. */
  | 'app_error'
  /** `passport.authenticate('polar', { ... })` got an option that it does not know, and ignored it. */
  | 'unknown_option'
  /** The login with Polar was ended, because the serialized user has changed: the option `userKey` may be missing. */
  | 'user_key_missing'
  /** The storage failed: for the first time in this process, or after it had worked again. */
  | 'storage_unavailable'
  /** The `onLoginEnded` callback of the app failed. */
  | 'on_login_ended_failed'
  /** Secrets and tokens are sent over plain http to another machine. */
  | 'insecure_http';

/** Appends the address of the section about a code. */
export function withDocsURL(text: string, code: PolarErrorCode | WarningCode): string {
  return `${text}${/[.?]$/.test(text) ? '' : '.'} See ${docsURL(code)}`;
}

/** True unless `NODE_ENV` is `production`. */
export function isDevelopment(): boolean {
  return process.env['NODE_ENV'] !== 'production';
}

/** Prints a hint for the developer to stderr, except in production: use the diagnostics channel there. */
export function developmentHint(code: PolarErrorCode | WarningCode, text: string): void {
  if (!isDevelopment()) return;
  process.stderr.write(`passport-polar-sh: ${withDocsURL(text.replace(/\s+/g, ' ').trim(), code)}\n`);
}
