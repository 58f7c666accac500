import type { Request } from 'express';
import type { LoginEndReason } from '../login-end-reason.js';
import type { FoundLogin } from '../logins/all-session-logins.js';
import { sessionOf, withStoreTimeout } from '../request/session.js';
import type { PolarRuntime } from '../runtime.js';

/**
 * Removes logins from the session and ends them in every process. Writes their tombstones and revokes their tokens even if the
 * session cannot be saved.
 *
 * @param save saves or ends the session
 * @throws the error that `save` rejects with, or PolarConfigurationError `unsupported_storage`
 */
export async function endLogins(
  runtime: PolarRuntime,
  req: Request,
  {
    logins,
    reason,
    save,
  }: { logins: readonly FoundLogin[]; reason: LoginEndReason; save: () => Promise<void> },
): Promise<void> {
  const session = sessionOf(req);
  for (const { storedAs } of logins) delete session[storedAs];
  const ended = Promise.allSettled(logins.map((login) => login.end(reason)));
  await withStoreTimeout(save(), runtime.options.timeoutMs).finally(() => ended);
  for (const outcome of await ended) if (outcome.status === 'rejected') throw outcome.reason;
}
