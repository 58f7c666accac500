import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { PolarStorage, StorageKey, StoredRow } from 'passport-polar-sh';
import { GuardedStorage } from '../../src/storage/guarded-storage.js';

/** What differs between storages. */
export interface StorageTraits {
  /** It compares and writes in one step. Session stores cannot: they read first. */
  readonly isAtomic: boolean;
  /** It forgets a row at the end of its lifetime. */
  readonly forgets: boolean;
  /** The storage over a broken connection; missing if nothing can fail. */
  readonly disconnected?: () => Promise<PolarStorage>;
}

const ttlSeconds = 60;
const id = (): string => randomBytes(16).toString('hex');
/** A value with the length and the characters of sealed tokens. */
const valueFor = (what: number | string): string => `${what}.{"aA0-_":"${'aA0-_'.repeat(700)}"}\\..${what}`;

/**
 * The contract of every storage.
 *
 * @param open returns the storage as one process has it; called twice, for two processes
 */
export function storageContract(open: () => Promise<PolarStorage>, traits: StorageTraits): void {
  let storage: PolarStorage;
  let elsewhere: PolarStorage;
  // The tests share the storage, so each has rows of its own.
  let key: StorageKey;
  const passing = { id: id(), group: id() };
  const renewed = { id: id(), group: id() };

  const read = async (from = storage, of = key): Promise<StoredRow | undefined> => guarded(from).read(of);
  const write = (version: number, value = valueFor(version), to = storage): Promise<boolean> =>
    to.write(key, { version, value }, { ttlSeconds });
  const guarded = (of: PolarStorage): GuardedStorage => new GuardedStorage(of, 10_000);
  const fresh = (): void => {
    key = { id: id(), group: id() };
  };

  beforeAll(async () => {
    storage = await open();
    elsewhere = await open();
    // These rows expire while the other tests run.
    for (const each of [passing, renewed])
      await storage.write(each, { version: 1, value: 'x' }, { ttlSeconds: 1 });
    await storage.write(renewed, { version: 1, value: 'x' }, { ttlSeconds });
  });

  it('passes the check at its first use', async () => {
    await guarded(storage).check();
  });

  it('has no row before the first write', async () => {
    fresh();
    expect(await read()).toBeUndefined();
  });

  it('returns a row as it was written, in every process', async () => {
    fresh();
    expect(await write(1)).toBe(true);
    for (const view of [storage, elsewhere])
      expect(await read(view)).toEqual({ version: 1, value: valueFor(1) });
  });

  it('replaces a row with any higher version', async () => {
    fresh();
    for (const version of [0, 1, 2, 50, Number.MAX_SAFE_INTEGER]) {
      expect(await write(version)).toBe(true);
      expect(await read(elsewhere)).toEqual({ version, value: valueFor(version) });
    }
  });

  it('keeps a row if the version is lower, or equal with another value', async () => {
    fresh();
    await write(5);
    for (const version of [5, 4, 0]) expect(await write(version, 'other', elsewhere)).toBe(false);
    expect(await read()).toEqual({ version: 5, value: valueFor(5) });
  });

  it('accepts the same row again from any process', async () => {
    fresh();
    for (const view of [storage, elsewhere, storage]) expect(await write(5, 'same', view)).toBe(true);
    expect(await read()).toEqual({ version: 5, value: 'same' });
  });

  it('compares versions as numbers', async () => {
    fresh();
    await write(9);
    expect(await write(10)).toBe(true);
    expect(await write(9)).toBe(false);
  });

  it('keeps rows apart, even within a group', async () => {
    fresh();
    const others = [
      { id: id(), group: key.group },
      { id: id(), group: id() },
    ];
    await write(5);
    for (const other of others) {
      expect(await read(storage, other)).toBeUndefined();
      expect(await storage.write(other, { version: 1, value: other.id }, { ttlSeconds })).toBe(true);
    }
    expect(await read()).toEqual({ version: 5, value: valueFor(5) });
    for (const other of others) expect(await read(elsewhere, other)).toEqual({ version: 1, value: other.id });
  });

  it('removes a row only if it is unchanged, and then accepts a lower version', async () => {
    fresh();
    await write(5);
    for (const row of [
      { version: 4, value: valueFor(5) },
      { version: 6, value: valueFor(5) },
      { version: 5, value: 'other' },
    ])
      await elsewhere.remove(key, row);
    expect(await read()).toEqual({ version: 5, value: valueFor(5) });
    for (let time = 0; time < 2; time++) {
      await elsewhere.remove(key, { version: 5, value: valueFor(5) });
      expect(await read()).toBeUndefined();
    }
    expect(await write(1)).toBe(true);
  });

  it('runs several steps in order, each of which sees those before it', async () => {
    fresh();
    const other = { id: id(), group: key.group };
    const row = { version: 3, value: valueFor(3) };
    const results = await guarded(storage).run([
      { read: key },
      { write: key, row, ttlSeconds },
      { read: key },
      { write: key, row: { version: 2, value: 'older' }, ttlSeconds },
      { write: other, row, ttlSeconds },
      { remove: key, row },
      { read: key },
      { read: other },
    ]);
    const values = results.map((result) => ('value' in result ? result.value : result.error));
    const written = { version: expect.anything(), value: row.value };
    expect([...values.slice(0, 5), ...values.slice(6)].map((value) => value ?? undefined)).toEqual([
      undefined,
      true,
      written,
      false,
      true,
      undefined,
      written,
    ]);
    expect(await read(elsewhere)).toBeUndefined();
    expect(await read(elsewhere, other)).toEqual(row);
  });

  if (traits.isAtomic) comparesAndSets();
  else looksFirst();

  function comparesAndSets(): void {
    it('ends at the highest of many simultaneous versions, and never goes back', async () => {
      fresh();
      let isOver = false;
      const seen: number[] = [];
      const reading = (async () => {
        while (!isOver) seen.push((await read(elsewhere))?.version ?? -1);
      })();
      const versions = shuffled(50);
      const taken = await Promise.all(
        versions.map((version, index) =>
          write(version, valueFor(version), index % 2 === 0 ? storage : elsewhere),
        ),
      );
      isOver = true;
      await reading;
      expect(await read()).toEqual({ version: 50, value: valueFor(50) });
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      // No version that was read had been refused.
      const accepted = versions.filter((_version, index) => taken[index]);
      expect(accepted).toContain(50);
      expect(accepted).toEqual(expect.arrayContaining([...new Set(seen)].filter((version) => version > 0)));
    });

    it('accepts one of many simultaneous writes of one version', async () => {
      fresh();
      const taken = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          write(1, valueFor(index), index % 2 === 0 ? storage : elsewhere),
        ),
      );
      expect(taken.filter(Boolean)).toHaveLength(1);
      expect(await read()).toEqual({ version: 1, value: valueFor(taken.indexOf(true)) });
    });
  }

  /** Without compare-and-set: the guarantees for processes that write one after the other. */
  function looksFirst(): void {
    it('holds one of many simultaneous writes in full, and a later write wins', async () => {
      fresh();
      const versions = shuffled(20);
      const taken = await Promise.all(
        versions.map((version, index) =>
          write(version, valueFor(version), index % 2 === 0 ? storage : elsewhere),
        ),
      );
      expect(taken).toContain(true);
      const stored = await read();
      expect(versions).toContain(stored?.version);
      expect(stored?.value).toBe(valueFor(stored?.version ?? ''));
      expect(await write(51)).toBe(true);
      expect((await read(elsewhere))?.version).toBe(51);
    });
  }

  const { disconnected } = traits;
  if (disconnected !== undefined) {
    it('rejects while it is unreachable, instead of reporting no row', async () => {
      fresh();
      const away = await disconnected();
      await expect(away.read(key)).rejects.toThrow();
      await expect(write(1, 'x', away)).rejects.toThrow();
      await expect(away.remove(key, { version: 1, value: 'x' })).rejects.toThrow();
    });
  }

  if (traits.forgets) {
    describe('at the end of a row’s lifetime', () => {
      it('forgets it, and then accepts a new one', async () => {
        for (const giveUpAt = Date.now() + 10_000; Date.now() < giveUpAt; await delay(50))
          if ((await read(storage, passing)) === undefined) break;
        expect(await read(storage, passing)).toBeUndefined();
        const row = { version: 1, value: 'new' };
        expect(await storage.write(passing, row, { ttlSeconds })).toBe(true);
        expect(await read(elsewhere, passing)).toEqual(row);
      });

      it('keeps it if the same row was written again', async () => {
        expect(await read(storage, renewed)).toEqual({ version: 1, value: 'x' });
      });
    });
  }
}

/** 1 to `count` in random order. */
function shuffled(count: number): number[] {
  return Array.from({ length: count }, (_, index) => ({ number: index + 1, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ number }) => number);
}
