/** Polar may respond to two refreshes at once, and then both pairs of tokens live: nobody may lose by that. */
import { describe, expect, it } from '@jest/globals';
import type { TokenRecord } from '../../../src/tokens/token-record.js';
import { sealRecord } from '../../../src/tokens/token-record.js';
import { type KeeperProcess, outcome } from '../refresher/refresher-process.js';
import { expectEnded, expiredWorld, inVirtualTime } from '../refresher/refresher-setup.js';
import { hourMs, type KeeperWorld, pass, settle } from '../refresher/refresher-world.js';
import { finished } from '../refresher/virtual-time.js';

const reports = inVirtualTime();

/** Somebody else records a pair of the generation that the process is about to record. */
async function recordBeside(world: KeeperWorld, { login }: KeeperProcess, generation = 1): Promise<string> {
  const tokens = world.issueBeside();
  const record: TokenRecord = { generation, tokens, issuedAt: world.now() };
  world.rows.put('record', await sealRecord(login, record));
  return tokens.accessToken;
}

// A session store cannot compare: what comes later replaces what is there.
const ways = [
  ['batch', 'before'],
  ['atomic', 'before'],
  ['atomic', 'after'],
  ['session store', 'after'],
] as const;

describe.each(ways)('two pairs of one generation (%s, the other one recorded %s)', (kind, when) => {
  /** Process A has refreshed, and finds another pair recorded when it records its own, or at its next look. */
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

  it('leave the recorded one to everybody', async () => {
    const { a, recorded, request, world } = await tie();
    expect(await outcome(request)).toBe(recorded);
    expect(a.peeked).toBe(recorded);
    expect(await outcome(world.process('B').valid())).toBe(recorded);
    expect(reports.filter(({ event }) => event === 'tie')).toHaveLength(1);
  });

  it('are not revoked while nobody knows whether the other one works', async () => {
    const { request, world } = await tie();
    await outcome(request);
    await pass(30 * 60_000);
    expect(world.revocations).toEqual([]);
  });

  it('leave one to revoke once something newer is recorded', async () => {
    const { a, request, world } = await tie();
    await outcome(request);
    await pass(hourMs);
    await outcome(a.valid());
    await settle();
    expect(world.recorded).toBe(2);
    expect(world.revocations).toEqual(['A refresh-1']);
  });

  it('are both gone after a logout in another process, once that is known', async () => {
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

  it('leave the spare one to be used when Polar refuses the recorded one', async () => {
    const { a, request, world } = await tie();
    await outcome(request);
    world.alsoLive.clear(); // the recorded pair is dead
    await pass(10 * 60_000);
    const tokens = await finished(a.forced());
    expect(world.accepts(tokens)).toBe(true);
    expect(world.recorded).toBeGreaterThanOrEqual(2);
    expect(world.accepts(await finished(world.process('B').valid()))).toBe(true);
  });

  it('leave the spare one to be refreshed when both have expired', async () => {
    const { a, request, world } = await tie();
    await outcome(request);
    world.alsoLive.clear();
    await pass(hourMs);
    const tokens = await finished(a.valid());
    expect(world.accepts(tokens)).toBe(true);
    expect(world.accepts(await finished(world.process('B').valid()))).toBe(true);
    expect(world.revocations).toEqual([]);
  });

  it('leave the spare one to be revoked at a shutdown', async () => {
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
