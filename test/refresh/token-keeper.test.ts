/**
 * The keeper of tokens in several processes over one store of records, with every order of events under control. Time is
 * virtual, so nothing here waits.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PolarOAuthError, PolarResponseError } from '../../src/errors.js';
import { inProcessLock, type RefreshLock } from '../../src/refresh/refresh-lock.js';
import type { TokenRecordStore } from '../../src/tokens/token-record-store.js';
import { everyOrder, type Scenario, someOrders } from './keeper/explore.js';
import {
  errorOf,
  finished,
  hourMs,
  type KeeperProcess,
  KeeperWorld,
  outcome,
  pass,
  settle,
  transient,
} from './keeper/keeper-world.js';
import { elapsedMs, installVirtualTime, uninstallVirtualTime } from './keeper/virtual-time.js';

const reports: { event: string; loginId?: string; error?: unknown }[] = [];
const report = (message: unknown): void => void reports.push(message as never);
const reported = (event: string) => reports.filter((each) => each.event === event);

beforeEach(() => {
  installVirtualTime();
  reports.length = 0;
  subscribe('passport-polar-sh:refresh', report);
});
afterEach(() => {
  unsubscribe('passport-polar-sh:refresh', report);
  uninstallVirtualTime();
});

const kinds = ['compare-and-set', 'session store'] as const;
type Kind = (typeof kinds)[number];

/** A world in which the tokens of the login have expired. */
async function expired(kind: Kind = 'compare-and-set'): Promise<KeeperWorld> {
  const world = new KeeperWorld(kind);
  await pass(hourMs);
  return world;
}

/** A process that knows the login, so that it has no first look to take. */
function acquainted(process: KeeperProcess): KeeperProcess {
  process.keeper.begin(process.login);
  return process;
}

/** A store that is down, or does not answer, until told otherwise. */
function unreliable(records: TokenRecordStore) {
  const state = { isDown: false, hangs: false, failingWrites: 0, writes: 0, reads: 0 };
  const check = async (): Promise<void> => {
    if (state.hangs) await new Promise(() => {});
    if (state.isDown) throw new Error('the store is down');
  };
  const faulty: TokenRecordStore = {
    async get(row) {
      state.reads++;
      await check();
      return records.get(row);
    },
    async put(row, record, options) {
      state.writes++;
      await check();
      if (state.failingWrites > 0) {
        state.failingWrites--;
        throw new Error('disk full');
      }
      return records.put(row, record, options);
    },
  };
  return { records: faulty, state };
}

/** After a logout: nobody gets tokens that work, from whatever process, and Polar has none that live. */
async function expectEnded(world: KeeperWorld, processes: readonly KeeperProcess[]): Promise<void> {
  await pass(60_000);
  expect(world.live).toBeUndefined();
  const exchanges = world.exchanges.length;
  for (const process of processes) {
    const tokens = await finished(process.valid()).catch(() => undefined);
    expect(world.accepts(tokens)).toBe(false);
    await pass(hourMs);
    expect(await outcome(process.valid())).toBe('logged_out');
    expect(await finished(process.keeper.isAlive(process.login))).toBe(false);
  }
  expect(world.exchanges).toHaveLength(exchanges);
}

describe('tokens that stay valid', () => {
  const minute = 60_000;

  it('are looked after once a minute of use, without anybody waiting', async () => {
    const world = new KeeperWorld();
    const a = acquainted(world.process('A'));
    await pass(minute - 1);
    await outcome(a.valid());
    expect(world.log).toEqual([]);
    await pass(1);
    const held = world.hold(/^A get/);
    expect(await outcome(a.valid())).toBe('access-0');
    expect(await outcome(a.valid())).toBe('access-0');
    held.release();
    await settle();
    expect(world.log).toEqual(['A get end', 'A get record']);
    await outcome(a.valid());
    await settle();
    expect(world.log).toHaveLength(2);
  });

  it.each(kinds)('are given up within a minute of a logout in another process (%s)', async (kind) => {
    const world = new KeeperWorld(kind);
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    await finished(b.end());
    expect(await outcome(a.valid())).toBe('access-0');
    await pass(minute);
    await outcome(a.valid());
    await settle();
    expect(await outcome(a.valid())).toBe('logged_out');
  });

  it.each(kinds)('are replaced within a minute of a forced refresh in another process (%s)', async (kind) => {
    const world = new KeeperWorld(kind);
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    expect(await outcome(b.forced())).toBe('access-1');
    await pass(minute);
    await outcome(a.valid());
    await settle();
    expect(await outcome(a.valid())).toBe('access-1');
    expect(world.exchanges).toEqual(['B refresh']);
  });

  it('are not looked after in a store that this process has to itself, nor lost with a store that is down', async () => {
    const world = new KeeperWorld();
    const { records, state } = unreliable(world.recordsFor('A'));
    const own = acquainted(world.process('A', { records: { ...records, shared: false } }));
    await pass(minute);
    await outcome(own.valid());
    await settle();
    expect(state.reads).toBe(0);
    const down = acquainted(world.process('A', { records }));
    state.isDown = true;
    await pass(minute);
    expect(await outcome(down.valid())).toBe('access-0');
    await settle();
    expect(await outcome(down.valid())).toBe('access-0');
    expect(reported('record-unreadable')).toHaveLength(1);
  });
});

