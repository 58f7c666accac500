import { docsURL } from './docs-url.js';
import type { PolarErrorCode } from './errors.js';

/**
 * Stable codes of what this package prints to stderr beside errors. The first four are also `code` of `login-failed` on the
 * diagnostics channel. docs/troubleshooting.md has a section about each.
 *
 * @group Errors
 */
export type WarningCode =
  | 'session_cookie_not_set'
  | 'response_lost'
  | 'nobody_logged_in'
  | 'app_error'
  | 'unknown_option'
  | 'user_key_missing'
  | 'storage_unavailable'
  | 'on_login_ended_failed'
  | 'insecure_http';

/** Appends the address of the section about a code. */
export function withDocsURL(text: string, code: PolarErrorCode | WarningCode): string {
  return `${text}${/[.?]$/.test(text) ? '' : '.'} See ${docsURL(code)}`;
}

/** Prints a hint for the developer to stderr, except in production: use the diagnostics channel there. */
export function developmentHint(code: PolarErrorCode | WarningCode, text: string): void {
  if (process.env['NODE_ENV'] === 'production') return;
  process.stderr.write(`passport-polar-sh: ${withDocsURL(text.replace(/\s+/g, ' ').trim(), code)}\n`);
}
