/** What one process does with the tokens of a login: hand them out, refresh them, give them up. */
import { describe, expect, it } from '@jest/globals';
import { errorOf, outcome } from '../refresher/refresher-process.js';
import { expiredWorld, inVirtualTime } from '../refresher/refresher-setup.js';
import { hourMs, KeeperWorld, pass, settle, transient } from '../refresher/refresher-world.js';
import { elapsedMs, finished } from '../refresher/virtual-time.js';
import { storageKinds } from '../refresher/world-rows.js';

const reports = inVirtualTime();
const looks = ['A read tombstone', 'A read record'];

describe('a valid token', () => {
  it('is handed out without asking anybody, but for a first look at the rows of the login', async () => {
    const world = new KeeperWorld();
    const a = world.process('A');
    expect(await outcome(a.valid())).toBe('access-0');
    expect(world.log).toEqual(looks);
    expect(await outcome(a.valid())).toBe('access-0');
    expect(world.log).toHaveLength(2);
  });

  it('costs one round trip for the first look where the store can take several steps at once', async () => {
    const world = new KeeperWorld('batch');
    expect(await outcome(world.process('A').valid())).toBe('access-0');
    expect(world.log).toEqual(['A read tombstone, read record']);
  });

  it('costs one first look for all who ask at once', async () => {
    const world = new KeeperWorld();
    const a = world.process('A');
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => outcome(a.valid())));
    expect(new Set(outcomes)).toEqual(new Set(['access-0']));
    expect(world.log).toEqual(looks);
  });

  it('costs no look where the login has just happened here', async () => {
    const world = new KeeperWorld();
    expect(await outcome(world.process('A').acquainted().valid())).toBe('access-0');
    expect(world.log).toEqual([]);
  });
});

describe('an expired token', () => {
  it('is refreshed once for all who ask at once, with one lock', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => outcome(a.valid())));
    expect(new Set(outcomes)).toEqual(new Set(['access-1']));
    await settle();
    expect(world.log).toEqual([
      'A read lock',
      'A read tombstone',
      'A read record',
      'A write lock',
      'A read tombstone',
      'A read record',
      'A refresh',
      'A response',
      'A write record',
      'A read tombstone',
      'A read record',
      'A remove lock',
    ]);
  });

  it('is refreshed in two round trips where the store can take several steps at once', async () => {
    const world = await expiredWorld('batch');
    expect(await outcome(world.process('A').acquainted().valid())).toBe('access-1');
    await settle();
    expect(world.log).toEqual([
      'A write lock, read lock, read tombstone, read record',
      'A refresh',
      'A response',
      'A write record, read tombstone, read record, remove lock',
    ]);
    expect(world.has('lock')).toBe(false);
  });

  it.each(storageKinds)('is refreshed again an hour later, with what came (%s)', async (kind) => {
    const world = await expiredWorld(kind);
    const a = world.process('A').acquainted();
    for (const n of [1, 2, 3]) {
      expect(await outcome(a.valid())).toBe(`access-${n}`);
      expect(world.recorded).toBe(n);
      await pass(hourMs);
      expect(world.has('lock')).toBe(false);
    }
  });

  it('is published as refreshed, without any token', async () => {
    const world = await expiredWorld();
    await outcome(world.process('A').acquainted().valid());
    expect(reports).toEqual([{ event: 'refreshed', loginId: expect.any(String), generation: 1 }]);
  });

  it('cannot be refreshed without a refresh token', async () => {
    const world = new KeeperWorld();
    const a = world.process('A');
    const { refreshToken: _none, ...tokens } = a.login.tokens;
    const login = { ...a.login, tokens };
    expect(await finished(a.refresher.isAlive(login))).toBe(true);
    await pass(hourMs);
    expect(await finished(a.refresher.isAlive(login))).toBe(false);
    expect((await errorOf(a.refresher.validTokens(login))).code).toBe('login_expired');
    expect(world.exchanges).toEqual([]);
  });

  it('leaves its login alive for as long as Polar has not refused to refresh it', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    expect(await a.isAlive()).toBe(true);
    world.live = undefined;
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(await a.isAlive()).toBe(false);
  });
});

