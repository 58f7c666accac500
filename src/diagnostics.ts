/** Tells apps and developers what happens. Messages never contain a token, secret or authorization code. */
import { channel } from 'node:diagnostics_channel';
import type { PolarErrorCode } from './errors.js';
import { developmentHint, type WarningCode } from './warnings.js';

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

/** Reports a failed login on the diagnostics channel and, in development, on stderr. The report contains no secret. */
export function loginFailed(code: PolarErrorCode | WarningCode, reason: string, error?: unknown): void {
  publish('login', { event: 'login-failed', code, reason, ...(error !== undefined && { error }) });
  developmentHint(code, `login failed (${code}). ${reason}`);
}