describe('one process', () => {
  it('hands out a valid token without asking anybody, but for a first look at the record', async () => {
    const world = new KeeperWorld();
    const a = world.process('A');
    expect(await outcome(a.valid())).toBe('access-0');
    expect(world.log).toEqual(['A get end', 'A get record']);
    expect(await outcome(a.valid())).toBe('access-0');
    expect(world.log).toHaveLength(2);
  });

  it('takes one first look for all who ask at once', async () => {
    const world = new KeeperWorld();
    const a = world.process('A');
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => outcome(a.valid())));
    expect(new Set(outcomes)).toEqual(new Set(['access-0']));
    expect(world.log).toEqual(['A get end', 'A get record']);
  });

  it('takes no look at a login that has just happened here', async () => {
    const world = new KeeperWorld();
    expect(await outcome(acquainted(world.process('A')).valid())).toBe('access-0');
    expect(world.log).toEqual([]);
  });

  it('refreshes once for all who ask at once, and takes the lock once', async () => {
    const world = await expired();
    const keys: string[] = [];
    const lock: RefreshLock = {
      acquire: async (key) => {
        keys.push(key);
        return () => {};
      },
    };
    const a = acquainted(world.process('A', { lock }));
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => outcome(a.valid())));
    expect(new Set(outcomes)).toEqual(new Set(['access-1']));
    expect(world.log).toEqual([
      'A get end',
      'A get record',
      'A refresh',
      'A answer',
      'A set record',
      'A get end',
      'A get record',
    ]);
    expect(keys).toEqual(['login']);
  });

  it('refreshes again an hour later, with what it got', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    for (const n of [1, 2, 3]) {
      expect(await outcome(a.valid())).toBe(`access-${n}`);
      expect(world.rows.get('login')?.generation).toBe(n);
      await pass(hourMs);
    }
  });

  it('joins a forced refresh to one under way, and those who ask for any token too', async () => {
    const world = new KeeperWorld();
    const a = acquainted(world.process('A'));
    const hold = world.hold('A answer');
    const first = a.forced();
    await hold.reached();
    const joined = [a.forced(), a.valid()];
    await settle();
    hold.release();
    expect(await Promise.all([first, ...joined].map(outcome))).toEqual(['access-1', 'access-1', 'access-1']);
    expect(world.exchanges).toHaveLength(1);
  });

  it('refreshes by force each time, when one was finished before', async () => {
    const world = new KeeperWorld();
    const a = acquainted(world.process('A'));
    expect(await outcome(a.forced())).toBe('access-1');
    await pass(3000);
    expect(await outcome(a.forced())).toBe('access-2');
  });

  it('keeps to the leeway, except for tokens that it got a moment ago', async () => {
    const world = new KeeperWorld();
    const a = acquainted(world.process('A', { leewayMs: 2 * hourMs }));
    expect(await outcome(a.valid())).toBe('access-1'); // those of a login are not spared
    await pass(4999);
    expect(await outcome(a.valid())).toBe('access-1');
    await pass(1);
    expect(await outcome(a.valid())).toBe('access-2');
  });

  it('hands out what the leeway alone calls expired while Polar cannot be asked', async () => {
    const world = new KeeperWorld();
    const a = acquainted(world.process('A', { leewayMs: 2 * hourMs }));
    world.mishaps.push({ before: transient('server_error') }, { before: transient('server_error') });
    expect(await outcome(a.valid())).toBe('access-0');
    await pass(hourMs);
    expect(await outcome(a.valid())).toBe('server_error');
  });

  it('does not hand out what Polar has refused, leeway or not', async () => {
    const world = new KeeperWorld();
    await pass(3000);
    const a = acquainted(world.process('A', { leewayMs: 2 * hourMs }));
    world.live = undefined;
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(world.exchanges).toHaveLength(1);
  });

  it('does not hand out what Polar has refused, though it has not expired', async () => {
    const world = new KeeperWorld();
    await pass(3000);
    const a = acquainted(world.process('A'));
    world.live = undefined;
    expect(await outcome(a.forced())).toBe('login_expired');
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(world.exchanges).toHaveLength(1);
  });

  it('knows when a login is alive', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    const isAlive = () => finished(a.keeper.isAlive(a.login));
    expect(await isAlive()).toBe(true); // expired, but it can be refreshed
    world.live = undefined;
    await outcome(a.valid());
    expect(await isAlive()).toBe(false);
  });

  it('cannot refresh without a refresh token', async () => {
    const world = new KeeperWorld();
    const a = world.process('A');
    const { refreshToken: _none, ...tokens } = a.login.tokens;
    const login = { ...a.login, tokens };
    expect(await finished(a.keeper.isAlive(login))).toBe(true);
    await pass(hourMs);
    expect(await finished(a.keeper.isAlive(login))).toBe(false);
    expect((await errorOf(a.keeper.validTokens(login))).code).toBe('login_expired');
    expect(world.exchanges).toEqual([]);
  });
});

