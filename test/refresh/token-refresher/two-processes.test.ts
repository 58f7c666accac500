/** Processes that share a login: one of them refreshes an expired token, and the others use its new tokens. */
import { describe, expect, it } from '@jest/globals';
import { elapsedMs, finished } from '../../support/virtual-time.js';
import { errorOf, outcome } from '../support/refresher-process.js';
import { expiredWorld, inVirtualTime } from '../support/refresher-setup.js';
import { hourMs, pass, RefresherWorld, settle } from '../support/refresher-world.js';
import { stepwiseKinds, storageKinds } from '../support/world-rows.js';

const reports = inVirtualTime();

describe.each(storageKinds)('a second process (%s)', (kind) => {
  it('replaces old tokens with those that the first one has recorded', async () => {
    const world = await expiredWorld(kind);
    const [a, b] = world.twoProcesses();
    await outcome(a.valid());
    await pass(hourMs);
    await outcome(a.valid());
    expect(await outcome(b.valid())).toBe('access-2');
    expect(world.exchanges).toEqual(['A refresh', 'A refresh']);
    await pass(hourMs);
    expect(await outcome(b.valid())).toBe('access-3');
    expect(await outcome(a.valid())).toBe('access-3');
  });

  it('uses the record at its first read, although the tokens of the session have not expired', async () => {
    const world = new RefresherWorld(kind);
    await outcome(world.process('A').acquainted().forced());
    expect(await outcome(world.process('B').valid())).toBe('access-1');
    expect(world.exchanges).toHaveLength(1);
  });

  it('uses newer tokens of another process instead of a forced refresh', async () => {
    const world = new RefresherWorld(kind);
    const b = world.process('B').acquainted();
    await outcome(world.process('A').acquainted().forced());
    expect(await outcome(b.forced())).toBe('access-1');
    expect(world.exchanges).toHaveLength(1);
  });

  it('sends nothing if another process refreshes at the same time', async () => {
    const world = await expiredWorld(kind);
    const [a, b] = world.twoProcesses();
    expect(await Promise.all([a.valid(), b.valid()].map(outcome))).toEqual(['access-1', 'access-1']);
    expect(world.exchanges).toHaveLength(1);
  });

  it('uses the new tokens as soon as they are recorded', async () => {
    const world = await expiredWorld(kind);
    const [a, b] = world.twoProcesses();
    const hold = world.hold('A response');
    void a.valid();
    await hold.reached();
    const waiting = b.valid();
    await pass(3000);
    const startedAt = elapsedMs();
    hold.release();
    expect(await outcome(waiting)).toBe('access-1');
    // The longest pause between two reads.
    expect(elapsedMs() - startedAt).toBeLessThanOrEqual(300);
    expect(world.exchanges).toEqual(['A refresh']);
  });

  it('gets a transient error while the first one waits for Polar too long, and never refreshes meanwhile', async () => {
    const world = await expiredWorld(kind);
    const [a, b] = world.twoProcesses();
    const hold = world.hold('A response');
    void a.valid();
    await hold.reached();
    for (let request = 0; request < 5; request++) {
      const startedAt = elapsedMs();
      const error = await errorOf(b.valid());
      expect(error).toMatchObject({
        code: 'timeout',
        message: expect.stringContaining('The login is not lost'),
      });
      expect(elapsedMs() - startedAt).toBeLessThanOrEqual(10_500);
    }
    expect(world.exchanges).toEqual(['A refresh']);
    hold.release();
    await pass(300);
    expect(await outcome(b.valid())).toBe('access-1');
  });

  it('waits no longer than its own time-out, then fails without harm', async () => {
    const world = await expiredWorld(kind);
    const a = world.process('A').acquainted();
    const b = world.process('B', { timeoutMs: 2000 }).acquainted();
    const hold = world.hold('A response');
    void a.valid();
    await hold.reached();
    const startedAt = elapsedMs();
    expect((await errorOf(b.valid())).code).toBe('timeout');
    expect(elapsedMs() - startedAt).toBe(2000);
    hold.release();
    expect(await outcome(b.valid())).toBe('access-1');
  });

  it('loses nothing when the first one dies after it has recorded', async () => {
    const world = await expiredWorld(kind);
    const [a, b] = world.twoProcesses();
    const written = await world.runTo(() => void a.valid(), 'A write record');
    world.hold(/^A /);
    written.release();
    await settle();
    expect(await outcome(b.valid())).toBe('access-1');
    expect(await outcome(world.process('C').valid())).toBe('access-1');
  });

  it('takes over from a process that died before Polar received its request', async () => {
    const world = await expiredWorld(kind);
    const [a, b] = world.twoProcesses();
    await world.runTo(() => void a.valid(), 'A refresh');
    world.hold(/^A /); // it never comes back
    const outcomes: string[] = [];
    for (let request = 0; request < 3; request++) outcomes.push(await outcome(b.valid()));
    expect(outcomes.at(-1)).toBe('access-1');
    expect(world.exchanges).toEqual(['B refresh']);
  });
});

describe.each(stepwiseKinds)('a process between two steps of a refresh (%s)', (kind) => {
  it('returns the newest tokens, even if others have refreshed again before it is done', async () => {
    const world = await expiredWorld(kind);
    const [a, b] = world.twoProcesses();
    let slow: ReturnType<typeof a.valid> | undefined;
    const written = await world.runTo(() => {
      slow = a.valid();
    }, 'A write record');
    const hold = world.hold(/^A read (record|tombstone)/);
    written.release();
    await hold.reached();
    expect(await outcome(b.valid())).toBe('access-1');
    world.rows.put('lock', undefined);
    expect(await outcome(b.forced())).toBe('access-2');
    hold.release();
    expect(await outcome(slow as never)).toBe('access-2');
    expect(a.peeked).toBe('access-2');
  });
});

describe('the cached state of a login', () => {
  it('never goes back, even if a slow store responds with an older record', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(hourMs - 10_000);
    // After a 401 the process has read the record, and the result is on its way.
    const slow = world.process('A', {
      storage: {
        ...world.storageFor('A'),
        read: async (key) => {
          const found = await world.storageFor('A').read(key);
          await world.point('A', 'hear of a row');
          return found;
        },
      },
    });
    const hold = world.hold('A hear of a row');
    const late = a.refresher.tokensAfterRefusal({ ...a.login, storage: slow.login.storage }, 'access-1');
    await hold.reached();
    expect(await outcome(a.forced())).toBe('access-2');
    hold.release();
    expect(await outcome(late)).toBe('access-2');
    expect(a.peeked).toBe('access-2');
    expect(world.exchanges).toHaveLength(2);
  });

  it('moves on to a later generation', async () => {
    const world = await expiredWorld();
    const [a, b] = world.twoProcesses();
    await outcome(a.valid());
    await pass(6000);
    await outcome(a.forced());
    expect([a.peeked, b.peeked]).toEqual(['access-2', 'access-0']);
    await outcome(b.valid());
    expect(b.peeked).toBe('access-2');
  });

  it('stays refused if the record holds the same generation', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(hourMs);
    world.live = undefined;
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(world.exchanges).toHaveLength(2);
  });

  it('becomes logged out when a tombstone appears for a login that Polar has refused', async () => {
    const world = await expiredWorld();
    const [a, b] = world.twoProcesses();
    world.live = undefined;
    expect(await outcome(b.valid())).toBe('login_expired');
    await finished(a.end());
    expect(await outcome(b.valid())).toBe('logged_out');
    expect(reports.map(({ event }) => event)).toEqual(['refresh-failed']);
  });
});
