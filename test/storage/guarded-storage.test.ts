/** How the guard handles a store's responses, its silence and its defects. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { PolarStorage, StorageStep } from 'passport-polar-sh';
import { PolarConfigurationError } from '../../src/errors.js';
import { GuardedStorage, isWritten, rowOf } from '../../src/storage/guarded-storage.js';
import { StorageError } from '../../src/storage/storage-error.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';

const group = 'f'.repeat(32);
const keyOf = (name: string) => ({ id: name.padEnd(32, '0'), group });
const [one, two] = [keyOf('1'), keyOf('2')];
const row = { version: 1, value: 'x' };
const ttlSeconds = 60;
const guard = (storage: PolarStorage): GuardedStorage => new GuardedStorage(storage, 3000);

describe('the steps of a guarded storage', () => {
  /** A storage without batches, and the calls that it receives. */
  function watched(given: Partial<PolarStorage> = {}) {
    const calls: string[] = [];
    const storage: PolarStorage = {
      read: async ({ id }) => void calls.push(`read ${id[0]}`) as never,
      write: async ({ id }) => {
        calls.push(`write ${id[0]}`);
        return true;
      },
      remove: async ({ id }) => void calls.push(`remove ${id[0]}`),
      ...given,
    };
    return { calls, storage: guard(storage) };
  }

  it('run in order, with consecutive reads side by side', async () => {
    const steps: StorageStep[] = [
      { read: one },
      { read: two },
      { write: one, row, ttlSeconds },
      { remove: two, row },
      { read: one },
    ];
    const { calls, storage } = watched();
    const results = await storage.run(steps);
    expect(calls).toEqual(['read 1', 'read 2', 'write 1', 'remove 2', 'read 1']);
    expect(results).toEqual([
      { value: undefined },
      { value: undefined },
      { value: true },
      { value: undefined },
      { value: undefined },
    ]);
  });

  it('do not wait for one another if they only read', async () => {
    const waiting: (() => void)[] = [];
    const { storage } = watched({
      read: () => new Promise((resolve) => waiting.push(() => resolve(undefined))),
    });
    const running = storage.run([{ read: one }, { read: two }]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(waiting).toHaveLength(2);
    for (const go of waiting) go();
    expect(await running).toHaveLength(2);
  });

  it('stop after one that failed to change something', async () => {
    const { calls, storage } = watched({ write: () => Promise.reject(new Error('full')) });
    const results = await storage.run([{ read: one }, { write: one, row, ttlSeconds }, { read: two }]);
    expect(calls).toEqual(['read 1']);
    expect(results[0]).toEqual({ value: undefined });
    for (const result of results.slice(1)) expect(() => rowOf(result)).toThrow('full');
  });

  it('continue after a read that failed', async () => {
    const { calls, storage } = watched({ read: () => Promise.reject(new Error('down')) });
    const results = await storage.run([{ read: one }, { write: one, row, ttlSeconds }]);
    expect(calls).toEqual(['write 1']);
    expect(() => rowOf(results[0])).toThrow('down');
    expect(isWritten(results[1])).toBe(true);
  });

  it('take one call if the store supports batches, and fail together', async () => {
    const batch = jest.fn(async (steps: readonly StorageStep[]) => steps.map(() => undefined));
    const storage = guard({ ...inMemoryStorage(), batch });
    expect(storage.batches).toBe(true);
    expect(await storage.run([{ read: one }, { read: two }])).toEqual([
      { value: undefined },
      { value: undefined },
    ]);
    expect(batch).toHaveBeenCalledTimes(1);
    batch.mockRejectedValue(new Error('down'));
    for (const result of await storage.run([{ read: one }, { read: two }]))
      expect(() => rowOf(result)).toThrow('down');
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'OK'],
    ['too few results', [true]],
  ])('fail without an exception when a batch returns %s', async (_what, response) => {
    const storage = guard({ ...inMemoryStorage(), batch: async () => response as never });
    const results = await storage.run([{ write: one, row, ttlSeconds }, { read: one }]);
    for (const result of results) expect(() => isWritten(result)).toThrow('batch');
  });

  it('accept a store in plain JavaScript that throws or returns at once', async () => {
    const storage = guard({
      read: () => row as never,
      write: () => {
        throw new Error('sync');
      },
      remove: async () => {},
    });
    expect(await storage.read(one)).toEqual(row);
    await expect(storage.write(one, row, ttlSeconds)).rejects.toThrow('sync');
  });
});