describe.each(kinds)('a logout in another process (%s)', (kind) => {
  async function twoProcesses() {
    const world = await expired(kind);
    return { world, a: acquainted(world.process('A')), b: world.process('B') };
  }

  it.each<[string, string[], string, string[], number]>([
    ['before the refresher has read', ['A get end'], 'logged_out', ['B refresh-0'], 0],
    ['after it has read, before Polar has its request', ['A refresh'], 'logged_out', ['B refresh-0'], 1],
    ['after Polar has answered', ['A answer'], 'logged_out', ['B refresh-0', 'A refresh-1'], 1],
    ['before the record is written', ['A set record'], 'logged_out', ['B refresh-0', 'A refresh-1'], 1],
    [
      'after the record was written, before the end mark is looked for',
      ['A set record', 'A get end'],
      'logged_out',
      ['B refresh-1', 'A refresh-1'],
      1,
    ],
  ])('%s', async (_when, points, became, revocations, exchanges) => {
    const { world, a, b } = await twoProcesses();
    let refresh: ReturnType<typeof a.valid> | undefined;
    const hold = await world.runTo(
      () => {
        refresh = a.valid();
      },
      ...points,
    );
    await finished(b.end());
    hold.release();
    expect(await outcome(refresh as never)).toBe(became);
    expect(world.revocations).toEqual(revocations);
    expect(world.exchanges).toHaveLength(exchanges);
    await expectEnded(world, [a, b, world.process('C')]);
  });

  it('after the end mark was looked for: the logout revokes what the refresher got', async () => {
    const { world, a, b } = await twoProcesses();
    expect(await outcome(a.valid())).toBe('access-1');
    await finished(b.end());
    expect(world.revocations).toEqual(['B refresh-1']);
    await expectEnded(world, [a, b, world.process('C')]);
  });

  it.each<[string, string, string, string[]]>([
    ['before the end mark is written', 'B set end', 'access-1', ['B refresh-1']],
    ['before it has read the record', 'B get record', 'logged_out', ['B refresh-0']],
    ['before it revokes', 'B revoke', 'logged_out', ['B refresh-0']],
  ])('is caught up with by a whole refresh %s', async (_when, point, became, revocations) => {
    const { world, a, b } = await twoProcesses();
    let logout: Promise<void> | undefined;
    const hold = await world.runTo(() => {
      logout = b.end();
    }, point);
    expect(await outcome(a.valid())).toBe(became);
    hold.release();
    await finished(logout as never);
    expect(world.revocations).toEqual(revocations);
    await expectEnded(world, [a, b, world.process('C')]);
  });

  it.each<[string, string, string[]]>([
    ['before it has read the record', 'B get record', ['A refresh-1', 'B refresh-1']],
    ['before it revokes', 'B revoke', ['A refresh-1', 'B refresh-0']],
  ])('is outlasted by a refresh that Polar already has, %s', async (_when, point, revocations) => {
    const { world, a, b } = await twoProcesses();
    let refresh: ReturnType<typeof a.valid> | undefined;
    let logout: Promise<void> | undefined;
    const inFlight = await world.runTo(() => {
      refresh = a.valid();
    }, 'A answer');
    const hold = await world.runTo(() => {
      logout = b.end();
    }, point);
    inFlight.release();
    expect(await outcome(refresh as never)).toBe('logged_out');
    hold.release();
    await finished(logout as never);
    expect(world.revocations).toEqual(revocations);
    await expectEnded(world, [a, b, world.process('C')]);
  });

  it('revokes the newest tokens, though its process has seen only old ones', async () => {
    const { world, a, b } = await twoProcesses();
    acquainted(b);
    await outcome(a.valid());
    await pass(hourMs);
    expect(await outcome(a.valid())).toBe('access-2');
    await finished(b.end());
    expect(world.revocations).toEqual(['B refresh-2']);
    await expectEnded(world, [a, b]);
  });

  it('revokes what its process knows, when it is newer than what is recorded', async () => {
    const { world, b } = await twoProcesses();
    const { records, state } = unreliable(world.recordsFor('A'));
    const a = acquainted(world.process('A', { records }));
    state.failingWrites = 3;
    await outcome(a.valid());
    await finished(a.end());
    expect(world.revocations).toEqual(['A refresh-1']);
    await expectEnded(world, [a, b]);
  });

  it('revokes what its process knows, also when something older is recorded', async () => {
    const { world, b } = await twoProcesses();
    const { records, state } = unreliable(world.recordsFor('A'));
    const a = acquainted(world.process('A', { records }));
    await outcome(a.valid());
    await pass(hourMs);
    state.failingWrites = 3;
    await outcome(a.valid());
    await finished(a.end());
    expect(world.revocations).toEqual(['A refresh-2']);
    await expectEnded(world, [a, b]);
  });

  it('waits for the lock, so that a refresh under way is not wasted, but not for long', async () => {
    const world = await expired(kind);
    const lock = inProcessLock();
    const a = acquainted(world.process('A', { lock }));
    const b = world.process('B', { lock });
    const hold = world.hold('A answer');
    const refresh = a.valid();
    await hold.reached();
    const logout = b.end();
    await pass(1000);
    expect(world.log).not.toContain('B set end');
    await pass(1000);
    await finished(logout);
    expect(world.log).toContain('B set end');
    hold.release();
    expect(await outcome(refresh)).toBe('logged_out');
    await expectEnded(world, [a, b]);
  });

  it('lets go of the lock before it revokes, which may take long', async () => {
    const world = await expired(kind);
    const lock = inProcessLock();
    const b = world.process('B', { lock });
    const hold = world.hold('B revoke');
    const logout = b.end();
    await hold.reached();
    let isFree = false;
    void lock.acquire('login', { waitMs: 10_000 }).then(() => {
      isFree = true;
    });
    await settle();
    expect(isFree).toBe(true);
    hold.release();
    await finished(logout);
  });
});

