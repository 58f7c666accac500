/** What each fault of a store leads to, which is never a lost login. */
import { describe, expect, it } from '@jest/globals';
import type { PolarStorage } from 'passport-polar-sh';
import { PolarConfigurationError } from '../../../src/errors.js';
import { elapsedMs, finished } from '../../support/virtual-time.js';
import { faultyStorage } from '../support/faulty-storage.js';
import { errorOf, outcome } from '../support/refresher-process.js';
import { expectEnded, expiredWorld, inVirtualTime } from '../support/refresher-setup.js';
import { hourMs, pass, RefresherWorld, settle } from '../support/refresher-world.js';
import { loginId, type StorageKind, storageKinds } from '../support/world-rows.js';

const reports = inVirtualTime();
const reported = (event: string) => reports.filter((each) => each.event === event);

/** Process A over a store that fails as the test says, and process B over one that works. */
async function withFaults(kind: StorageKind = 'atomic') {
  const world = await expiredWorld(kind);
  const { storage, faults } = faultyStorage(world.storageFor('A'));
  return { world, faults, a: world.process('A', { storage }).acquainted(), b: world.process('B') };
}

describe('a record that cannot be written', () => {
  /** Breaks the store as soon as Polar has responded. */
  async function refreshWhile(
    { world, a }: Awaited<ReturnType<typeof withFaults>>,
    breakStore: () => void,
  ): Promise<string> {
    const hold = world.hold('A response');
    const request = a.valid();
    await hold.reached();
    breakStore();
    hold.release();
    return outcome(request);
  }

  it.each([1, 2])('is retried at once after %d failures', async (failures) => {
    const parts = await withFaults();
    const { world, faults, b } = parts;
    expect(await refreshWhile(parts, () => (faults.failingWrites = failures))).toBe('access-1');
    expect(world.recorded).toBe(1);
    expect(reported('record-not-written')).toHaveLength(failures);
    expect(await outcome(b.valid())).toBe('access-1');
  });

  it('is retried a moment later after three failures, and this process uses the tokens meanwhile', async () => {
    const parts = await withFaults();
    const { world, faults, a, b } = parts;
    expect(await refreshWhile(parts, () => (faults.failingWrites = 3))).toBe('access-1');
    expect(world.recorded).toBeUndefined();
    expect(await outcome(a.valid())).toBe('access-1');
    await pass(300);
    expect(world.recorded).toBe(1);
    expect(await outcome(b.valid())).toBe('access-1');
  });

  it('is retried every 2 s at most until the store is back', async () => {
    const parts = await withFaults();
    const { world, faults, b } = parts;
    await refreshWhile(parts, () => (faults.failingWrites = Number.POSITIVE_INFINITY));
    await pass(10 * 60_000);
    expect(reported('record-not-written').length).toBeGreaterThan(100);
    expect(reported('record-not-written').length).toBeLessThan(310);
    faults.failingWrites = 0;
    await pass(30_000);
    expect(world.recorded).toBe(1);
    expect(await outcome(b.valid())).toBe('access-1');
    expect(world.revocations).toEqual([]);
  });

  it('leaves a mark in the lock that tells others to believe no refusal', async () => {
    const parts = await withFaults();
    const { world, faults } = parts;
    await refreshWhile(parts, () => (faults.failingWrites = 3));
    await settle();
    expect(world.recorded).toBeUndefined();
    expect(JSON.parse(world.rows.get('lock')?.value ?? '')).toMatchObject({
      isFree: true,
      mark: expect.any(String),
    });
  });

  it('is no longer retried once a newer record is there', async () => {
    const parts = await withFaults();
    const { world, faults, a } = parts;
    await refreshWhile(parts, () => (faults.failingWrites = Number.POSITIVE_INFINITY));
    await pass(hourMs / 2);
    faults.failingWrites = 0;
    await outcome(a.forced());
    const { writes } = faults;
    await pass(hourMs / 4);
    expect(faults.writes).toBe(writes);
    expect(world.recorded).toBe(2);
  });

  it('leads to a revocation when the store is back if another process has ended the login', async () => {
    const parts = await withFaults();
    const { world, faults, a, b } = parts;
    await refreshWhile(parts, () => (faults.failingWrites = 12));
    await finished(b.end());
    expect(world.live).toBe('refresh-1'); // which nobody else could know
    await pass(60_000);
    expect(world.revocations).toEqual(['B refresh-0', 'A refresh-1']);
    await expectEnded(world, [a, b]);
  });
});

