import { describe, expect, it } from '@jest/globals';
import { check, nobodyIsStuck, type Verdict } from './model-checker.js';
import { refreshModel } from './refresh-model.js';
import { alwaysRules, type RuleName, ruleNames } from './rules.js';
import { calmWorld, type Protocol, protocolAsDescribed, type State, type World } from './world.js';

// docs/refresh-protocol.md says in words what is shown here.

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
  /** What must be among the steps, or the world shows nothing. */
  readonly happens: readonly RegExp[];
}

const isLarge = process.env['REFRESH_PROTOCOL'] === 'large';
const timeoutMs = isLarge ? 900_000 : 60_000;

const session: Partial<World> = { store: 'read-check-set' };

describe('the refresh protocol, in every order in which things can happen', () => {
  const cases: Record<string, Case> = {
    'a lock that works': {
      world: { processes: 3, rounds: 2 },
      rules: [oneAtATime, nobodyRefused, neverBack],
      happens: [/takes the lock/, /receives pair 2/, /^Polar commits/],
    },
    'a lock in a store that cannot compare': {
      world: { ...session, processes: 3, rounds: 2 },
      rules: [oneAtATime, nobodyRefused, neverBack],
      happens: [/finds the lock taken/, /is sure of the lock/, /checks that the record is older/],
    },
    'no lock: Polar may give each of two exchanges a pair': {
      world: { lock: 'none', rounds: 2 },
      rules: [neverBack],
      happens: [/which sent pair 0: pair 2/, /: 500$/, /: invalid_grant$/, /revokes pair/],
    },
    'processes that are stopped, and locks that are taken over': {
      world: { stops: 1, rounds: 2 },
      rules: [neverBack],
      happens: [/takes over the stale lock/, /writes itself back/, /the mark is old enough/],
    },
    'processes that are stopped, in a store that cannot compare': {
      world: { ...session, stops: 1 },
      happens: [/takes over the stale lock/, /writes the lock too late/],
    },
    'processes that die': {
      world: { crashes: 2 },
      rules: [neverBack],
      happens: [
        /request of a dead process .* has no effect/,
        /takes the request of a dead/,
        /doubts no longer/,
      ],
    },
    'processes that are stopped and die': {
      world: { crashes: 1, stops: 1 },
      happens: [/takes over the stale lock/, /doubts no longer/],
    },
    'responses that get lost': {
      world: { losses: 1, stops: 1 },
      happens: [/which gets lost/, /looks at the lock/],
    },
    'a store that fails, and writes that take effect late': {
      world: { failures: 1, lateWrites: true, rounds: 2 },
      rules: [neverBack],
      happens: [/cannot record pair 1$/, /the late write takes effect: pair 1/, /never takes effect/],
    },
    'a store that cannot compare and fails': {
      world: { ...session, failures: 1, rounds: 2 },
      happens: [/cannot record pair 1$/],
    },
    'two owners of a lock, since a write was slow': {
      world: { ...session, slowLocks: 1 },
      happens: [/writes the lock too late, and takes it back/, /writes itself back into the lock/],
    },
    'a store that lags': {
      world: { lags: 2, rounds: 2 },
      happens: [/, late$/],
    },
    'a store that lags and cannot compare': {
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
    'a logout among processes that are stopped': {
      world: { logouts: 1, stops: 1 },
      happens: [/has recorded, and reads a tombstone/],
    },
    'a logout and a death': {
      world: { logouts: 1, crashes: 1 },
      happens: [/dies/, /writes the tombstone/],
    },
    'a logout in a store that fails': {
      world: { logouts: 1, failures: 1, lateWrites: true },
      happens: [/cannot record/, /has recorded, and reads a tombstone/],
    },
    'a logout in a store that cannot compare': {
      world: { ...session, logouts: 1, lock: 'none' },
      happens: [/revokes pair 2/],
    },
    'a logout in a store that lags': {
      world: { logouts: 1, lags: 2 },
      happens: [/reads no tombstone .*late, logging out|looks again: a tombstone/],
    },
  };

  // Minutes instead of seconds: not for every run.
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
    'a store that cannot compare and fails twice': {
      world: { ...session, failures: 2, rounds: 2 },
      happens: [/cannot record pair 2$/],
    },
    'two owners of a lock, twice': {
      world: { ...session, slowLocks: 1, rounds: 2 },
      happens: [/writes the lock too late, and takes it back/],
    },
    'a logout in a store that fails twice': {
      world: { logouts: 1, failures: 2, lateWrites: true },
      happens: [/has recorded, and reads a tombstone/],
    },
    'three processes without a lock': {
      world: { processes: 3, lock: 'none', rounds: 2 },
      happens: [/which sent pair 0: pair 3/],
    },
    'three processes that are stopped and die': {
      world: { processes: 3, crashes: 1, stops: 2, rounds: 2 },
      happens: [/takes over the stale lock/],
    },
    'all of it at once, but what a store loses': {
      world: { crashes: 1, stops: 1, losses: 1, failures: 1, lateWrites: true, lags: 1, logouts: 1 },
      happens: [/dies/, /, late/, /the late write/],
    },
    'the same where the store cannot compare': {
      world: { ...session, crashes: 1, stops: 1, losses: 1, failures: 1, lags: 1, logouts: 1 },
      happens: [/dies/, /, late/],
    },
  };

  const table: string[] = [];
  it.each(Object.entries(isLarge ? { ...cases, ...largeCases } : cases))(
    'holds with %s',
    (name, { world, rules = [], happens }) => {
      const verdict = checked(world, {}, [...alwaysRules, ...rules]);
      table.push(`${name}: ${verdict.states} states, ${verdict.steps} steps, ${verdict.milliseconds} ms`);
      expect(verdict.broken).toBeUndefined();
      const happened = [...verdict.happened];
      for (const pattern of happens) expect(happened).toContainEqual(expect.stringMatching(pattern));
    },
    timeoutMs,
  );
  if (isLarge) it('says how much it looked at', () => console.log(table.join('\n')));

  it('gives a login up once it is lost, rather than hold on for ever', () => {
    const model = refreshModel({ ...calmWorld, losses: 1 });
    const rules = {
      'nobody gives up': (_: State, { processes }: State) => processes.every(({ isRejected }) => !isRejected),
    };
    expect(check({ ...model, rules }).broken?.trace).toMatch(/which gets lost/);
  });
});

