/** How one process returns the tokens of a login, refreshes them and gives them up. */
import { describe, expect, it } from '@jest/globals';
import { PolarOAuthError } from '../../../src/errors.js';
import { openRecord } from '../../../src/tokens/token-record.js';
import { elapsedMs, finished } from '../../support/virtual-time.js';
import { transient } from '../support/polar-errors.js';
import { errorOf, outcome } from '../support/refresher-process.js';
import { expiredWorld, inVirtualTime } from '../support/refresher-setup.js';
import { hourMs, pass, RefresherWorld, settle } from '../support/refresher-world.js';
import { storageKinds } from '../support/world-rows.js';

const reports = inVirtualTime();
const looks = ['A read tombstone', 'A read record'];

describe('a valid token', () => {
  it('is returned without a request, after one read of the login’s rows', async () => {
    const world = new RefresherWorld();
    const a = world.process('A');
    expect(await outcome(a.valid())).toBe('access-0');
    expect(world.log).toEqual(looks);
    expect(await outcome(a.valid())).toBe('access-0');
    expect(world.log).toHaveLength(2);
  });

  it('costs one round trip for that read if the store supports batches', async () => {
    const world = new RefresherWorld('batch');
    expect(await outcome(world.process('A').valid())).toBe('access-0');
    expect(world.log).toEqual(['A read tombstone, read record']);
  });

  it('costs one read for all requests that come at once', async () => {
    const world = new RefresherWorld();
    const a = world.process('A');
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => outcome(a.valid())));
    expect(new Set(outcomes)).toEqual(new Set(['access-0']));
    expect(world.log).toEqual(looks);
  });

  it('costs no read right after the login', async () => {
    const world = new RefresherWorld();
    expect(await outcome(world.process('A').acquainted().valid())).toBe('access-0');
    expect(world.log).toEqual([]);
  });
});

describe('the tokens of a new login', () => {
  it('are recorded at once, for other processes to find', async () => {
    const world = new RefresherWorld();
    const { login, refresher } = world.process('A', { recordsFromStart: true });
    await finished(refresher.recordFirst(login));
    const record = await openRecord(login, world.rows.get('record'));
    expect(record).toMatchObject({ generation: 0, tokens: login.initial.tokens });
  });
});

