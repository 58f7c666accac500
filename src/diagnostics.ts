/** Tells apps and developers what happens. Messages never contain a token, secret or authorization code. */
import { channel } from 'node:diagnostics_channel';

const channels = {
  login: channel('passport-polar-sh:login'),
  refresh: channel('passport-polar-sh:refresh'),
  logout: channel('passport-polar-sh:logout'),
  request: channel('passport-polar-sh:request'),
};

/** A message on a diagnostics channel. `event` names what happened; `error` is set if it failed. */
export interface PolarDiagnostic {
  readonly event: string;
  /** Random id of the login, the same from login to logout. It is no credential. */
  readonly loginId?: string;
  readonly error?: unknown;
  readonly [detail: string]: unknown;
}

/** Publishes to `passport-polar-sh:<name>`; costs nothing without subscribers. */
export function publish(name: keyof typeof channels, message: PolarDiagnostic): void {
  if (channels[name].hasSubscribers) channels[name].publish(message);
}

/** Prints a hint for the developer to stderr, except in production: use the diagnostics channel there. */
export function developmentHint(text: string): void {
  if (process.env['NODE_ENV'] === 'production') return;
  process.stderr.write(`passport-polar-sh: ${text.replace(/\s+/g, ' ')}\n`);
}

/** Reports a failed login on the diagnostics channel and, in development, on stderr. The report contains no secret. */
export function loginFailed(code: string, reason: string, error?: unknown): void {
  publish('login', { event: 'login-failed', code, reason, ...(error !== undefined && { error }) });
  developmentHint(`login failed (${code}). ${reason}`);
}