describe('the checker sees what would go wrong', () => {
  const noLock: Partial<World> = { lock: 'none' };
  const stopped: Partial<World> = { stops: 1 };
  const failing: Partial<World> = { failures: 1 };
  const logout: Partial<World> = { logouts: 1 };
  it.each<[string, Partial<Protocol>, Partial<World>, RuleName]>([
    [
      'an exchange is aborted when its caller has waited long enough',
      { listens: 'until the deadline' },
      {},
      lost,
    ],
    ['a response that comes late is thrown away', { listens: 'without recording' }, {}, lost],
    ['the rows are not read before sending', { readsBeforeSending: false }, {}, nobodyRefused],
    ['the record is written after the release', { recordsBeforeRelease: false }, {}, nobodyRefused],
    ['a refusal is believed without the lock', { believesAtOnce: 'always' }, noLock, givenUp],
    [
      'a refusal is believed however the lock came',
      { believesAtOnce: 'however the lock came' },
      stopped,
      givenUp,
    ],
    ['a take-over leaves no mark', { marksOnTakeOver: false }, stopped, givenUp],
    ['a release drops the mark', { carriesMarks: false }, stopped, givenUp],
    [
      'a release leaves no mark though tokens are not recorded',
      { marksUnrecorded: false, waitsBeforeBelieving: false },
      failing,
      givenUp,
    ],
    ['a refusal is doubted too briefly', { doubts: 'briefly' }, stopped, givenUp],
    [
      'a lock that was written slowly is used',
      { dropsSlowLocks: false, writesItselfBack: false },
      { ...session, slowLocks: 1 },
      givenUp,
    ],
    [
      'an owner does not write itself back',
      { writesItselfBack: false },
      { ...session, slowLocks: 1 },
      givenUp,
    ],
    ['nobody waits before a refusal is believed', { waitsBeforeBelieving: false }, { lags: 3 }, givenUp],
    [
      'the loser of a tie revokes its pair at once',
      { losers: 'revoke at once' },
      { ...session, ...noLock, failures: 1, lateWrites: true },
      lost,
    ],
    ['the loser of a tie forgets its pair', { losers: 'forget theirs' }, noLock, oneLeft],
    [
      'a pair from which nobody went on is kept',
      { revokesWhatNobodyReplaced: false },
      { ...noLock, ...failing, lags: 1, rounds: 2 },
      oneLeft,
    ],
    ['nobody mends a record', { heals: false }, { lostRecords: 1 }, mended],
    [
      'an older record is adopted',
      { newestWins: false },
      { ...session, ...failing, lateWrites: true, rounds: 2 },
      lost,
    ],
    [
      'nobody looks for the end after recording',
      { looksForEnd: 'never', revokesWhenTheEndShows: false },
      logout,
      noTokensLeft,
    ],
    [
      'nobody looks for the end after recording late',
      { looksForEnd: 'in the foreground', revokesWhenTheEndShows: false },
      { ...logout, ...failing },
      noTokensLeft,
    ],
    [
      'a logout reads before the tombstone is written',
      { logoutReads: 'before the tombstone' },
      logout,
      noTokensLeft,
    ],
    [
      'who sees an end later revokes nothing',
      { revokesWhenTheEndShows: false },
      { ...logout, lags: 1 },
      noTokensLeft,
    ],
    ['nobody knows how young tokens are', { knowsAge: false }, logout, noTokensLeft],
  ])('when %s', (_what, change, world, rule) => {
    expect(broken(world, change, rule)).toBe(rule);
  });
});