describe('a forced refresh', () => {
  it('is joined by another one, and by those who ask for any token', async () => {
    const world = new KeeperWorld();
    const a = world.process('A').acquainted();
    const hold = world.hold('A response');
    const first = a.forced();
    await hold.reached();
    const joined = [a.forced(), a.valid()];
    await settle();
    hold.release();
    expect(await Promise.all([first, ...joined].map(outcome))).toEqual(['access-1', 'access-1', 'access-1']);
    expect(world.exchanges).toHaveLength(1);
  });

  it('is made again when one was finished before', async () => {
    const world = new KeeperWorld();
    const a = world.process('A').acquainted();
    expect(await outcome(a.forced())).toBe('access-1');
    await pass(3000);
    expect(await outcome(a.forced())).toBe('access-2');
  });
});

describe('the leeway', () => {
  it('is kept to, except for tokens that came a moment ago', async () => {
    const world = new KeeperWorld();
    const a = world.process('A', { leewayMs: 2 * hourMs }).acquainted();
    expect(await outcome(a.valid())).toBe('access-1'); // those of a login are not spared
    await pass(4999);
    expect(await outcome(a.valid())).toBe('access-1');
    await pass(1);
    expect(await outcome(a.valid())).toBe('access-2');
  });

  it('gives way while Polar cannot be asked: tokens that have not expired are handed out', async () => {
    const world = new KeeperWorld();
    const a = world.process('A', { leewayMs: 2 * hourMs }).acquainted();
    world.mishaps.push({ before: transient('server_error') }, { before: transient('server_error') });
    expect(await outcome(a.valid())).toBe('access-0');
    await pass(hourMs);
    expect(await outcome(a.valid())).toBe('server_error');
  });
});

describe('tokens that Polar has refused to refresh', () => {
  it.each([
    ['though the leeway alone calls them expired', 2 * hourMs],
    ['though they have not expired', 0],
  ])('are not handed out again, %s', async (_why, leewayMs) => {
    const world = new KeeperWorld();
    const a = world.process('A', { leewayMs }).acquainted();
    await pass(3000);
    world.live = undefined;
    expect(await outcome(a.forced())).toBe('login_expired');
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(world.exchanges).toHaveLength(1);
  });
});

describe('a clock that was set back', () => {
  it('makes no token look just issued for long', async () => {
    const world = await expiredWorld();
    const a = world.process('A', { leewayMs: 2 * hourMs }).acquainted();
    await outcome(a.valid());
    world.clockOffsetMs = -2 * hourMs;
    await pass(6000);
    // Not two hours of tokens that are never tried with a refresh.
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
  });

  it('holds up no refresh after a 401', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(6000);
    await outcome(a.refused('access-1'));
    world.clockOffsetMs = -hourMs;
    await pass(60_000);
    expect(await outcome(a.refused('access-2'))).toBe('access-3');
  });

  it('does not lengthen what Polar asked to wait for', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    world.mishaps.push({ before: transient('rate_limited', 60) });
    expect(await outcome(a.valid())).toBe('rate_limited');
    world.clockOffsetMs = -hourMs;
    await pass(59_999);
    expect(await outcome(a.forced())).toBe('rate_limited');
    await pass(1);
    expect(await outcome(a.forced())).toBe('access-1');
  });
});

describe('while Polar asks to be left alone', () => {
  it('requests fail at once as the first one did, and say how long to wait', async () => {
    const world = await expiredWorld();
    const b = world.process('B').acquainted();
    world.mishaps.push({ before: transient('rate_limited', 30) });
    const startedAt = elapsedMs();
    expect(await errorOf(b.valid())).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 30 });
    expect(await errorOf(b.valid())).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 30 });
    expect(elapsedMs()).toBe(startedAt);
    expect(world.exchanges).toHaveLength(1);
  });

  it('nobody takes the lock, and what other processes recorded is used', async () => {
    const world = await expiredWorld();
    const [a, b] = [world.process('A').acquainted(), world.process('B').acquainted()];
    world.mishaps.push({ before: transient('rate_limited', 60) });
    expect(await outcome(a.valid())).toBe('rate_limited');
    expect(await outcome(a.valid())).toBe('rate_limited');
    expect(world.count('A write lock')).toBe(1);
    await outcome(b.valid());
    expect(await outcome(a.valid())).toBe('access-1');
    expect(world.count('A write lock')).toBe(1);
  });
});
