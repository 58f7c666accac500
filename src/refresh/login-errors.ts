import { PolarLoginRequiredError, PolarTransientError } from '../errors.js';
import { isStorageError } from '../storage/storage-error.js';
import { UnopenableRecordError } from '../tokens/token-record.js';

/** The login has been ended, by this process or another one. */
export function loggedOut(): PolarLoginRequiredError {
  return new PolarLoginRequiredError(
    'logged_out',
    'This login with Polar has ended. Log in with Polar again.',
  );
}

/** Polar has ended the login, or the response with its newest tokens never arrived. */
export function loginExpired(cause?: unknown, isResponseLost = false): PolarLoginRequiredError {
  const why = isResponseLost
    ? 'its response to an earlier refresh, with the new tokens, was lost'
    : 'it was revoked or has expired';
  return new PolarLoginRequiredError(
    'login_expired',
    `Polar no longer accepts this login: ${why}. Log in with Polar again.`,
    { cause },
  );
}

/** The state of a login is unknown until its token record can be read. */
export function recordsUnreadable(cause: unknown): PolarTransientError {
  const what =
    cause instanceof UnopenableRecordError
      ? `${cause.message}. Use the same keys in all processes.`
      : `The token records cannot be read. ${isStorageError(cause) ? cause.message : 'Try again later.'}`;
  return new PolarTransientError('server_error', what, { cause });
}

/** Callers wait no longer than the time-out; the refresh continues, and its tokens are kept. */
export function refreshTakesLong(timeoutMs: number): PolarTransientError {
  return new PolarTransientError(
    'timeout',
    `Getting a valid token took longer than ${timeoutMs} ms. The login is not lost: try again; raise timeoutMs if it keeps happening.`,
  );
}

/** Another process is refreshing this login and has not finished in time. */
export function lockIsBusy(): PolarTransientError {
  return new PolarTransientError(
    'timeout',
    'Another process has been refreshing this login for too long. The login is not lost: try again.',
  );
}

/** Polar has refused the refresh token, but the response to another exchange may still bring new tokens. */
export function loginInDoubt(pauseMs: number, cause?: unknown): PolarTransientError {
  return new PolarTransientError(
    'server_error',
    'Polar refused to refresh this login, but another refresh may still be in progress. The login is not lost yet: try again later.',
    { cause, retryAfterSeconds: Math.max(1, Math.ceil(pauseMs / 1000)) },
  );
}
