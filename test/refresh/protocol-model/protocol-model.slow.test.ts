import { describe, expect, it } from '@jest/globals';
import { check, type Verdict } from './model-checker.js';
import { refreshModel } from './refresh-model.js';
import { alwaysRules, type RuleName, ruleNames } from './rules.js';
import { calmWorld, type Protocol, protocolAsDescribed, type State, type World } from './world.js';

// docs/refresh-protocol.md describes in words what is shown here.

const { givenUp, lost, noTokensLeft, oneLeft, oneAtATime, nobodyRefused, neverBack, mended } = ruleNames;

const checked = (
  world: Partial<World>,
  change: Partial<Protocol> = {},
  rules: readonly RuleName[] = alwaysRules,
): Verdict => check(refreshModel({ ...calmWorld, ...world }, { ...protocolAsDescribed, ...change }, rules));

const broken = (world: Partial<World>, change: Partial<Protocol>, ...rules: RuleName[]): string =>
  checked(world, change, rules).broken?.rule ?? 'none';

interface Case {
  readonly world: Partial<World>;
  readonly rules?: readonly RuleName[];
  /** Steps that must occur; otherwise the world shows nothing. */
  readonly happens: readonly RegExp[];
}

const isLarge = process.env['REFRESH_PROTOCOL'] === 'large';
const timeoutMs = isLarge ? 900_000 : 60_000;

const session: Partial<World> = { store: 'read-check-set' };