describe('every order of a refresh and a logout', () => {
  interface Setup {
    readonly kind: Kind;
    readonly refresher: string;
    readonly ender: string;
    /** Hours of refreshes that the process of the logout has not seen. */
    readonly age?: number;
    /** The refresher has read the record already. */
    readonly hasRead?: boolean;
  }
  async function scenario({ kind, refresher, ender, age = 0, hasRead = false }: Setup): Promise<Scenario> {
    const world = await expired(kind);
    const processes = new Map([...new Set([refresher, ender])].map((name) => [name, world.process(name)]));
    const one = acquainted(processes.get(refresher) as KeeperProcess);
    const other = acquainted(processes.get(ender) as KeeperProcess);
    for (let n = 0; n < age; n++) {
      await outcome(one.valid());
      await pass(hourMs);
    }
    let refresh: Promise<unknown> | undefined;
    const start = (): Promise<unknown> => {
      refresh = one.valid('refresh');
      return refresh;
    };
    const held = hasRead ? await world.runTo(start, `${refresher} refresh`) : undefined;
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

  it.each<[string, Setup]>([
    ['in two processes', { kind: 'compare-and-set', refresher: 'A', ender: 'B' }],
    [
      'in two processes, of which one knows old tokens',
      { kind: 'compare-and-set', refresher: 'A', ender: 'B', age: 2 },
    ],
    ['in one process', { kind: 'compare-and-set', refresher: 'A', ender: 'A' }],
  ])('%s', async (_where, setup) => {
    expect(await everyOrder(() => scenario(setup))).toBeGreaterThanOrEqual(20);
  });

  it('over a session store, once the refresher has read', async () => {
    const setup: Setup = { kind: 'session store', refresher: 'A', ender: 'B', hasRead: true };
    const orders = await everyOrder(() => scenario(setup), { inOrderPerActor: true });
    expect(orders).toBeGreaterThan(100);
  });

  it('of two logouts as well, of which one finds the other one done', async () => {
    await everyOrder(async () => {
      const world = await expired();
      const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
      return {
        world,
        start: () => [a.end(), b.end()],
        check: () => expectEnded(world, [a, b]),
      };
    });
  });
});

describe('some orders of three processes without a lock', () => {
  it.each(kinds)('with a logout (%s)', async (kind) => {
    await someOrders(async (random) => {
      const world = await expired(kind);
      if (random(2) === 0) world.refusal = () => transient('server_error');
      const [a, b, c] = ['A', 'B', 'C'].map((name) => world.process(name)) as [
        KeeperProcess,
        KeeperProcess,
        KeeperProcess,
      ];
      return {
        world,
        start: () => [a.valid(), b.valid(), c.end()],
        check: () => expectEnded(world, [a, b, c]),
      };
    }, 400);
  });

  it.each(kinds)('without one: all get the same tokens, from one exchange that worked (%s)', async (kind) => {
    await someOrders(async (random) => {
      const world = await expired(kind);
      if (random(2) === 0) world.refusal = () => transient('server_error');
      const all = ['A', 'B', 'C'].map((name) => world.process(name));
      let requests: ReturnType<KeeperProcess['valid']>[] = [];
      return {
        world,
        start: () => {
          requests = all.map((each) => each.valid());
          return requests;
        },
        check: async () => {
          expect(await Promise.all(requests.map(outcome))).toEqual(['access-1', 'access-1', 'access-1']);
          expect(world.exchanges.length).toBeLessThanOrEqual(3);
          await pass(hourMs);
          for (const each of all) expect(world.accepts(await finished(each.valid()))).toBe(true);
        },
      };
    }, 400);
  });
});

describe.each(kinds)('a second process without a lock (%s)', (kind) => {
  it('whose process knows old tokens takes what the first one recorded', async () => {
    const world = await expired(kind);
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    await outcome(a.valid());
    await pass(hourMs);
    await outcome(a.valid());
    expect(await outcome(b.valid())).toBe('access-2');
    expect(world.exchanges).toEqual(['A refresh', 'A refresh']);
    await pass(hourMs);
    expect(await outcome(b.valid())).toBe('access-3');
    expect(await outcome(a.valid())).toBe('access-3');
  });

  it('takes the record at its first look, though the tokens of the entry have not expired', async () => {
    const world = new KeeperWorld(kind);
    await outcome(acquainted(world.process('A')).forced());
    expect(await outcome(world.process('B').valid())).toBe('access-1');
    expect(world.exchanges).toHaveLength(1);
  });

  it('forced to refresh takes newer tokens of others instead', async () => {
    const world = new KeeperWorld(kind);
    const b = acquainted(world.process('B'));
    await outcome(acquainted(world.process('A')).forced());
    expect(await outcome(b.forced())).toBe('access-1');
    expect(world.exchanges).toHaveLength(1);
  });

  it.each([
    ['invalid_grant', 11_000],
    ['a 500', 1_000],
  ] as const)('that loses with %s waits for what the winner records', async (answer, patienceMs) => {
    const world = await expired(kind);
    if (answer === 'a 500') world.refusal = () => transient('server_error');
    const a = acquainted(world.process('A'));
    const b = acquainted(world.process('B', { lock: { acquire: async () => () => {}, leaseMs: 2000 } }));
    const hold = world.hold('A set record');
    const [won, lost] = [a.valid(), b.valid()];
    await hold.reached();
    await pass(patienceMs);
    expect(world.exchanges).toHaveLength(2);
    hold.release();
    expect(await Promise.all([won, lost].map(outcome))).toEqual(['access-1', 'access-1']);
    expect(world.exchanges).toHaveLength(2);
    expect(reported('failed')).toHaveLength(1);
  });

  it('by force, and loses with a 500, gets what the winner recorded', async () => {
    const world = new KeeperWorld(kind);
    world.refusal = () => transient('server_error');
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    const inFlight = world.hold('B refresh');
    const lost = b.forced();
    await inFlight.reached();
    expect(await outcome(a.forced())).toBe('access-1');
    inFlight.release();
    expect(await outcome(lost)).toBe('access-1');
  });

  it('and loses with a 500 takes nothing that has expired by then', async () => {
    const world = await expired(kind);
    world.refusal = () => transient('server_error');
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    const inFlight = world.hold('B refresh');
    const lost = b.valid();
    await inFlight.reached();
    await outcome(a.valid());
    await pass(hourMs);
    inFlight.release();
    expect(await outcome(lost)).toBe('server_error');
    await pass(1000);
    expect(await outcome(b.valid())).toBe('access-2');
  });

  it('refreshes on, when what the winner recorded has expired by then', async () => {
    const world = await expired(kind);
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    const inFlight = world.hold('B refresh');
    const late = b.valid();
    await inFlight.reached();
    await outcome(a.valid());
    await pass(hourMs);
    inFlight.release();
    expect(await outcome(late)).toBe('access-2');
    expect(await outcome(a.valid())).toBe('access-2');
  });

  it('says that the login has expired, once the winner could have recorded and has not', async () => {
    const world = await expired(kind);
    const [a, b] = [
      acquainted(world.process('A')),
      acquainted(world.process('B', { lock: { acquire: async () => () => {}, leaseMs: 5000 } })),
    ];
    const dies = world.hold('A set record'); // and never comes back
    void a.valid();
    await dies.reached();
    const startedAt = elapsedMs();
    const error = await errorOf(b.valid());
    expect(error.code).toBe('login_expired');
    expect(error.cause).toMatchObject({ code: 'invalid_grant' });
    // At least timeoutMs, the lease and the time-out of the store, and not for ever.
    expect(elapsedMs() - startedAt).toBeGreaterThanOrEqual(18_000);
    expect(elapsedMs() - startedAt).toBeLessThan(20_000);
    expect(world.count('B get end')).toBeLessThan(60); // it looks twice a second
    expect(await finished(b.keeper.isAlive(b.login))).toBe(false);
    // It is known now; the next one does not wait.
    const again = elapsedMs();
    expect((await errorOf(b.valid())).code).toBe('login_expired');
    expect(elapsedMs()).toBe(again);
    expect(world.exchanges).toHaveLength(2);
  });

  it('loses nothing when the winner dies after it has recorded', async () => {
    const world = await expired(kind);
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    const dies = await world.runTo(() => void a.valid(), 'A set record', 'A get end');
    void dies;
    await settle();
    expect(await outcome(b.valid())).toBe('access-1');
    expect(await outcome(world.process('C').valid())).toBe('access-1');
  });

  it('may refresh again before the first one is done, which then hands out the newest', async () => {
    const world = await expired(kind);
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    let slow: ReturnType<typeof a.valid> | undefined;
    const written = await world.runTo(() => {
      slow = a.valid();
    }, 'A set record');
    const hold = world.hold(/^A get/);
    written.release();
    await hold.reached();
    expect(await outcome(b.valid())).toBe('access-1');
    expect(await outcome(b.forced())).toBe('access-2');
    hold.release();
    expect(await outcome(slow as never)).toBe('access-2');
    expect(a.peeked).toBe('access-2');
  });

  it('finds a login that it gave up alive again, once a newer record turns up', async () => {
    const world = await expired(kind);
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    const hold = world.hold('A set record');
    const won = a.valid();
    await hold.reached();
    expect(await outcome(b.valid())).toBe('login_expired');
    expect(await finished(b.keeper.isAlive(b.login))).toBe(false);
    hold.release();
    await outcome(won);
    expect(await finished(b.keeper.isAlive(b.login))).toBe(true);
    expect(await outcome(b.valid())).toBe('access-1');
    expect(world.exchanges).toHaveLength(2);
  });

  it('finds a login that it gave up ended, once that is recorded', async () => {
    const world = await expired(kind);
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    world.live = undefined;
    expect(await outcome(b.valid())).toBe('login_expired');
    await finished(a.end());
    expect(await outcome(b.valid())).toBe('logged_out');
  });

  it('fails as Polar did where that asked it to wait, and at once', async () => {
    const world = await expired(kind);
    const b = acquainted(world.process('B'));
    world.mishaps.push({ before: transient('rate_limited', 30) });
    const startedAt = elapsedMs();
    expect(await errorOf(b.valid())).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 30 });
    expect(elapsedMs()).toBe(startedAt);
  });
});

