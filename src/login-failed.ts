import { developmentHint } from './development-hint.js';
import { publish } from './diagnostics.js';

/** Reports a failed login on the diagnostics channel and, in development, on stderr. The report contains no secret. */
export function loginFailed(code: string, reason: string, error?: unknown): void {
  publish('login', { event: 'login-failed', code, reason, ...(error !== undefined && { error }) });
  developmentHint(`login failed (${code}). ${reason}`);
}