describe('the refresh protocol', () => {
  const cases: Record<string, Case> = {
    'a working lock': {
      world: { processes: 3, rounds: 2 },
      rules: [oneAtATime, nobodyRefused, neverBack],
      happens: [/takes the lock/, /receives pair 2/, /^Polar commits/],
    },
    'a lock in a store without compare-and-set': {
      world: { ...session, processes: 3, rounds: 2 },
      rules: [oneAtATime, nobodyRefused, neverBack],
      happens: [/finds the lock taken/, /is sure of the lock/, /checks that the record is older/],
    },
    'no lock, so that Polar may issue two pairs': {
      world: { lock: 'none', rounds: 2 },
      rules: [neverBack],
      happens: [/which sent pair 0: pair 2/, /: 500$/, /: invalid_grant$/, /revokes pair/],
    },
    'stopped processes whose locks are taken over': {
      world: { stops: 1, rounds: 2 },
      rules: [neverBack],
      happens: [/takes over the stale lock/, /writes itself back/, /the mark is old enough/],
    },
    'stopped processes and a store without compare-and-set': {
      world: { ...session, stops: 1 },
      happens: [/takes over the stale lock/, /writes the lock too late/],
    },
    'processes that crash': {
      world: { crashes: 2 },
      rules: [neverBack],
      happens: [
        /request of a dead process .* has no effect/,
        /takes the request of a dead/,
        /doubts no longer/,
      ],
    },
    'processes that are stopped and crash': {
      world: { crashes: 1, stops: 1 },
      happens: [/takes over the stale lock/, /doubts no longer/],
    },
    'lost responses': {
      world: { losses: 1, stops: 1 },
      happens: [/which gets lost/, /looks at the lock/],
    },
    'a store that fails, and writes that take effect late': {
      world: { failures: 1, lateWrites: true, rounds: 2 },
      rules: [neverBack],
      happens: [/cannot record pair 1$/, /the late write takes effect: pair 1/, /never takes effect/],
    },
    'a failing store without compare-and-set': {
      world: { ...session, failures: 1, rounds: 2 },
      happens: [/cannot record pair 1$/],
    },
    'two owners of a lock after a slow write': {
      world: { ...session, slowLocks: 1 },
      happens: [/writes the lock too late, and takes it back/, /writes itself back into the lock/],
    },
    'a store whose reads lag': {
      world: { lags: 2, rounds: 2 },
      happens: [/, late$/],
    },
    'a store whose reads lag, without compare-and-set': {
      world: { ...session, lags: 2 },
      happens: [/, late$/],
    },
    'two logouts': {
      world: { logouts: 2 },
      happens: [/writes the tombstone/, /revokes pair 1/],
    },
    'a logout without a lock': {
      world: { logouts: 1, lock: 'none' },
      happens: [/revokes pair 2/, /has recorded, and reads a tombstone/],
    },
    'a logout and stopped processes': {
      world: { logouts: 1, stops: 1 },
      happens: [/has recorded, and reads a tombstone/],
    },
    'a logout and a crash': {
      world: { logouts: 1, crashes: 1 },
      happens: [/dies/, /writes the tombstone/],
    },
    'a logout and a failing store': {
      world: { logouts: 1, failures: 1, lateWrites: true },
      happens: [/cannot record/, /has recorded, and reads a tombstone/],
    },
    'a logout and a store without compare-and-set': {
      world: { ...session, logouts: 1, lock: 'none' },
      happens: [/revokes pair 2/],
    },
    'a logout and a store whose reads lag': {
      world: { logouts: 1, lags: 2 },
      happens: [/reads no tombstone .*late, logging out|looks again: a tombstone/],
    },
  };

  // They take minutes instead of seconds, so they are not part of every run.
  const largeCases: Record<string, Case> = {
    'processes that are stopped twice': {
      world: { stops: 2, rounds: 2 },
      rules: [neverBack],
      happens: [/takes over the stale lock/, /writes itself back/],
    },
    'a store that fails twice': {
      world: { failures: 2, lateWrites: true, rounds: 2 },
      rules: [neverBack],
      happens: [/the late write takes effect: pair 2/],
    },
    'a store without compare-and-set that fails twice': {
      world: { ...session, failures: 2, rounds: 2 },
      happens: [/cannot record pair 2$/],
    },
    'two owners of a lock, after two refreshes': {
      world: { ...session, slowLocks: 1, rounds: 2 },
      happens: [/writes the lock too late, and takes it back/],
    },
    'a logout and a store that fails twice': {
      world: { logouts: 1, failures: 2, lateWrites: true },
      happens: [/has recorded, and reads a tombstone/],
    },
    'three processes without a lock': {
      world: { processes: 3, lock: 'none', rounds: 2 },
      happens: [/which sent pair 0: pair 3/],
    },
    'three processes that are stopped and crash': {
      world: { processes: 3, crashes: 1, stops: 2, rounds: 2 },
      happens: [/takes over the stale lock/],
    },
    'all of it at once except lost records': {
      world: { crashes: 1, stops: 1, losses: 1, failures: 1, lateWrites: true, lags: 1, logouts: 1 },
      happens: [/dies/, /, late/, /the late write/],
    },
    'all of it at once except lost records, without compare-and-set': {
      world: { ...session, crashes: 1, stops: 1, losses: 1, failures: 1, lags: 1, logouts: 1 },
      happens: [/dies/, /, late/],
    },
  };

  const table: string[] = [];
  it.each(Object.entries(isLarge ? { ...cases, ...largeCases } : cases))(
    'keeps its promises, in every order of events, with %s',
    (name, { world, rules = [], happens }) => {
      const verdict = checked(world, {}, [...alwaysRules, ...rules]);
      table.push(`${name}: ${verdict.states} states, ${verdict.steps} steps, ${verdict.milliseconds} ms`);
      expect(verdict.broken).toBeUndefined();
      const happened = [...verdict.happened];
      for (const pattern of happens) expect(happened).toContainEqual(expect.stringMatching(pattern));
    },
    timeoutMs,
  );
  if (isLarge) it('reports how many states it has visited', () => console.log(table.join('\n')));

  it('gives a login up once its tokens are lost', () => {
    const model = refreshModel({ ...calmWorld, losses: 1 });
    const rules = {
      'nobody gives up': (_: State, { processes }: State) => processes.every(({ isRejected }) => !isRejected),
    };
    expect(check({ ...model, rules }).broken?.trace).toMatch(/which gets lost/);
  });
});

