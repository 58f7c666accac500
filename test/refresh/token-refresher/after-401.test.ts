/** What follows when the Polar API refuses an access token. */
import { describe, expect, it } from '@jest/globals';
import { faultyStorage } from '../refresher/faulty-storage.js';
import { outcome } from '../refresher/refresher-process.js';
import { expiredWorld, inVirtualTime } from '../refresher/refresher-setup.js';
import { KeeperWorld, pass, transient } from '../refresher/refresher-world.js';
import { elapsedMs, finished } from '../refresher/virtual-time.js';

inVirtualTime();

describe('after a 401 of the API', () => {
  it('tokens that were just issued are tried again as they are, after a pause', async () => {
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
    ['that another process has just got, as its record says', true],
    ['of a login that has just happened, as its entry says', false],
  ])('tokens %s are tried again as they are, too', async (_whose, isRecorded) => {
    const world = isRecorded ? await expiredWorld() : new KeeperWorld();
    if (isRecorded) await outcome(world.process('A').acquainted().valid());
    const exchanges = world.exchanges.length;
    const b = world.process('B');
    const refused = (await finished(b.valid())).accessToken;
    expect(await outcome(b.refused(refused))).toBe(refused);
    expect(world.exchanges).toHaveLength(exchanges);
  });

  it('tokens of 5 s and older are refreshed', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(5000);
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
  });

  it('tokens that were refused twice are refreshed, however young', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    expect(await outcome(a.refused('access-1'))).toBe('access-1');
    a.refresher.noteSecondRefusal(a.login, 'access-1');
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
    // That says nothing of those that came then.
    expect(await outcome(a.refused('access-2'))).toBe('access-2');
  });

  it('newer tokens of others are taken without a refresh, and do not count as the one a minute', async () => {
    const world = await expiredWorld();
    const [a, b] = [world.process('A').acquainted(), world.process('B').acquainted()];
    await outcome(a.valid());
    expect(await outcome(b.refused('access-0'))).toBe('access-1');
    expect(world.exchanges).toHaveLength(1);
    await pass(6000);
    expect(await outcome(b.refused('access-1'))).toBe('access-2');
  });

  it('there is one refresh a minute, however often it refuses', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(6000);
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
    await pass(59_999);
    expect(await outcome(a.refused('access-2'))).toBe('nothing');
    await pass(1);
    expect(await outcome(a.refused('access-2'))).toBe('access-3');
  });

  it('a refresh that failed does not count as the one a minute', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(6000);
    world.mishaps.push({ before: transient('server_error') });
    expect(await outcome(a.refused('access-1'))).toBe('server_error');
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
  });

  it('many who were refused at once share a refresh', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    await outcome(a.valid());
    await pass(6000);
    const all = Array.from({ length: 20 }, () => a.refused('access-1'));
    expect(new Set(await Promise.all(all.map(outcome)))).toEqual(new Set(['access-2']));
    expect(world.exchanges).toHaveLength(2);
  });

  it('it may turn out that the login has ended elsewhere', async () => {
    const world = new KeeperWorld();
    const [a, b] = [world.process('A').acquainted(), world.process('B').acquainted()];
    await finished(b.end());
    expect(await outcome(a.refused('access-0'))).toBe('logged_out');
    expect(world.exchanges).toHaveLength(0);
  });

  it('a refused token is not handed out again just because the store cannot be read', async () => {
    const world = await expiredWorld();
    const { storage, faults } = faultyStorage(world.storageFor('A'));
    const a = world.process('A', { storage }).acquainted();
    await outcome(a.valid());
    await pass(6000);
    faults.isDown = true;
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
  });
});