describe('one look only, where no other process can write,', () => {
  it('is what a refusal costs', async () => {
    const world = await expired();
    const a = acquainted(world.process('A', { records: { ...world.recordsFor('A'), shared: false } }));
    world.live = undefined;
    const startedAt = elapsedMs();
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(elapsedMs()).toBe(startedAt);
  });
});

describe('with a lock', () => {
  it('the second process sends nothing', async () => {
    const world = await expired();
    const lock = inProcessLock();
    const [a, b] = [acquainted(world.process('A', { lock })), acquainted(world.process('B', { lock }))];
    expect(await Promise.all([a.valid(), b.valid()].map(outcome))).toEqual(['access-1', 'access-1']);
    expect(world.exchanges).toHaveLength(1);
  });

  it('it is released also after a failure', async () => {
    const world = await expired();
    const lock = inProcessLock();
    const a = acquainted(world.process('A', { lock }));
    world.mishaps.push({ before: transient('server_error') });
    expect(await outcome(a.valid())).toBe('server_error');
    expect(await outcome(acquainted(world.process('B', { lock })).valid())).toBe('access-1');
    expect(reported('lock-unavailable')).toEqual([]);
  });

  it('nobody queues for it while Polar asks to be left alone, and what others recorded is taken', async () => {
    const world = await expired();
    const keys: string[] = [];
    const lock: RefreshLock = {
      acquire: async (key) => {
        keys.push(key);
        return () => {};
      },
    };
    const [a, b] = [acquainted(world.process('A', { lock })), acquainted(world.process('B'))];
    world.mishaps.push({ before: transient('rate_limited', 60) });
    expect(await outcome(a.valid())).toBe('rate_limited');
    expect(await outcome(a.valid())).toBe('rate_limited');
    expect(keys).toHaveLength(1);
    expect(world.exchanges).toHaveLength(1);
    await outcome(b.valid());
    expect(await outcome(a.valid())).toBe('access-1');
    expect(keys).toHaveLength(1);
  });

  it('it is released before what came is handed out, and nobody waits for that', async () => {
    const world = await expired();
    const released: string[] = [];
    const lock: RefreshLock = {
      acquire: async (key) => () => {
        released.push(key);
        return new Promise<void>(() => {});
      },
    };
    const startedAt = elapsedMs();
    expect(await outcome(acquainted(world.process('A', { lock })).valid())).toBe('access-1');
    expect(released).toEqual(['login']);
    expect(elapsedMs()).toBe(startedAt);
    await pass(10_000);
    expect(reported('lock-unavailable')).toHaveLength(1);
  });

  it.each<[string, RefreshLock['acquire'], number]>([
    ['hangs', () => new Promise(() => {}), 30_000],
    ['rejects', () => Promise.reject(new Error('Redis is down')), 0],
    [
      'throws',
      () => {
        throw new Error('Redis is down');
      },
      0,
    ],
  ])('that %s, refreshes and logouts go on without it, and say so', async (_how, acquire, waitsMs) => {
    const world = await expired();
    const a = acquainted(world.process('A', { lock: { acquire } }));
    const startedAt = elapsedMs();
    expect(await outcome(a.valid())).toBe('access-1');
    expect(elapsedMs() - startedAt).toBe(waitsMs);
    expect(reported('lock-unavailable')).toEqual([
      { event: 'lock-unavailable', loginId: 'login', error: expect.any(Error) },
    ]);
    expect(await outcome(a.valid())).toBe('access-1'); // which needs no lock
    expect(reports.filter(({ event }) => event === 'lock-unavailable')).toHaveLength(1);
    await finished(a.end());
    await expectEnded(world, [a]);
  });

  it('that comes after all, it is let go', async () => {
    const world = await expired();
    let come = (_release: () => void): void => {};
    let released = 0;
    const lock: RefreshLock = {
      acquire: () =>
        new Promise((resolve) => {
          come = resolve;
        }),
    };
    expect(await outcome(acquainted(world.process('A', { lock })).valid())).toBe('access-1');
    come(() => {
      released++;
    });
    await settle();
    expect(released).toBe(1);
  });

  it('it is waited for twice as long as Polar may take, for a refresh, and at most 2 s for a logout', async () => {
    const world = await expired();
    const waits: number[] = [];
    const lock: RefreshLock = {
      acquire: async (_key, { waitMs }) => {
        waits.push(waitMs);
        return () => {};
      },
    };
    const a = acquainted(world.process('A', { lock }));
    await outcome(a.valid());
    await finished(a.end());
    await finished(world.process('B', { lock, timeoutMs: 500 }).end());
    expect(waits).toEqual([20_000, 2000, 500]);
  });
});

