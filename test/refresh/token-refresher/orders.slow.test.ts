/** Refreshes and logouts in every order of their steps, or in many of them. */
import { describe, expect, it } from '@jest/globals';
import { finished } from '../../support/virtual-time.js';
import { everyOrder, type Scenario, someOrders } from '../support/explore.js';
import { transient } from '../support/polar-errors.js';
import { outcome, type RefresherProcess } from '../support/refresher-process.js';
import { expectEnded, expiredWorld, inVirtualTime } from '../support/refresher-setup.js';
import { hourMs, pass } from '../support/refresher-world.js';
import { type StorageKind, storageKinds } from '../support/world-rows.js';

inVirtualTime();

describe('every order of a refresh and a logout', () => {
  interface Setup {
    readonly kind: StorageKind;
    readonly refresher: string;
    readonly ender: string;
    /** Hours of refreshes that the process that logs out has not seen. */
    readonly age?: number;
    /** The point that the refresher has already reached. */
    readonly from?: string;
  }
  async function scenario({ kind, refresher, ender, age = 0, from }: Setup): Promise<Scenario> {
    const world = await expiredWorld(kind);
    const processes = new Map([...new Set([refresher, ender])].map((name) => [name, world.process(name)]));
    const one = (processes.get(refresher) as RefresherProcess).acquainted();
    const other = (processes.get(ender) as RefresherProcess).acquainted();
    for (let n = 0; n < age; n++) {
      await outcome(one.valid());
      await pass(hourMs);
    }
    let refresh: Promise<unknown> | undefined;
    const start = (): Promise<unknown> => {
      refresh = one.valid('refresh');
      return refresh;
    };
    const held = from === undefined ? undefined : await world.runTo(start, `${refresher} ${from}`);
    return {
      world,
      start: () => {
        const refreshing = refresh ?? start();
        held?.release();
        return [refreshing, other.end('logout')];
      },
      check: () => expectEnded(world, [...processes.values(), world.process('C')]),
    };
  }

  it.each<[string, number, Setup]>([
    ['in two processes', 20, { kind: 'batch', refresher: 'A', ender: 'B' }],
    [
      'in two processes, one of which has old tokens',
      20,
      { kind: 'batch', refresher: 'A', ender: 'B', age: 2 },
    ],
    [
      'in one process, after the refresher has taken the lock',
      3,
      { kind: 'batch', refresher: 'A', ender: 'A', from: 'refresh' },
    ],
    [
      'in a storage without batches, after the refresher has taken the lock',
      20,
      { kind: 'atomic', refresher: 'A', ender: 'B', from: 'refresh' },
    ],
    [
      'over a session store, after Polar has issued new tokens',
      20,
      { kind: 'session store', refresher: 'A', ender: 'B', from: 'response' },
    ],
  ])('leaves no token that works %s', async (_where, atLeast, setup) => {
    const orders = await everyOrder(() => scenario(setup), { inOrderPerActor: true });
    expect(orders).toBeGreaterThanOrEqual(atLeast);
  });

  it('leaves no token that works when two processes log out at once', async () => {
    await everyOrder(async () => {
      const world = await expiredWorld();
      const [a, b] = world.twoProcesses();
      return {
        world,
        start: () => [a.end(), b.end()],
        check: () => expectEnded(world, [a, b]),
      };
    });
  });
});

describe.each(storageKinds)('many orders of three processes (%s)', (kind) => {
  const orders = 100;

  it('leave no token that works if one of the three logs out', async () => {
    await someOrders(async (random) => {
      const world = await expiredWorld(kind);
      if (random(2) === 0) world.refusal = () => transient('server_error');
      const [a, b, c] = ['A', 'B', 'C'].map((name) => world.process(name)) as [
        RefresherProcess,
        RefresherProcess,
        RefresherProcess,
      ];
      return {
        world,
        start: () => [a.valid(), b.valid(), c.end()],
        check: () => expectEnded(world, [a, b, c]),
      };
    }, orders);
  });

  it('give all three the same tokens from one exchange', async () => {
    await someOrders(async (random) => {
      const world = await expiredWorld(kind);
      if (random(2) === 0) world.refusal = () => transient('server_error');
      const all = ['A', 'B', 'C'].map((name) => world.process(name));
      let requests: ReturnType<RefresherProcess['valid']>[] = [];
      return {
        world,
        start: () => {
          requests = all.map((each) => each.valid());
          return requests;
        },
        check: async () => {
          expect(await Promise.all(requests.map(outcome))).toEqual(['access-1', 'access-1', 'access-1']);
          expect(world.exchanges).toHaveLength(1);
          await pass(hourMs);
          for (const each of all) expect(world.accepts(await finished(each.valid()))).toBe(true);
        },
      };
    }, orders);
  });
});