describe('the model checker finds a broken promise', () => {
  const noLock: Partial<World> = { lock: 'none' };
  const stopped: Partial<World> = { stops: 1 };
  const failing: Partial<World> = { failures: 1 };
  const logout: Partial<World> = { logouts: 1 };
  it.each<[string, Partial<Protocol>, Partial<World>, RuleName]>([
    ['an exchange is aborted at the time-out of its caller', { listens: 'until the deadline' }, {}, lost],
    ['a late response is discarded', { listens: 'without recording' }, {}, lost],
    ['the rows are not read before sending', { readsBeforeSending: false }, {}, nobodyRefused],
    ['the lock is released before the record is written', { recordsBeforeRelease: false }, {}, nobodyRefused],
    ['a refusal is believed without the lock', { believesAtOnce: 'always' }, noLock, givenUp],
    [
      'a refusal is believed by any owner of the lock',
      { believesAtOnce: 'however the lock came' },
      stopped,
      givenUp,
    ],
    ['a take-over leaves no mark', { marksOnTakeOver: false }, stopped, givenUp],
    ['a release drops the mark', { carriesMarks: false }, stopped, givenUp],
    [
      'a release leaves no mark for tokens that are not recorded',
      { marksUnrecorded: false, waitsBeforeBelieving: false },
      failing,
      givenUp,
    ],
    ['a refusal is doubted too briefly', { doubts: 'briefly' }, stopped, givenUp],
    [
      'a lock is used after a slow write',
      { dropsSlowLocks: false, writesItselfBack: false },
      { ...session, slowLocks: 1 },
      givenUp,
    ],
    [
      'an owner does not claim its lock back',
      { writesItselfBack: false },
      { ...session, slowLocks: 1 },
      givenUp,
    ],
    ['a refusal is believed without a pause', { waitsBeforeBelieving: false }, { lags: 3 }, givenUp],
    [
      'the loser of a tie revokes its pair at once',
      { losers: 'revoke at once' },
      { ...session, ...noLock, failures: 1, lateWrites: true },
      lost,
    ],
    ['the loser of a tie forgets its pair', { losers: 'forget theirs' }, noLock, oneLeft],
    [
      'a superseded pair is not revoked',
      { revokesWhatNobodyReplaced: false },
      { ...noLock, ...failing, lags: 1, rounds: 2 },
      oneLeft,
    ],
    ['a lost record is not written again', { heals: false }, { lostRecords: 1 }, mended],
    [
      'an older record is adopted',
      { newestWins: false },
      { ...session, ...failing, lateWrites: true, rounds: 2 },
      lost,
    ],
    [
      'a process does not look for a logout after it has recorded',
      { looksForEnd: 'never', revokesWhenTheEndShows: false },
      logout,
      noTokensLeft,
    ],
    [
      'a process does not look for a logout after it has recorded late',
      { looksForEnd: 'in the foreground', revokesWhenTheEndShows: false },
      { ...logout, ...failing },
      noTokensLeft,
    ],
    [
      'a logout reads the record before it writes the tombstone',
      { logoutReads: 'before the tombstone' },
      logout,
      noTokensLeft,
    ],
    [
      'a process that sees a logout later revokes nothing',
      { revokesWhenTheEndShows: false },
      { ...logout, lags: 1 },
      noTokensLeft,
    ],
    ['the age of tokens is unknown', { knowsAge: false }, logout, noTokensLeft],
  ])('when %s', (_what, change, world, rule) => {
    expect(broken(world, change, rule)).toBe(rule);
  });
});

describe('the refresh protocol at its limits', () => {
  it('gives up a login whose record is lost, until a process writes it again', () => {
    expect(broken({ lostRecords: 1 }, {}, givenUp)).toBe(givenUp);
    expect(broken({ lostRecords: 1 }, {}, lost, noTokensLeft, oneLeft, mended)).toBe('none');
  });

  it('needs compare-and-set, or a store in which failed writes never take effect later', () => {
    const world: Partial<World> = { ...session, failures: 1, lateWrites: true, rounds: 2 };
    expect(broken(world, {}, neverBack)).toBe(neverBack);
    expect(broken(world, {}, givenUp)).toBe(givenUp);
    // The record recovers, and a logout still ends the login.
    expect(broken({ ...world, rounds: 1 }, {}, lost, mended)).toBe('none');
    expect(broken({ ...world, rounds: 1, logouts: 1 }, {}, noTokensLeft)).toBe('none');
  });

  it('needs an owner that runs, or a store with compare-and-set, after a lock was written slowly', () => {
    const world: Partial<World> = { slowLocks: 1, stops: 1 };
    expect(broken({ ...world, ...session }, {}, givenUp)).toBe(givenUp);
    expect(broken(world, {}, givenUp)).toBe('none');
  });
});