describe('a record that cannot be written', () => {
  async function withStore() {
    const world = await expired();
    const { records, state } = unreliable(world.recordsFor('A'));
    return { world, state, a: acquainted(world.process('A', { records })), b: world.process('B') };
  }

  it.each([1, 2])('at first is written at once (%d times)', async (failingWrites) => {
    const { world, state, a, b } = await withStore();
    state.failingWrites = failingWrites;
    expect(await outcome(a.valid())).toBe('access-1');
    expect(world.rows.get('login')?.generation).toBe(1);
    expect(reported('record-not-written')).toHaveLength(failingWrites);
    expect(await outcome(b.valid())).toBe('access-1');
  });

  it('three times is written a moment later, and the tokens are good here meanwhile', async () => {
    const { world, state, a, b } = await withStore();
    state.failingWrites = 3;
    expect(await outcome(a.valid())).toBe('access-1');
    expect(world.rows.get('login')).toBeUndefined();
    expect(await outcome(a.valid())).toBe('access-1');
    await pass(250);
    expect(world.rows.get('login')?.generation).toBe(1);
    expect(state.writes).toBe(4);
    expect(await outcome(b.valid())).toBe('access-1');
    await pass(hourMs);
    expect(state.writes).toBe(4);
  });

  it('for a while is written once the store is back, asked ever less often', async () => {
    const { world, state, a, b } = await withStore();
    state.failingWrites = Number.POSITIVE_INFINITY;
    await outcome(a.valid());
    await pass(10 * 60_000);
    expect(state.writes).toBeGreaterThan(20);
    expect(state.writes).toBeLessThan(40);
    expect(reports.filter(({ event }) => event === 'record-not-written')).toHaveLength(state.writes);
    state.failingWrites = 0;
    await pass(30_000);
    expect(world.rows.get('login')?.generation).toBe(1);
    expect(await outcome(b.valid())).toBe('access-1');
    expect(world.revocations).toEqual([]);
  });

  it('is given up once a newer one is there', async () => {
    const { world, state, a } = await withStore();
    state.failingWrites = 3;
    await outcome(a.valid());
    state.failingWrites = Number.POSITIVE_INFINITY;
    await pass(hourMs);
    state.failingWrites = 0;
    await outcome(a.forced());
    const { writes } = state;
    await pass(hourMs);
    expect(state.writes).toBe(writes);
    expect(world.rows.get('login')?.generation).toBe(2);
  });

  it('until another process has ended the login: what it holds is revoked then', async () => {
    const { world, state, a, b } = await withStore();
    state.failingWrites = 5;
    await outcome(a.valid());
    await finished(b.end());
    expect(world.live).toBe('refresh-1'); // which nobody else could know
    await pass(60_000);
    expect(world.revocations).toEqual(['B refresh-0', 'A refresh-1']);
    await expectEnded(world, [a, b]);
  });

  it('of the end of a login is written late, too, and what was refreshed meanwhile revoked', async () => {
    const { world, state, a, b } = await withStore();
    state.failingWrites = 5;
    await finished(a.end());
    expect(world.revocations).toEqual(['A refresh-0']);
    world.live = 'refresh-0'; // as if Polar had failed to revoke it
    expect(await outcome(b.valid())).toBe('access-1');
    await pass(60_000);
    expect(world.revocations).toEqual(['A refresh-0', 'A refresh-1']);
    await expectEnded(world, [a, b]);
  });
});

it('the end of a login is recorded in the end, whatever a refresh under way brings meanwhile', async () => {
  const world = await expired();
  const { records, state } = unreliable(world.recordsFor('A'));
  const a = acquainted(world.process('A', { records }));
  const hold = world.hold('A answer');
  const refresh = a.valid();
  await hold.reached();
  state.isDown = true;
  await finished(a.end());
  hold.release();
  expect(await outcome(refresh)).toBe('logged_out');
  expect(world.revocations).toEqual(['A refresh-0', 'A refresh-1']);
  state.isDown = false;
  await pass(60_000);
  expect([...world.rows.keys()]).toContain('login.ended');
  await expectEnded(world, [a]);
  expect(await outcome(world.process('B').valid())).toBe('logged_out');
});