describe.each(storageKinds)('the refresher over a store (%s)', (kind) => {
  it('loses no login while the store is down, and records the new tokens when it is back', async () => {
    const { world, faults, a, b } = await withFaults(kind);
    faults.isDown = true;
    const startedAt = elapsedMs();
    expect(await outcome(a.valid())).toBe('access-1');
    expect(elapsedMs() - startedAt).toBeLessThan(1000);
    await pass(5 * 60_000);
    faults.isDown = false;
    await pass(60_000);
    expect(world.recorded).toBe(1);
    expect(await outcome(b.valid())).toBe('access-1');
  });

  it('waits for its time-out at most when the store hangs, and loses no login', async () => {
    const { world, faults, a, b } = await withFaults(kind);
    faults.hangs = true;
    const startedAt = elapsedMs();
    expect(await outcome(a.valid())).toBe('access-1');
    expect(elapsedMs() - startedAt).toBeLessThanOrEqual(10_000);
    faults.hangs = false;
    await pass(60_000);
    expect(world.recorded).toBe(1);
    expect(await outcome(b.valid())).toBe('access-1');
  });

  it.each([10, 30, 100, 300])(
    'refreshes once, under a lock, when each call takes %d ms',
    async (latencyMs) => {
      const world = await expiredWorld(kind);
      world.rows.latencyMs = latencyMs;
      const [a, b] = world.twoProcesses();
      expect(await Promise.all([a.valid(), b.valid()].map(outcome))).toEqual(['access-1', 'access-1']);
      expect(world.exchanges).toHaveLength(1);
      await pass(10_000);
      expect(world.has('lock')).toBe(false);
      expect(reported('lock-unavailable')).toEqual([]);
    },
  );

  it('keeps tokens, locks and logouts when reads lag by 1 s', async () => {
    const world = await expiredWorld(kind);
    world.rows.lagMs = 1000;
    const [a, b] = world.twoProcesses();
    const eventually = async (process: typeof a) =>
      finished(process.valid()).catch(() => finished(process.valid()));
    for (let n = 1; n <= 3; n++) {
      const tokens = await Promise.all([a, b].map(eventually));
      expect(tokens.map((each) => world.accepts(each))).toEqual([true, true]);
      expect(world.exchanges.length).toBeLessThanOrEqual(2 * n);
      await pass(hourMs);
    }
    await finished(b.end());
    await pass(2000);
    await expectEnded(world, [b, a]);
  });

  it('uses the tokens of the session when the store cannot be read', async () => {
    const world = new RefresherWorld(kind);
    const { storage, faults } = faultyStorage(world.storageFor('A'));
    faults.isDown = true;
    expect(await outcome(world.process('A', { storage }).valid())).toBe('access-0');
    expect(reported('record-unreadable')).toHaveLength(1);
  });

  it('sends no refresh when the store fails while another process is refreshing', async () => {
    const { world, faults, a, b } = await withFaults(kind);
    const hold = world.hold('B response');
    const slow = b.acquainted().valid();
    await hold.reached();
    const waiting = a.valid();
    await pass(1000);
    faults.isDown = true;
    await pass(1000);
    faults.isDown = false;
    await pass(1000);
    hold.release();
    expect(await outcome(slow)).toBe('access-1');
    expect(await outcome(waiting)).toBe('access-1');
    expect(world.exchanges).toEqual(['B refresh']);
  });
});

describe('a store that does not respond', () => {
  it('does not prevent a logout from revoking the tokens', async () => {
    const { world, faults, a } = await withFaults();
    faults.hangs = true;
    const startedAt = elapsedMs();
    await finished(a.end());
    expect(elapsedMs() - startedAt).toBeLessThan(6000);
    expect(world.revocations).toEqual(['A refresh-0']);
    expect(await outcome(a.valid())).toBe('logged_out');
  });
});

