/** Polar may answer two refreshes of one token, and then both pairs live. No login may be lost by that. */
import { describe, expect, it } from '@jest/globals';
import type { TokenRecord } from '../../../src/tokens/token-record.js';
import { sealRecord } from '../../../src/tokens/token-record.js';
import { finished } from '../../support/virtual-time.js';
import { outcome, type RefresherProcess } from '../support/refresher-process.js';
import { expectEnded, expiredWorld, inVirtualTime } from '../support/refresher-setup.js';
import { hourMs, pass, type RefresherWorld, settle } from '../support/refresher-world.js';

const reports = inVirtualTime();

/** Another process records a pair of the generation that this one is about to record. */
async function recordBeside(
  world: RefresherWorld,
  { login }: RefresherProcess,
  generation = 1,
): Promise<string> {
  const tokens = world.issueBeside();
  const record: TokenRecord = { generation, tokens, issuedAt: world.now() };
  world.rows.put('record', await sealRecord(login, record));
  return tokens.accessToken;
}

// A session store has no compare-and-set: a later write replaces an earlier one.
const ways = [
  ['batch', 'before'],
  ['atomic', 'before'],
  ['atomic', 'after'],
  ['session store', 'after'],
] as const;

describe.each(ways)('two pairs of one generation (%s, the other one recorded %s)', (kind, when) => {
  /** Process A has refreshed, and finds another pair when it records its own, or when it revalidates. */
  async function tie() {
    const world = await expiredWorld(kind);
    const a = world.process('A').acquainted();
    if (when === 'after') {
      await outcome(a.valid());
      const recorded = await recordBeside(world, a);
      await pass(60_000);
      await outcome(a.valid());
      await settle();
      return { world, a, request: a.valid(), recorded };
    }
    const hold = world.hold('A write record');
    const request = a.valid();
    await hold.reached();
    const recorded = await recordBeside(world, a);
    hold.release();
    return { world, a, request, recorded };
  }

  it('leave the recorded pair to every process', async () => {
    const { a, recorded, request, world } = await tie();
    expect(await outcome(request)).toBe(recorded);
    expect(a.peeked).toBe(recorded);
    expect(await outcome(world.process('B').valid())).toBe(recorded);
    expect(reports.filter(({ event }) => event === 'tie')).toHaveLength(1);
  });

  it('are not revoked while nobody knows whether the other pair works', async () => {
    const { request, world } = await tie();
    await outcome(request);
    await pass(30 * 60_000);
    expect(world.revocations).toEqual([]);
  });

  it('leave one to revoke once a newer generation is recorded', async () => {
    const { a, request, world } = await tie();
    await outcome(request);
    await pass(hourMs);
    await outcome(a.valid());
    await settle();
    expect(world.recorded).toBe(2);
    expect(world.revocations).toEqual(['A refresh-1']);
  });

  it('are both revoked after a logout in another process, once that is known', async () => {
    const { a, request, world } = await tie();
    await outcome(request);
    const b = world.process('B');
    await finished(b.end());
    await pass(60_000);
    await outcome(a.valid());
    await settle();
    await expectEnded(world, [a, b]);
    expect(world.revocations).toContain('A refresh-1');
  });

  it('leave the spare as a replacement when Polar refuses the recorded pair', async () => {
    const { a, request, world } = await tie();
    await outcome(request);
    world.alsoLive.clear(); // the recorded pair is dead
    await pass(10 * 60_000);
    const tokens = await finished(a.forced());
    expect(world.accepts(tokens)).toBe(true);
    expect(world.recorded).toBeGreaterThanOrEqual(2);
    expect(world.accepts(await finished(world.process('B').valid()))).toBe(true);
  });

  it('leave the spare for a refresh when both have expired', async () => {
    const { a, request, world } = await tie();
    await outcome(request);
    world.alsoLive.clear();
    await pass(hourMs);
    const tokens = await finished(a.valid());
    expect(world.accepts(tokens)).toBe(true);
    expect(world.accepts(await finished(world.process('B').valid()))).toBe(true);
    expect(world.revocations).toEqual([]);
  });

  it('leave the spare to be revoked at shutdown', async () => {
    const { a, request, world } = await tie();
    await outcome(request);
    a.refresher.dropSpares();
    await finished(a.background.settled(1000));
    expect(world.revocations).toEqual(['A refresh-1']);
    a.refresher.dropSpares();
    await settle();
    expect(world.revocations).toHaveLength(1);
  });
});