describe('a store that does not answer', () => {
  it('costs a request a moment, and not its login', async () => {
    const world = await expired();
    const { records, state } = unreliable(world.recordsFor('A'));
    state.hangs = true;
    const a = acquainted(world.process('A', { records }));
    const startedAt = elapsedMs();
    expect(await outcome(a.valid())).toBe('access-1');
    // 3 s for each look and each write.
    expect(elapsedMs() - startedAt).toBeLessThanOrEqual(9000);
    expect(new Set(reports.map(({ event }) => event))).toEqual(
      new Set(['record-unreadable', 'record-not-written', 'refreshed']),
    );
    state.hangs = false;
    await pass(30_000);
    expect(await outcome(world.process('B').valid())).toBe('access-1');
  });

  it.each(['hangs', 'isDown'] as const)('leaves open whether a refused login is dead (%s)', async (how) => {
    const world = await expired();
    const { records, state } = unreliable(world.recordsFor('A'));
    const a = acquainted(world.process('A', { records }));
    state[how] = true;
    world.live = undefined;
    const error = await errorOf(a.valid());
    expect(error).toMatchObject({ code: 'server_error', cause: expect.any(Error) });
    expect(await finished(a.keeper.isAlive(a.login))).toBe(true);
    state[how] = false;
    expect(await outcome(a.valid())).toBe('login_expired');
  });

  it('does not keep a logout from revoking', async () => {
    const world = await expired();
    const { records, state } = unreliable(world.recordsFor('A'));
    state.hangs = true;
    const a = acquainted(world.process('A', { records }));
    await finished(a.end());
    expect(world.revocations).toEqual(['A refresh-0']);
    expect(await outcome(a.valid())).toBe('logged_out');
  });

  it('lets a process that cannot look go on with what the session says', async () => {
    const world = new KeeperWorld();
    const { records, state } = unreliable(world.recordsFor('A'));
    state.isDown = true;
    expect(await outcome(world.process('A', { records }).valid())).toBe('access-0');
    expect(reported('record-unreadable')).toHaveLength(1);
  });
});

describe('Polar commits after it has answered:', () => {
  it('a refresh token that it refuses within 2 s of its minting is tried once more', async () => {
    const world = new KeeperWorld();
    const a = acquainted(world.process('A'));
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

  it('and no more than once', async () => {
    const world = new KeeperWorld();
    const a = acquainted(world.process('A'));
    await outcome(a.forced());
    world.live = undefined;
    expect(await outcome(a.forced())).toBe('login_expired');
    expect(world.exchanges).toHaveLength(3);
  });

  it('but not later, and not after another error', async () => {
    const world = new KeeperWorld();
    const a = acquainted(world.process('A'));
    await outcome(a.forced());
    world.mishaps.push({ before: transient('server_error') });
    expect(await outcome(a.forced())).toBe('server_error');
    expect(world.exchanges).toHaveLength(2);
    await pass(2000);
    world.live = undefined;
    expect(await outcome(a.forced())).toBe('login_expired');
    expect(world.exchanges).toHaveLength(3);
  });

  it('the same in a process that has the tokens from the record', async () => {
    const world = await expired();
    await outcome(acquainted(world.process('A')).valid());
    const b = world.process('B');
    await finished(b.valid());
    world.live = undefined;
    const again = b.forced();
    await pass(1999);
    world.live = 'refresh-1';
    expect(await outcome(again)).toBe('access-2');
  });

  it('a logout says which tokens may not be committed yet', async () => {
    for (const [ageMs, young] of [
      [1999, ['refresh-1']],
      [2000, []],
    ] as const) {
      const world = await expired();
      const a = acquainted(world.process('A'));
      await outcome(a.valid());
      await pass(ageMs);
      await finished(world.process('B').end());
      expect(world.revokedYoung).toEqual(young);
    }
  });

  it('so does a refresh that finds the login ended', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    const hold = world.hold('A answer');
    const refresh = a.valid();
    await hold.reached();
    await finished(world.process('B').end());
    hold.release();
    await outcome(refresh);
    expect(world.revokedYoung).toEqual(['refresh-1']);
    expect(world.log.at(-1)).toBe('A revoke'); // and that is that
  });
});

describe('after a 401 of the API', () => {
  it('just-minted tokens are tried again as they are, after a pause', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    await outcome(a.valid());
    await pass(4499);
    const startedAt = elapsedMs();
    expect(await outcome(a.refused('access-1'))).toBe('access-1');
    expect(elapsedMs() - startedAt).toBe(500);
    expect(world.exchanges).toHaveLength(1);
  });

  it.each([
    ['of another process, as its record says', true],
    ['of the login, as the entry says', false],
  ])('so are those %s', async (_whose, isRecorded) => {
    const world = isRecorded ? await expired() : new KeeperWorld();
    if (isRecorded) await outcome(acquainted(world.process('A')).valid());
    const exchanges = world.exchanges.length;
    const b = world.process('B');
    const refused = (await finished(b.valid())).accessToken;
    expect(await outcome(b.refused(refused))).toBe(refused);
    expect(world.exchanges).toHaveLength(exchanges);
  });

  it('tokens of 5 s and older are refreshed', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    await outcome(a.valid());
    await pass(5000);
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
  });

  it('tokens that were refused twice are refreshed, however young', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    await outcome(a.valid());
    expect(await outcome(a.refused('access-1'))).toBe('access-1');
    a.keeper.noteSecondRefusal(a.login, 'access-1');
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
    // That says nothing of those that came then.
    expect(await outcome(a.refused('access-2'))).toBe('access-2');
  });

  it('newer tokens of others are taken, without a refresh', async () => {
    const world = await expired();
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    await outcome(a.valid());
    expect(await outcome(b.refused('access-0'))).toBe('access-1');
    expect(world.exchanges).toHaveLength(1);
    // And do not count against the one refresh a minute.
    await pass(6000);
    expect(await outcome(b.refused('access-1'))).toBe('access-2');
  });

  it('there is one refresh a minute, however often it refuses', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    await outcome(a.valid());
    await pass(6000);
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
    await pass(59_999);
    expect(await outcome(a.refused('access-2'))).toBe('nothing');
    await pass(1);
    expect(await outcome(a.refused('access-2'))).toBe('access-3');
  });

  it('a refresh that failed does not count', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    await outcome(a.valid());
    await pass(6000);
    world.mishaps.push({ before: transient('server_error') });
    expect(await outcome(a.refused('access-1'))).toBe('server_error');
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
  });

  it('many who were refused at once share a refresh', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    await outcome(a.valid());
    await pass(6000);
    const all = Array.from({ length: 20 }, () => a.refused('access-1'));
    expect(new Set(await Promise.all(all.map(outcome)))).toEqual(new Set(['access-2']));
    expect(world.exchanges).toHaveLength(2);
  });

  it('it may be that the login has ended elsewhere', async () => {
    const world = new KeeperWorld();
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    await finished(b.end());
    expect(await outcome(a.refused('access-0'))).toBe('logged_out');
    expect(world.exchanges).toHaveLength(0);
  });

  it('a refused token is not handed out again just because the store cannot be read', async () => {
    const world = await expired();
    const { records, state } = unreliable(world.recordsFor('A'));
    const a = acquainted(world.process('A', { records }));
    await outcome(a.valid());
    await pass(6000);
    state.isDown = true;
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
  });
});

