import { subscribe } from 'node:diagnostics_channel';
import { type PolarDiagnostic, PolarError } from 'passport-polar-sh';
import type { Level, Logger } from 'pino';

// `error`: somebody has to act. `warn`: act if it goes on. Complete, or it does not compile.
const levels: Record<PolarDiagnostic['event'], Level> = {
  'login-started': 'debug',
  'logged-in': 'info',
  'login-failed': 'info',
  'entry-unreadable': 'warn',
  'fault-after-response': 'error',
  refreshed: 'debug',
  'refresh-failed': 'warn',
  'lock-waited': 'debug',
  'lock-unavailable': 'warn',
  tie: 'debug',
  'id-token-unverified': 'warn',
  'record-unreadable': 'warn',
  'record-not-written': 'warn',
  'record-given-up': 'error',
  'record-restored': 'info',
  'logged-out': 'info',
  ended: 'info',
  'end-failed': 'warn',
  'on-login-ended-failed': 'error',
  revocation: 'debug',
  'retried-after-401': 'info',
};

/** Without an error, a login failed because of the user, who cancelled, say, or because of the app's set-up. */
function levelOf(message: PolarDiagnostic): Level {
  const hasError = 'error' in message;
  if (message.event === 'login-failed' && hasError) return 'error';
  if (message.event === 'login-failed' && isOfSetUp.has(message.code)) return 'warn';
  if (message.event === 'revocation' && hasError) return 'warn';
  return levels[message.event];
}
const isOfSetUp = new Set<string>(['session_cookie_not_set', 'nobody_logged_in']);

/** Errors of this package contain no secret. Of others, which may, only the name and code are logged. */
function summaryOf(error: unknown): object {
  if (!(error instanceof Error)) return {};
  const { name, code } = error as Error & { code?: unknown };
  return { name, code, ...(error instanceof PolarError && { message: error.message }) };
}

/** Call it once, when the app starts. */
export function logPolar(logger: Logger): void {
  for (const channel of ['login', 'refresh', 'logout', 'request']) {
    subscribe(`passport-polar-sh:${channel}`, (published) => {
      const message = published as PolarDiagnostic;
      const fields = 'error' in message ? { ...message, error: summaryOf(message.error) } : message;
      logger[levelOf(message)](fields, `polar: ${message.event}`);
    });
  }
}
