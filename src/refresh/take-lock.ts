import { publish } from '../diagnostics.js';
import { within } from '../within.js';
import type { RefreshLock, Release } from './refresh-lock.js';

/**
 * Takes the lock of a login, or goes on without it, and says so: inside this process refreshes are joined, and
 * between processes the record is read again. Resolves with what releases it, for which nobody has to wait; neither
 * ever fails.
 */
export async function takeLock(
  lock: RefreshLock,
  loginId: string,
  limits: { readonly waitMs: number; readonly answerWithinMs: number },
): Promise<() => void> {
  const { answerWithinMs, waitMs } = limits;
  const report = (error: unknown): void => publish('refresh', { event: 'lock-unavailable', loginId, error });
  const letGo = async (release: Release): Promise<void> => {
    try {
      await within(Promise.resolve(release()), answerWithinMs, 'Releasing the refresh lock');
    } catch (error) {
      report(error);
    }
  };
  const acquired = Promise.resolve().then(() => lock.acquire(loginId, { waitMs }));
  try {
    const release = await within(acquired, waitMs + answerWithinMs, 'Taking the refresh lock');
    return () => void letGo(release);
  } catch (error) {
    report(error);
    // One that comes after all must not be kept by nobody.
    acquired.then(letGo, () => {});
    return () => {};
  }
}
