/** Polar commits after it has responded: it may not yet know a refresh token that it has just issued. */
import { describe, expect, it } from '@jest/globals';
import { finished } from '../../support/virtual-time.js';
import { transient } from '../support/polar-errors.js';
import { outcome } from '../support/refresher-process.js';
import { expiredWorld, inVirtualTime } from '../support/refresher-setup.js';
import { pass, RefresherWorld } from '../support/refresher-world.js';

inVirtualTime();

describe('a refresh token that Polar refuses within 2 s of issuing it', () => {
  it('is sent once more', async () => {
    const world = new RefresherWorld();
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

  it('is sent twice at most', async () => {
    const world = new RefresherWorld();
    const a = world.process('A').acquainted();
    await outcome(a.forced());
    world.live = undefined;
    expect(await outcome(a.forced())).toBe('login_expired');
    expect(world.exchanges).toHaveLength(3);
  });

  it('is not sent again after another error', async () => {
    const world = new RefresherWorld();
    const a = world.process('A').acquainted();
    await outcome(a.forced());
    world.mishaps.push({ before: transient('server_error') });
    expect(await outcome(a.forced())).toBe('server_error');
    expect(world.exchanges).toHaveLength(2);
  });

  it('is sent once more by a process that read it from the record', async () => {
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

it('a refresh token that Polar refuses more than 2 s after issuing it is not sent again', async () => {
  const world = new RefresherWorld();
  const a = world.process('A').acquainted();
  await outcome(a.forced());
  await pass(2000);
  world.live = undefined;
  expect(await outcome(a.forced())).toBe('login_expired');
  expect(world.exchanges).toHaveLength(2);
});
