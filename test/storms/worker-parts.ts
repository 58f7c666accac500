/** A worker's store, lock and fetch, as the strategy takes them, but watched: the test hears of each step. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from 'express-session';
import type { RefreshLock, TokenRecordStore } from 'passport-polar-sh';
import type { RefreshMoment, StoreCounts } from './worker-config.js';

type Report = (moment: RefreshMoment, of: string) => void;

export function watchedLock(lock: RefreshLock, report: Report, pauseMs: number): RefreshLock {
  return {
    ...(lock.leaseMs !== undefined && { leaseMs: lock.leaseMs }),
    async acquire(key, options) {
      const release = await lock.acquire(key, options);
      report('locked', key);
      if (pauseMs > 0) await delay(pauseMs);
      return async () => {
        await release();
        report('released', key);
      };
    },
  };
}

export function watchedRecords(records: TokenRecordStore, report: Report, pauseMs: number): TokenRecordStore {
  return {
    get: (row) => records.get(row),
    async put(row, record, options) {
      if (pauseMs > 0) await delay(pauseMs);
      const written = await records.put(row, record, options);
      report('recorded', row);
      return written;
    },
  };
}

/** `fetch` that tells of refreshes: when one is sent, and when all of an answer with tokens is here. */
export function watchedFetch(report: Report): typeof fetch {
  return async (input, init) => {
    const form = init?.body instanceof URLSearchParams ? init.body : undefined;
    const refreshToken = form?.get('refresh_token');
    if (refreshToken === null || refreshToken === undefined) return fetch(input, init);
    report('asked', refreshToken);
    const answer = await fetch(input, init);
    const body = await answer.arrayBuffer();
    if (answer.ok) report('answered', refreshToken);
    return new Response(body, { status: answer.status, headers: answer.headers });
  };
}

/** Counts what a session store is asked to write. Returns what takes the counts and starts anew. */
export function countWrites(store: Store): () => StoreCounts {
  const none = (): StoreCounts => ({ sessionWrites: 0, sessionTouches: 0, recordWrites: 0 });
  let counts = none();
  const isRecord = (sid: string): boolean => sid.startsWith('polar-tokens.');
  const { set, touch } = store;
  store.set = function countedSet(...args) {
    counts[isRecord(args[0]) ? 'recordWrites' : 'sessionWrites']++;
    set.apply(this, args);
  };
  store.touch = function countedTouch(...args) {
    counts.sessionTouches++;
    touch?.apply(this, args);
  };
  return () => {
    const taken = counts;
    counts = none();
    return taken;
  };
}