describe('the declared capabilities of a store', () => {
  it('default to shared, compare-and-set, and rows that are kept for as long as asked', () => {
    const { read, write, remove } = inMemoryStorage();
    expect(guard({ read, write, remove })).toMatchObject({
      shared: true,
      atomic: true,
      forgetsIdle: false,
      batches: false,
    });
  });

  it('are used as they are declared', () => {
    const storage = { ...inMemoryStorage(), shared: false, atomic: false, forgetsIdle: true };
    expect(guard(storage)).toMatchObject({ shared: false, atomic: false, forgetsIdle: true });
  });
});

describe('a row from a store', () => {
  it.each<[unknown, unknown]>([
    [
      { version: 7, value: 's', expires_at: 1 },
      { version: 7, value: 's' },
    ],
    [
      { version: '7', value: 's' },
      { version: 7, value: 's' },
    ],
    [{ version: null, value: 's' }, undefined],
    [{ version: true, value: 's' }, undefined],
    [{ version: 'x', value: 's' }, undefined],
    [{ version: 0.5, value: 's' }, undefined],
    [{ version: 2 ** 53, value: 's' }, undefined],
    [{ version: 7 }, undefined],
    [{ version: 7, value: 7 }, undefined],
    [null, undefined],
    [undefined, undefined],
    ['text', undefined],
  ])('%j is read as %j', async (found, expected) => {
    const storage = guard({ ...inMemoryStorage(), read: async () => found as never });
    expect(await storage.read(one)).toEqual(expected);
  });
});

describe('a store that does not respond', () => {
  let waiting: (() => void)[];
  let mood: 'silent' | 'refuses' | 'responds';
  let store: PolarStorage;
  let storage: GuardedStorage;
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    waiting = [];
    mood = 'silent';
    store = {
      ...inMemoryStorage(),
      read: () =>
        new Promise((resolve, reject) => {
          if (mood === 'silent') waiting.push(() => resolve(undefined));
          else if (mood === 'responds') resolve(undefined);
          else reject(new Error('refused'));
        }),
    };
    storage = guard(store);
  });
  afterEach(() => void jest.useRealTimers());

  /** How many milliseconds pass until a read fails. */
  async function timeToFail(of = storage): Promise<number> {
    const startedAt = Date.now();
    const failed = expect(of.read(one)).rejects.toThrow('The storage took longer than');
    await jest.advanceTimersToNextTimerAsync();
    await failed;
    return Date.now() - startedAt;
  }

  it('is given the full time-out once, then only a moment', async () => {
    expect([await timeToFail(), await timeToFail(), await timeToFail()]).toEqual([3000, 250, 250]);
  });

  it('counts as silent for every guard around it', async () => {
    await timeToFail();
    expect(await timeToFail(guard(store))).toBe(250);
    expect(await timeToFail(guard({ ...store }))).toBe(3000);
  });

  it('is given the full time-out again after it has responded', async () => {
    await timeToFail();
    mood = 'responds';
    expect(await storage.read(one)).toBeUndefined();
    mood = 'silent';
    expect(await timeToFail()).toBe(3000);
  });

  it('counts as responsive even if its response comes too late for any caller', async () => {
    await timeToFail();
    await timeToFail();
    for (const respond of waiting) respond();
    await jest.advanceTimersByTimeAsync(0);
    expect(await timeToFail()).toBe(3000);
  });

  it('is given a proportional moment if the time-out is short', async () => {
    const hasty = new GuardedStorage(store, 100);
    expect([await timeToFail(hasty), await timeToFail(hasty)]).toEqual([100, 25]);
  });

  it('also counts as responsive when it rejects at once', async () => {
    await timeToFail();
    mood = 'refuses';
    await expect(storage.read(one)).rejects.toThrow('refused');
    mood = 'silent';
    expect(await timeToFail()).toBe(3000);
  });
});

