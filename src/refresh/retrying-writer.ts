import { setTimeout as delay } from 'node:timers/promises';
import type { BackgroundWork } from '../async/background-work.js';
import { publish } from '../diagnostics.js';
import type { RecordPlace } from '../tokens/token-record.js';
import type { CachedLogin } from './cached-login.js';
import type { LoginCache } from './login-cache.js';

const quickWriteAttempts = 3;
const minRewritePauseMs = 250;
// Until the record is written, other processes may take the login for lost. The more logins are waiting, the longer
// each one pauses.
const maxRewritePauseMs = 30_000;
const fewRewritesPauseMs = 2000;
const rewritePauseMsEach = 5;
// A store that has refused a row for this long keeps refusing it. Tokens in use are written again when next
// revalidated.
const giveUpWritingAfterMs = 60 * 60_000;

/** Writes the rows of logins, for as long as it takes. */
export class RetryingWriter {
  readonly #cache: LoginCache;
  readonly #background: BackgroundWork;

  constructor(cache: LoginCache, background: BackgroundWork) {
    this.#cache = cache;
    this.#background = background;
  }

  /**
   * Writes at once, or keeps trying in the background until the store accepts it: to other processes, a login that is
   * not recorded is lost.
   *
   * @param news the state that is written; a newer one ends the attempts
   * @param work writes the rows
   * @param ifLate called with the result of `work` if only a later attempt succeeded
   * @returns the result of `work`; undefined if the first attempts failed
   */
  async write<T>(
    { loginId, storage }: RecordPlace,
    news: CachedLogin,
    work: () => Promise<T>,
    ifLate?: (result: T) => Promise<void>,
  ): Promise<T | undefined> {
    this.#cache.addUnrecorded(loginId, news);
    const attempt = async (): Promise<{ readonly result: T } | undefined> => {
      try {
        const result = await work();
        if (this.#cache.isUnrecorded(loginId, news)) this.#cache.removeUnrecorded(loginId);
        return { result };
      } catch (error) {
        publish('refresh', { event: 'record-not-written', loginId, error });
        return undefined;
      }
    };
    const giveUpAt = performance.now() + storage.timeoutMs;
    for (let attempts = 1; attempts <= quickWriteAttempts && performance.now() < giveUpAt; attempts++) {
      if (attempts > 1) await delay(50 * attempts);
      const done = await attempt();
      if (done !== undefined) return done.result;
    }
    this.#writeLater(loginId, news, attempt, ifLate).catch(() => {});
    return undefined;
  }

  async #writeLater<T>(
    loginId: string,
    news: CachedLogin,
    attempt: () => Promise<{ readonly result: T } | undefined>,
    ifLate?: (result: T) => Promise<void>,
  ): Promise<void> {
    const giveUpAt = performance.now() + giveUpWritingAfterMs;
    const mostMs = (): number =>
      Math.min(
        Math.max(fewRewritesPauseMs, this.#cache.unrecordedCount * rewritePauseMsEach),
        maxRewritePauseMs,
      );
    for (
      let pauseMs = minRewritePauseMs;
      performance.now() < giveUpAt;
      pauseMs = Math.min(pauseMs * 2, mostMs())
    ) {
      await this.#background.beforeRetry(pauseMs);
      // A newer state has taken its place.
      if (!this.#cache.isUnrecorded(loginId, news)) return;
      const done = await this.#background.write(attempt());
      if (done !== undefined) return ifLate && this.#background.write(ifLate(done.result));
    }
    this.#cache.removeUnrecorded(loginId);
    publish('refresh', { event: 'record-given-up', loginId });
  }
}
