import type { Request } from 'express';
import type { EndableLogin, PolarRuntime } from '../composition.js';
import { sessionOf, withStoreTimeout } from '../request-session.js';
import type { LoginEndReason } from '../tokens/tombstone.js';

/**
 * Takes logins out of the session and ends them, in every process. Their ends are recorded, and their tokens revoked, also
 * where the session cannot be saved.
 *
 * @param save writes what becomes of the session
 * @throws what `save` rejects with, and PolarConfigurationError `unsupported_storage`
 */
export async function endLogins(
  runtime: PolarRuntime,
  req: Request,
  {
    logins,
    reason,
    save,
  }: { logins: readonly EndableLogin[]; reason: LoginEndReason; save: () => Promise<void> },
): Promise<void> {
  const session = sessionOf(req);
  for (const { storedAs } of logins) delete session[storedAs];
  const ended = Promise.allSettled(logins.map((login) => login.end(reason)));
  await withStoreTimeout(save(), runtime.options.timeoutMs).finally(() => ended);
  for (const outcome of await ended) if (outcome.status === 'rejected') throw outcome.reason;
}
