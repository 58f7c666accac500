/** What the refresher does after the Polar API refuses an access token. */
import { describe, expect, it } from '@jest/globals';
import { elapsedMs, finished } from '../../support/virtual-time.js';
import { faultyStorage } from '../support/faulty-storage.js';
import { transient } from '../support/polar-errors.js';
import { outcome } from '../support/refresher-process.js';
import { expiredWorld, inVirtualTime } from '../support/refresher-setup.js';
import { pass, RefresherWorld } from '../support/refresher-world.js';

inVirtualTime();

describe('after a 401 of the Polar API, the refresher', () => {
  it('returns the same tokens after a pause if they were issued a moment ago', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(4499);
    const startedAt = elapsedMs();
    expect(await outcome(a.refused('access-1'))).toBe('access-1');
    expect(elapsedMs() - startedAt).toBe(500);
    expect(world.exchanges).toHaveLength(1);
  });

  it.each([
    ['from a record that another process has just written', true],
    ['from the entry of a login that has just happened', false],
  ])('also returns the same tokens %s', async (_whose, isRecorded) => {
    const world = isRecorded ? await expiredWorld() : new RefresherWorld();
    if (isRecorded) await outcome(world.process('A').acquainted().valid());
    const exchanges = world.exchanges.length;
    const b = world.process('B');
    const refused = (await finished(b.valid())).accessToken;
    expect(await outcome(b.refused(refused))).toBe(refused);
    expect(world.exchanges).toHaveLength(exchanges);
  });

  it('refreshes tokens that are at least 5 s old', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(5000);
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
  });

  it('refreshes tokens that were refused twice, however young they are', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    expect(await outcome(a.refused('access-1'))).toBe('access-1');
    a.refresher.noteSecondRefusal(a.login, 'access-1');
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
    // The new tokens are judged afresh.
    expect(await outcome(a.refused('access-2'))).toBe('access-2');
  });

  it('takes newer tokens of other processes without a refresh, and still allows one within the minute', async () => {
    const world = await expiredWorld();
    const [a, b] = world.twoProcesses();
    await outcome(a.valid());
    expect(await outcome(b.refused('access-0'))).toBe('access-1');
    expect(world.exchanges).toHaveLength(1);
    await pass(6000);
    expect(await outcome(b.refused('access-1'))).toBe('access-2');
  });

  it.each([
    [0, 1000],
    [300, 700],
    [1000, 0],
  ])(
    'returns the tokens that another process received %d ms ago after %d ms, because Polar may not have committed them',
    async (ageMs, waitsMs) => {
      const world = await expiredWorld();
      const [a, b] = world.twoProcesses();
      await outcome(a.valid());
      await pass(ageMs);
      const startedAt = elapsedMs();
      expect(await outcome(b.refused('access-0'))).toBe('access-1');
      expect(elapsedMs() - startedAt).toBe(waitsMs);
    },
  );

  it('refreshes once a minute at most, however often the API refuses', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(6000);
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
    // One second of the minute went by until Polar must have committed the new tokens.
    await pass(58_999);
    expect(await outcome(a.refused('access-2'))).toBe('nothing');
    await pass(1);
    expect(await outcome(a.refused('access-2'))).toBe('access-3');
  });

  it('does not count a failed refresh as the one of this minute', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(6000);
    world.mishaps.push({ before: transient('server_error') });
    expect(await outcome(a.refused('access-1'))).toBe('server_error');
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
  });

  it('shares one refresh among all requests that were refused at once', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(6000);
    const all = Array.from({ length: 20 }, () => a.refused('access-1'));
    expect(new Set(await Promise.all(all.map(outcome)))).toEqual(new Set(['access-2']));
    expect(world.exchanges).toHaveLength(2);
  });

  it('reports a logout if the login has ended in another process', async () => {
    const world = new RefresherWorld();
    const [a, b] = world.twoProcesses();
    await finished(b.end());
    expect(await outcome(a.refused('access-0'))).toBe('logged_out');
    expect(world.exchanges).toHaveLength(0);
  });

  it('does not return a refused token again when the store cannot be read', async () => {
    const world = await expiredWorld();
    const { storage, faults } = faultyStorage(world.storageFor('A'));
    const a = world.process('A', { storage }).acquainted();
    await outcome(a.valid());
    await pass(6000);
    faults.isDown = true;
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
  });
});