describe('an expired token', () => {
  it('is refreshed once, under one lock, for all requests that come at once', async () => {
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

  it('is refreshed in two round trips if the store supports batches', async () => {
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

  it.each(storageKinds)('is refreshed again an hour later with the new refresh token (%s)', async (kind) => {
    const world = await expiredWorld(kind);
    const a = world.process('A').acquainted();
    for (const n of [1, 2, 3]) {
      expect(await outcome(a.valid())).toBe(`access-${n}`);
      expect(world.recorded).toBe(n);
      await pass(hourMs);
      expect(world.has('lock')).toBe(false);
    }
  });

  it('is reported as refreshed, without any token', async () => {
    const world = await expiredWorld();
    await outcome(world.process('A').acquainted().valid());
    expect(reports).toEqual([
      { event: 'refreshed', loginId: expect.any(String), generation: 1, durationMs: expect.any(Number) },
    ]);
  });

  it('cannot be refreshed without a refresh token', async () => {
    const world = new RefresherWorld();
    const a = world.process('A');
    const { refreshToken: _none, ...tokens } = a.login.initial.tokens;
    const login = { ...a.login, initial: { ...a.login.initial, tokens } };
    expect(await finished(a.refresher.isAlive(login))).toBe(true);
    await pass(hourMs);
    expect(await finished(a.refresher.isAlive(login))).toBe(false);
    expect((await errorOf(a.refresher.validTokens(login))).code).toBe('login_expired');
    expect(world.exchanges).toEqual([]);
  });

  it('leaves its login alive when Polar refuses the client', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    const error = new PolarOAuthError('invalid_client', 'wrong secret', {
      error: 'invalid_client',
      httpStatus: 401,
    });
    world.mishaps.push({ before: error });
    await expect(finished(a.valid())).rejects.toBe(error);
    expect(await a.isAlive()).toBe(true);
  });

  it('leaves its login alive until Polar refuses to refresh it', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    expect(await a.isAlive()).toBe(true);
    world.live = undefined;
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(await a.isAlive()).toBe(false);
  });
});

describe('a forced refresh', () => {
  it('is shared with another forced one and with requests for any valid token', async () => {
    const world = new RefresherWorld();
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

  it('is repeated if the previous one has finished', async () => {
    const world = new RefresherWorld();
    const a = world.process('A').acquainted();
    expect(await outcome(a.forced())).toBe('access-1');
    await pass(3000);
    expect(await outcome(a.forced())).toBe('access-2');
  });
});

describe('the leeway', () => {
  it('applies to all tokens but those that were issued a moment ago', async () => {
    const world = new RefresherWorld();
    const a = world.process('A', { leewayMs: 2 * hourMs }).acquainted();
    expect(await outcome(a.valid())).toBe('access-1'); // the tokens of a login are not exempt
    await pass(4999);
    expect(await outcome(a.valid())).toBe('access-1');
    await pass(1);
    expect(await outcome(a.valid())).toBe('access-2');
  });

  it('is ignored while Polar is unavailable, as long as the tokens have not expired', async () => {
    const world = new RefresherWorld();
    const a = world.process('A', { leewayMs: 2 * hourMs }).acquainted();
    world.mishaps.push({ before: transient('server_error') }, { before: transient('server_error') });
    expect(await outcome(a.valid())).toBe('access-0');
    await pass(hourMs);
    expect(await outcome(a.valid())).toBe('server_error');
  });
});

describe('tokens that Polar has refused to refresh', () => {
  it.each([
    ['although they have expired only by the leeway', 2 * hourMs],
    ['although they have not expired', 0],
  ])('are not returned again, %s', async (_why, leewayMs) => {
    const world = new RefresherWorld();
    const a = world.process('A', { leewayMs }).acquainted();
    await pass(3000);
    world.live = undefined;
    expect(await outcome(a.forced())).toBe('login_expired');
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(world.exchanges).toHaveLength(1);
  });
});

describe('a clock that was set back', () => {
  it('does not make tokens look newly issued for long', async () => {
    const world = await expiredWorld();
    const a = world.process('A', { leewayMs: 2 * hourMs }).acquainted();
    await outcome(a.valid());
    world.clockOffsetMs = -2 * hourMs;
    await pass(6000);
    // Otherwise they would not be refreshed for two hours.
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
  });

  it('does not delay a refresh after a 401', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(6000);
    await outcome(a.refused('access-1'));
    world.clockOffsetMs = -hourMs;
    await pass(60_000);
    expect(await outcome(a.refused('access-2'))).toBe('access-3');
  });

  it('does not extend the wait that Polar asked for', async () => {
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

describe('while Polar asks clients to wait, the refresher', () => {
  it('fails at once with the first error and the time to wait', async () => {
    const world = await expiredWorld();
    const b = world.process('B').acquainted();
    world.mishaps.push({ before: transient('rate_limited', 30) });
    const startedAt = elapsedMs();
    expect(await errorOf(b.valid())).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 30 });
    expect(await errorOf(b.valid())).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 30 });
    expect(elapsedMs()).toBe(startedAt);
    expect(world.exchanges).toHaveLength(1);
  });

  it('takes no lock, and uses what other processes have recorded', async () => {
    const world = await expiredWorld();
    const [a, b] = world.twoProcesses();
    world.mishaps.push({ before: transient('rate_limited', 60) });
    expect(await outcome(a.valid())).toBe('rate_limited');
    expect(await outcome(a.valid())).toBe('rate_limited');
    expect(world.count('A write lock')).toBe(1);
    await outcome(b.valid());
    expect(await outcome(a.valid())).toBe('access-1');
    expect(world.count('A write lock')).toBe(1);
  });
});
