import { PolarLoginRequiredError, PolarTransientError } from '../errors.js';
import { UnopenableRecordError } from '../tokens/token-record.js';

/** Somebody has logged this login out, here or in another process. */
export function loggedOut(): PolarLoginRequiredError {
  return new PolarLoginRequiredError(
    'logged_out',
    'This login has been logged out. Log in with Polar again.',
  );
}

/** Polar has ended this login; or the answer that brought its newest tokens never arrived. */
export function loginExpired(cause?: unknown, isAnswerLost = false): PolarLoginRequiredError {
  const why = isAnswerLost
    ? 'its answer to an earlier refresh, with the new tokens, got lost on the way'
    : 'it was revoked there or has expired';
  return new PolarLoginRequiredError(
    'login_expired',
    `Polar no longer accepts this login: ${why}. Log in with Polar again.`,
    { cause },
  );
}

/** Without having seen the record of a login, nothing must be concluded of it. */
export function recordsUnreadable(cause: unknown): PolarTransientError {
  const what =
    cause instanceof UnopenableRecordError
      ? `${cause.message}. Give all processes the same ones.`
      : 'The token records cannot be read. Try again later.';
  return new PolarTransientError('server_error', what, { cause });
}
