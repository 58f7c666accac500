import { setTimeout as delay } from 'node:timers/promises';
import { publish } from '../diagnostics.js';
import type { LoginHandle } from '../tokens/token-record.js';
import type { CachedLogin, IsGood } from './cached-login.js';
import type { HeldLock } from './held-lock.js';
import { lockIsBusy } from './login-errors.js';
import type { LoginLocks } from './login-lock.js';
import type { LoginSync } from './login-sync.js';
import type { LoginRows } from './store-tokens.js';

/** The lock, unless what was read makes it unnecessary or the store cannot respond, and the newest state. */
interface LockResult {
  readonly lock: HeldLock | undefined;
  readonly newest: CachedLogin;
}

const minLockPauseMs = 20;
const maxLockPauseMs = 200;
// Where polling takes one round trip, waiting costs users more than polling costs the store.
const maxLockPauseInOneTripMs = 30;

/** Dependencies of {@link LockQueue}. */
export interface LockQueueParts {
  readonly locks: LoginLocks;
  readonly sync: LoginSync;
  /** Monotonic clock, in milliseconds. */
  readonly elapsedMs: () => number;
  /** Milliseconds to wait at most. */
  readonly timeoutMs: number;
}

/** Waits for the lock of a login while another process refreshes it. */
export class LockQueue {
  readonly #parts: LockQueueParts;

  constructor(parts: LockQueueParts) {
    this.#parts = parts;
  }

  /**
   * Waits for the lock, and for what its owner records meanwhile. If the store cannot respond, the refresh proceeds without
   * the lock, announces itself in its row, and believes no refusal.
   */
  async take(login: LoginHandle, isGood: IsGood): Promise<LockResult> {
    const { elapsedMs } = this.#parts;
    const startedAt = elapsedMs();
    let hasWaited = false;
    try {
      return await this.#take(login, isGood, () => {
        hasWaited = true;
      });
    } finally {
      const { loginId } = login;
      if (hasWaited)
        publish('refresh', { event: 'lock-waited', loginId, durationMs: elapsedMs() - startedAt });
    }
  }

  async #take(login: LoginHandle, isGood: IsGood, onWait: () => void): Promise<LockResult> {
    const giveUpAt = performance.now() + this.#parts.timeoutMs;
    const maxPauseMs = login.storage.batches ? maxLockPauseInOneTripMs : maxLockPauseMs;
    let isBusy = false;
    for (let pauseMs = minLockPauseMs, first = true; ; pauseMs = Math.min(pauseMs * 2, maxPauseMs)) {
      let lock: HeldLock | undefined;
      const triedAt = performance.now();
      try {
        const isEnough = async (rows: LoginRows): Promise<boolean> => {
          const found = await this.#parts.sync.mergeRows(login, rows);
          return isGood(found) || found.tokens === undefined;
        };
        const attempt = await this.#parts.locks.tryTake(login, { first, isEnough });
        lock = attempt.lock;
        isBusy = lock === undefined;
        const newest = await this.#parts.sync.mergeRows(login, attempt.rows);
        if (lock !== undefined || isGood(newest) || newest.tokens === undefined) return { lock, newest };
      } catch (error) {
        publish('refresh', { event: 'lock-unavailable', loginId: login.loginId, error });
        // A momentary failure of the store says nothing about the owner, which may be waiting for Polar.
        if (!isBusy) {
          const newest = await this.#withoutRows(login, lock);
          return { lock: lock ?? this.#parts.locks.announce(login), newest };
        }
      }
      if (performance.now() >= giveUpAt) throw lockIsBusy();
      first = false;
      onWait();
      // An attempt spoilt by other processes took long, and an immediate retry would spoil theirs.
      const tookMs = performance.now() - triedAt;
      await delay(Math.max(pauseMs * (0.5 + Math.random() / 2), tookMs * Math.random()));
    }
  }

  /** Reads the rows once more: the store may only refuse writes, or have failed for a moment. */
  async #withoutRows(login: LoginHandle, lock: HeldLock | undefined): Promise<CachedLogin> {
    try {
      return await this.#parts.sync.revalidateOrRecall(login);
    } catch (unopenable) {
      await lock?.release();
      throw unopenable;
    }
  }
}