describe('the limits of the protocol', () => {
  it('takes a login for lost whose record the store has lost, until somebody writes it again', () => {
    expect(broken({ lostRecords: 1 }, {}, givenUp)).toBe(givenUp);
    expect(broken({ lostRecords: 1 }, {}, lost, noTokensLeft, oneLeft, mended)).toBe('none');
  });

  it('needs compare-and-set, or a store whose failed writes never take effect later', () => {
    const world: Partial<World> = { ...session, failures: 1, lateWrites: true, rounds: 2 };
    expect(broken(world, {}, neverBack)).toBe(neverBack);
    expect(broken(world, {}, givenUp)).toBe(givenUp);
    // It is mended, and a logout ends the login all the same.
    expect(broken({ ...world, rounds: 1 }, {}, lost, mended)).toBe('none');
    expect(broken({ ...world, rounds: 1, logouts: 1 }, {}, noTokensLeft)).toBe('none');
  });

  it('needs an owner that runs, or a store that compares, once a lock was written slowly', () => {
    const world: Partial<World> = { slowLocks: 1, stops: 1 };
    expect(broken({ ...world, ...session }, {}, givenUp)).toBe(givenUp);
    expect(broken(world, {}, givenUp)).toBe('none');
  });
});

describe('the model checker', () => {
  // Counts to two, or to three by a leap.
  const counting = (isDone: (state: number) => boolean) => ({
    initial: 0,
    *steps(state: number) {
      if (state < 2) yield { name: 'one more', to: state + 1 };
      if (state === 1) yield { name: 'leap', to: 3 };
    },
    keyOf: String,
    isQuiet: isDone,
    rules: { 'below three': (_before: number, after: number) => after < 3 },
  });

  it('tells the shortest way to a broken rule', () => {
    expect(check(counting(() => true)).broken).toEqual({
      rule: 'below three',
      trace: '1. one more\n2. leap',
    });
  });

  it('finds who is stuck', () => {
    const model = { ...counting((state) => state === 3), rules: {} };
    expect(check(model).broken).toEqual({ rule: nobodyIsStuck, trace: '1. one more\n2. one more' });
  });

  it('visits every state once', () => {
    const model = { ...counting(() => true), rules: {} };
    expect(check(model)).toMatchObject({ states: 4, steps: 3, broken: undefined });
  });

  it('shows nothing of a world that is too large', () => {
    const model = counting(() => true);
    expect(() => check(model, 2)).toThrow('More than 2 states');
  });
});
