import { within } from '../within.js';

/** Gives up a lock. */
export type Release = () => void | Promise<void>;

/**
 * Lets one refresh of a login happen at a time. The default works within this process; processes that share
 * sessions should share a lock too, though without one nobody is logged out, only some requests are spent.
 */
export interface RefreshLock {
  /**
   * Waits for the lock of `key`, at most `waitMs` milliseconds, and resolves with a function that releases it.
   * Rejects when the wait is over or the lock cannot be asked for; the refresh then goes on without it.
   */
  acquire(key: string, options: { readonly waitMs: number }): Promise<Release>;
  /** Milliseconds after which the lock of a crashed owner is free again. @default 0 */
  readonly leaseMs?: number;
}

let processLock: RefreshLock | undefined;

/** The lock that is used when none is given: one for all strategies of this process, as they may share sessions. */
export function defaultLock(): RefreshLock {
  processLock ??= inProcessLock();
  return processLock;
}

/** A queue per key, in this process. */
export function inProcessLock(): RefreshLock {
  const tails = new Map<string, Promise<void>>();
  return {
    async acquire(key, { waitMs }) {
      const before = tails.get(key);
      let release = (): void => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      const tail = (before ?? Promise.resolve()).then(() => held);
      tails.set(key, tail);
      void tail.then(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      try {
        await within(before ?? Promise.resolve(), waitMs, 'Waiting for the refresh lock');
      } catch (error) {
        release();
        throw error;
      }
      return release;
    },
  };
}
