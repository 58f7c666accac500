/** Tells apps and developers what happens. Messages never contain a token, secret or authorization code. */
import { channel } from 'node:diagnostics_channel';
import type { PolarDiagnostic, PolarDiagnosticChannels, PolarDiagnosticEvents } from './polar-diagnostic.js';
import { developmentHint } from './warnings.js';

const channels = {
  login: channel('passport-polar-sh:login'),
  refresh: channel('passport-polar-sh:refresh'),
  logout: channel('passport-polar-sh:logout'),
  request: channel('passport-polar-sh:request'),
};

type Name = keyof typeof channels;

/** Publishes to `passport-polar-sh:<name>`, synchronously: subscribers run in the async context of the caller. */
export function publish<N extends Name>(
  name: N,
  message: PolarDiagnostic<PolarDiagnosticChannels[`passport-polar-sh:${N}`]>,
): void {
  if (channels[name].hasSubscribers) channels[name].publish(message);
}

/** Reports a failed login on the diagnostics channel and, in development, on stderr. The report contains no secret. */
export function loginFailed(failure: PolarDiagnosticEvents['login-failed']): void {
  publish('login', { event: 'login-failed', ...failure });
  developmentHint(failure.code, `login failed (${failure.code}). ${failure.reason}`);
}
