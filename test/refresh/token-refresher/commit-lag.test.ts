/** Polar commits after it has responded: a refresh token that it has just issued may be unknown to it for a moment. */
import { describe, expect, it } from '@jest/globals';
import { outcome } from '../refresher/refresher-process.js';
import { expiredWorld, inVirtualTime } from '../refresher/refresher-setup.js';
import { KeeperWorld, pass, transient } from '../refresher/refresher-world.js';
import { finished } from '../refresher/virtual-time.js';

inVirtualTime();

describe('a refresh token that Polar refuses within 2 s of issuing it', () => {
  it('is tried once more', async () => {
    const world = new KeeperWorld();
    const a = world.process('A').acquainted();
    await outcome(a.forced());
    await pass(1999);
    world.live = undefined;
    const again = a.forced();
    await pass(1999);
    expect(world.exchanges).toHaveLength(2);
    world.live = 'refresh-1';
    expect(await outcome(again)).toBe('access-2');
    expect(world.exchanges).toHaveLength(3);
  });

  it('is tried no more than once more', async () => {
    const world = new KeeperWorld();
    const a = world.process('A').acquainted();
    await outcome(a.forced());
    world.live = undefined;
    expect(await outcome(a.forced())).toBe('login_expired');
    expect(world.exchanges).toHaveLength(3);
  });

  it('is not tried again after another error', async () => {
    const world = new KeeperWorld();
    const a = world.process('A').acquainted();
    await outcome(a.forced());
    world.mishaps.push({ before: transient('server_error') });
    expect(await outcome(a.forced())).toBe('server_error');
    expect(world.exchanges).toHaveLength(2);
  });

  it('is tried once more by a process that has it from the record', async () => {
    const world = await expiredWorld();
    await outcome(world.process('A').acquainted().valid());
    const b = world.process('B');
    await finished(b.valid());
    world.live = undefined;
    const again = b.forced();
    await pass(1999);
    world.live = 'refresh-1';
    expect(await outcome(again)).toBe('access-2');
  });
});

it('a refresh token that Polar refuses later than 2 s after issuing it is not tried again', async () => {
  const world = new KeeperWorld();
  const a = world.process('A').acquainted();
  await outcome(a.forced());
  await pass(2000);
  world.live = undefined;
  expect(await outcome(a.forced())).toBe('login_expired');
  expect(world.exchanges).toHaveLength(2);
});
