import { developmentHint } from './development-hint.js';
import { publish } from './diagnostics.js';

/** Shows a failed login: to who listens on the diagnostics channel and, in development, on stderr. Nothing in it is secret. */
export function loginFailed(code: string, reason: string, error?: unknown): void {
  publish('login', { event: 'login-failed', code, reason, ...(error !== undefined && { error }) });
  developmentHint(`login failed (${code}). ${reason}`);
}