describe('a store that says what is wrong', () => {
  let printed: string[];
  beforeEach(() => {
    printed = [];
    jest
      .spyOn(process.stderr, 'write')
      .mockImplementation(((text: string) => printed.push(text) > 0) as never);
  });
  afterEach(() => void jest.restoreAllMocks());

  /** A store whose reads and writes fail while `failing` names them. */
  function failingStore() {
    const failing = new Set<string>();
    const or = async <T>(kind: string, result: T): Promise<T> => {
      if (failing.has(kind)) throw new StorageError(`The store refuses to ${kind}.`);
      return result;
    };
    const storage = guard({
      read: () => or('read', undefined),
      write: () => or('write', true),
      remove: () => or('write', undefined),
    });
    const use = () =>
      storage.run([{ read: one }, { read: two }, { write: one, row, ttlSeconds }, { remove: one, row }]);
    return { failing, use };
  }

  it('is reported once, and again when it fails after it has worked', async () => {
    const { failing, use } = failingStore();
    for (let time = 0; time < 2; time++) {
      failing.add('read').add('write');
      await use();
      await use();
      failing.clear();
      await use();
    }
    expect(printed).toEqual(
      Array(2).fill(expect.stringContaining('The store refuses to read. Until it works')),
    );
  });

  it('is reported once while it reads but does not write', async () => {
    const { failing, use } = failingStore();
    failing.add('write');
    for (let time = 0; time < 3; time++) await use();
    expect(printed).toEqual([expect.stringContaining('The store refuses to write. Until it works')]);
  });
});

describe('the check of a store', () => {
  /** A storage that counts its checks. */
  function probed(given: Partial<PolarStorage> = {}) {
    const inner = inMemoryStorage();
    const writes: { id: string; group: string; value: string }[] = [];
    const left = new Set<string>();
    const storage: PolarStorage = {
      ...inner,
      write: (key, probe, options) => {
        writes.push({ ...key, value: probe.value });
        left.add(key.id);
        return inner.write(key, probe, options);
      },
      remove: (key, probe) => {
        left.delete(key.id);
        return inner.remove(key, probe);
      },
      ...given,
    };
    return { storage, writes, left };
  }
  const refusal = expect.objectContaining({ code: 'unsupported_storage' });

  it('writes and reads a realistic row, and leaves nothing behind', async () => {
    const { left, storage, writes } = probed();
    await guard(storage).check();
    expect(writes).toHaveLength(1);
    expect(writes[0]?.id).toMatch(/^[0-9a-f]{32}$/);
    expect(writes[0]?.group).toMatch(/^[0-9a-f]{32}$/);
    expect(writes[0]?.value.length).toBeGreaterThanOrEqual(3000);
    expect([...left]).toEqual([]);
  });

  it('runs once for each store, even for simultaneous callers', async () => {
    const { storage, writes } = probed();
    await Promise.all(Array.from({ length: 5 }, () => guard(storage).check()));
    await guard(storage).check();
    expect(writes).toHaveLength(1);
  });

  it('fails with a configuration error and the reason if the store refuses to write', async () => {
    const cause = new Error('value too long for type character varying(20)');
    const { storage } = probed({ write: () => Promise.reject(cause) });
    await expect(guard(storage).check()).rejects.toEqual(refusal);
    await expect(guard(storage).check()).rejects.toMatchObject({ cause });
    await expect(guard(storage).check()).rejects.toBeInstanceOf(PolarConfigurationError);
  });

  it('draws no conclusion while the store is down, and runs again later', async () => {
    let isDown = true;
    const inner = inMemoryStorage();
    const fails = async <T>(then: () => Promise<T>): Promise<T> => {
      if (isDown) throw new Error('down');
      return then();
    };
    const storage = guard({
      ...inner,
      read: (key) => fails(() => inner.read(key)),
      write: (key, probe, options) => fails(() => inner.write(key, probe, options)),
    });
    await expect(storage.check()).rejects.toThrow('down');
    isDown = false;
    await storage.check();
  });

  it('fails with a configuration error if the store loses what it accepts', async () => {
    const { storage } = probed({ write: async () => true });
    await expect(new GuardedStorage(storage, 100).check()).rejects.toEqual(refusal);
  });

  it('waits for a store whose reads lag', async () => {
    const inner = inMemoryStorage();
    const visibleAt = performance.now() + 200;
    const storage = guard({
      ...inner,
      read: async (key) => (performance.now() < visibleAt ? undefined : inner.read(key)),
    });
    await storage.check();
  });

  it('is left for later if writing takes too long', async () => {
    const { storage } = probed({ write: () => new Promise(() => {}) });
    await expect(new GuardedStorage(storage, 50).check()).rejects.not.toBeInstanceOf(PolarConfigurationError);
  });
});