describe('a store that cannot be used', () => {
  const refused: [string, (storage: PolarStorage) => PolarStorage][] = [
    ['is read-only', (storage) => ({ ...storage, write: () => Promise.reject(new Error('READONLY')) })],
    ['is full', (storage) => ({ ...storage, write: () => Promise.reject(new Error('OOM')) })],
    ['does not keep what it is given', (storage) => ({ ...storage, write: async () => true })],
    [
      'cuts values off',
      (storage) => ({
        ...storage,
        write: (key, { version, value }, options) =>
          storage.write(key, { version, value: value.slice(0, 255) }, options),
      }),
    ],
    [
      'keeps no versions',
      (storage) => ({
        ...storage,
        read: async (key) => {
          const found = await storage.read(key);
          return found && ({ value: found.value } as never);
        },
      }),
    ],
    [
      'refuses our ids',
      (storage) => ({
        ...storage,
        write: (key, row, options) =>
          key.id.includes('-') ? storage.write(key, row, options) : Promise.reject(new Error('no UUID')),
      }),
    ],
  ];

  it.each(refused)('is a configuration error before Polar is asked, since it %s', async (what, unfit) => {
    const world = await expiredWorld();
    const a = world.process('A', { storage: unfit(world.storageFor('A')) }).acquainted();
    // Without versions no process can find its own lock.
    for (let time = what === 'keeps no versions' ? 1 : 0; time < 2; time++) {
      const error = await errorOf(a.valid());
      expect(error).toBeInstanceOf(PolarConfigurationError);
      expect(error).toMatchObject({
        code: 'unsupported_storage',
        message: expect.stringContaining('storage'),
      });
    }
    expect(world.exchanges).toEqual([]);
    const { length } = reports;
    await pass(hourMs);
    expect(reports).toHaveLength(length);
    expect(world.live).toBe('refresh-0');
  });

  it('is accepted as soon as it works', async () => {
    const world = await expiredWorld();
    const { storage, faults } = faultyStorage(world.storageFor('A'));
    faults.isReadOnly = true;
    const a = world.process('A', { storage }).acquainted();
    expect((await errorOf(a.valid())).code).toBe('unsupported_storage');
    faults.isReadOnly = false;
    expect(await outcome(a.valid())).toBe('access-1');
  });
});

describe('a store with narrow columns', () => {
  it.each([
    ['of 36 characters', /^.{1,36}$/],
    ['of UUIDs', /^[0-9a-f]{32}$/],
  ])('%s accepts every row of a login', async (_what, pattern) => {
    const world = await expiredWorld();
    const inner = world.storageFor('A');
    const ids: string[] = [];
    const storage: PolarStorage = {
      ...inner,
      write: (key, row, options) => {
        ids.push(key.id, key.group);
        if (!pattern.test(key.id) || !pattern.test(key.group)) throw new Error('value too long');
        return inner.write(key, row, options);
      },
    };
    const a = world.process('A', { storage }).acquainted();
    expect(await outcome(a.valid())).toBe('access-1');
    await finished(a.end());
    expect(world.has('tombstone')).toBe(true);
    expect(ids).toContain(loginId);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('a store that loses rows', () => {
  it.each(storageKinds)(
    'loses no login, since a process that knows the tokens writes them again (%s)',
    async (kind) => {
      const world = await expiredWorld(kind);
      const a = world.process('A').acquainted();
      for (let n = 1; n <= 3; n++) {
        await outcome(a.valid());
        world.rows.put('record', undefined);
        world.rows.put('lock', undefined);
        await pass(60_000);
        await outcome(a.valid());
        await pass(1000);
        expect(world.recorded).toBe(n);
        await pass(hourMs);
      }
      expect(reported('record-restored')).toHaveLength(3);
      expect(world.accepts(await finished(world.process('B').valid()))).toBe(true);
    },
  );

  it('may lose the lock during a refresh, and the refresher takes it again', async () => {
    const world = await expiredWorld();
    const [a, b] = world.twoProcesses();
    const hold = world.hold('A response');
    const request = a.valid();
    await hold.reached();
    world.rows.put('lock', undefined);
    await pass(1500);
    expect(world.has('lock')).toBe(true);
    expect(await outcome(b.valid())).toBe('timeout');
    hold.release();
    expect(await outcome(request)).toBe('timeout');
    expect(await outcome(b.valid())).toBe('access-1');
    expect(world.exchanges).toEqual(['A refresh']);
  });
});