describe('what this process knows', () => {
  it('never goes back, though a slow store answers with something older', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    await outcome(a.valid());
    await pass(hourMs - 10_000);
    // The look at the record that follows a 401 has read, and its answer is on its way.
    let answer = (): void => {};
    const slow: TokenRecordStore = {
      ...a.login.records,
      get: async (row) => {
        const found = world.rows.get(row);
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return found;
      },
    };
    const late = a.keeper.tokensAfterRefusal(
      {
        ...a.login,
        records: { ...slow, get: (row) => (row === 'login' ? slow.get(row) : a.login.records.get(row)) },
      },
      'access-1',
    );
    await settle();
    expect(await outcome(a.forced())).toBe('access-2');
    answer();
    expect(await outcome(late)).toBe('access-2');
    expect(a.peeked).toBe('access-2');
    expect(world.exchanges).toHaveLength(2);
  });

  it('goes on with what a later generation brings', async () => {
    const world = await expired();
    const [a, b] = [acquainted(world.process('A')), acquainted(world.process('B'))];
    await outcome(a.valid());
    await pass(6000);
    await outcome(a.forced());
    expect(a.peeked).toBe('access-2');
    expect(b.peeked).toBe('access-0');
    await outcome(b.valid());
    expect(b.peeked).toBe('access-2');
  });

  it('of an ended login stays so, though a record is written later', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    const hold = world.hold('A set record');
    const refresh = a.valid();
    await hold.reached();
    await finished(a.end());
    expect(a.peeked).toBeUndefined();
    hold.release();
    expect(await outcome(refresh)).toBe('logged_out');
    expect(a.peeked).toBeUndefined();
    expect(world.rows.get('login')?.generation).toBe(1);
    await expectEnded(world, [a, world.process('B')]);
  });

  it('of a rejected login stays so, though the record says the same generation', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    await outcome(a.valid());
    await pass(hourMs);
    world.live = undefined;
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(await outcome(a.valid())).toBe('login_expired');
    expect(world.exchanges).toHaveLength(2);
  });

  it('is told when tokens were refreshed, without any of them', async () => {
    const world = await expired();
    await outcome(acquainted(world.process('A')).valid());
    expect(reports).toEqual([{ event: 'refreshed', loginId: 'login', generation: 1 }]);
  });
});

describe('a clock that was set back', () => {
  it('makes no token look just minted for long', async () => {
    const world = await expired();
    const a = acquainted(world.process('A', { leewayMs: 2 * hourMs }));
    await outcome(a.valid());
    world.clockOffsetMs = -2 * hourMs;
    await pass(6000);
    // Not two hours of tokens that are never tried with a refresh.
    expect(await outcome(a.refused('access-1'))).toBe('access-2');
  });

  it('holds up no refresh after a 401', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    await outcome(a.valid());
    await pass(6000);
    await outcome(a.refused('access-1'));
    world.clockOffsetMs = -hourMs;
    expect(await outcome(a.refused('access-2'))).toBe('access-3');
  });

  it('ends what Polar asked to wait for', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    world.mishaps.push({ before: transient('rate_limited', 60) });
    expect(await outcome(a.valid())).toBe('rate_limited');
    world.clockOffsetMs = -10;
    expect(await outcome(a.forced())).toBe('access-1');
  });
});

describe('when a login is over, the error says that an answer of Polar got lost', () => {
  const malformed = new PolarResponseError('malformed_response', 'not JSON');
  const oauth = (code: 'invalid_client' | 'oauth_error') =>
    new PolarOAuthError(code, `Polar refused the refresh (${code}).`, { error: code, httpStatus: 400 });
  const lost = /its answer to an earlier refresh, with the new tokens, got lost/;

  async function afterwards(mishap: Error): Promise<string> {
    const world = await expired();
    const a = acquainted(world.process('A'));
    world.mishaps.push({ after: mishap });
    await errorOf(a.valid());
    await pass(120_000);
    const error = await errorOf(a.valid());
    expect(error.code).toBe('login_expired');
    return error.message;
  }

  it.each<[string, Error]>([
    ['a time-out', transient('timeout')],
    ['a reset connection, or half a body', transient('network_error')],
    ['garbage', malformed],
  ])('after %s', async (_what, error) => {
    expect(await afterwards(error)).toMatch(lost);
  });

  it.each<[string, Error]>([
    ['429', transient('rate_limited', 60)],
    ['an OAuth error', oauth('invalid_client')],
    ['a 4xx that is none of OAuth', oauth('oauth_error')],
  ])('but not after %s, which tells that nothing happened', async (_what, error) => {
    const message = await afterwards(error);
    expect(message).not.toMatch(lost);
    expect(message).toMatch(/revoked there or has expired/);
  });

  it('but not when a later refresh came through', async () => {
    const world = await expired();
    const a = acquainted(world.process('A'));
    world.mishaps.push({ before: transient('timeout') });
    await errorOf(a.valid());
    await pass(60_000);
    expect(await outcome(a.valid())).toBe('access-1');
    await pass(hourMs);
    world.live = undefined;
    expect((await errorOf(a.valid())).message).not.toMatch(lost);
  });
});
