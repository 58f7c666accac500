/** A worker's stores and fetch as the strategy uses them, but observed: they report each step to the test. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from 'express-session';
import type { PolarStorage, StorageStep, StoredRow } from 'passport-polar-sh';
import { isRowId } from '../support/stored-rows.js';
import type { RefreshMoment, StoreCounts, WorkerConfig } from './worker-config.js';

type Report = (moment: RefreshMoment, of: string) => void;

/** Reports what happens to our rows; the value of a row shows its kind. */
export class RowWatch {
  readonly #report: Report;
  readonly #pauses: WorkerConfig['pauses'];
  readonly #owners = new Map<string, string>();

  constructor(report: Report, pauses: WorkerConfig['pauses']) {
    this.#report = report;
    this.#pauses = pauses;
  }

  async beforeWriting({ value }: StoredRow): Promise<void> {
    if (isRecord(value)) await pause(this.#pauses?.beforeRecordMs);
  }

  async written(of: string, { value }: StoredRow): Promise<void> {
    if (isRecord(value)) return this.#report('recorded', of);
    const said = lockIn(value);
    if (said === undefined) return;
    if (said.isFree) return this.removed(of, { version: 0, value });
    // The owner renews it.
    if (this.#owners.get(of) === said.owner) return;
    this.#owners.set(of, said.owner);
    this.#report('locked', of);
    await pause(this.#pauses?.afterLockMs);
  }

  removed(of: string, { value }: StoredRow): void {
    if (lockIn(value) === undefined) return;
    this.#owners.delete(of);
    this.#report('released', of);
  }
}

const pause = async (ms = 0): Promise<void> => void (ms > 0 && (await delay(ms)));

/** Whether a value is sealed tokens. */
const isRecord = (value: string): boolean => /^[\w-]+(\.[\w-]*){4}$/.test(value);

function lockIn(value: string): { owner: string; isFree: boolean } | undefined {
  if (!value.startsWith('{')) return undefined;
  const { owner, isFree } = JSON.parse(value) as { owner?: string; isFree?: boolean };
  return owner === undefined ? undefined : { owner, isFree: isFree === true };
}

/** A storage that a {@link RowWatch} observes. */
export function watchedStorage(storage: PolarStorage, watch: RowWatch): PolarStorage {
  const take = async (steps: readonly StorageStep[]) => {
    for (const step of steps) if ('write' in step) await watch.beforeWriting(step.row);
    const results = (await storage.batch?.(steps)) ?? [];
    for (const [index, step] of steps.entries()) {
      if ('write' in step && results[index] === true) await watch.written(step.write.group, step.row);
      if ('remove' in step) watch.removed(step.remove.group, step.row);
    }
    return results;
  };
  return {
    ...storage,
    batch: take,
    read: async (key) => (await take([{ read: key }]))[0] as StoredRow | undefined,
    write: async (key, row, { ttlSeconds }) => (await take([{ write: key, row, ttlSeconds }]))[0] === true,
    async remove(key, row) {
      await take([{ remove: key, row }]);
    },
  };
}

/** Lets a {@link RowWatch} observe the rows in a session store. */
export function watchRows(store: Store, watch: RowWatch): void {
  const { destroy, set } = store;
  const rows = new Map<string, StoredRow>();
  store.set = function watchedSet(sid, data, callback) {
    const row = isRowId(sid) ? (data as unknown as { polar: StoredRow }).polar : undefined;
    if (row === undefined) return void set.call(this, sid, data, callback);
    const write = async (): Promise<void> => {
      await watch.beforeWriting(row);
      await new Promise<void>((resolve, reject) => {
        set.call(this, sid, data, (error) => (error ? reject(error) : resolve()));
      });
      rows.set(sid, row);
      await watch.written(sid, row);
    };
    write().then(
      () => callback?.(),
      (error) => callback?.(error),
    );
  };
  store.destroy = function watchedDestroy(sid, callback) {
    const row = rows.get(sid);
    rows.delete(sid);
    destroy.call(this, sid, (error) => {
      if (!error && row !== undefined) watch.removed(sid, row);
      callback?.(error);
    });
  };
}

/** `fetch` that reports refreshes: when one is sent, and when a whole response with tokens has arrived. */
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

/** Counts the writes to a session store. Returns a function that takes the counts and resets them. */
export function countWrites(store: Store): () => StoreCounts {
  const none = (): StoreCounts => ({ sessionWrites: 0, sessionTouches: 0, recordWrites: 0 });
  let counts = none();
  const { set, touch } = store;
  store.set = function countedSet(sid, data, callback) {
    if (!isRowId(sid)) counts.sessionWrites++;
    else if (isRecord((data as unknown as { polar: StoredRow }).polar.value)) counts.recordWrites++;
    set.call(this, sid, data, callback);
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
