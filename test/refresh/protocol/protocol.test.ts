import { describe, expect, it } from '@jest/globals';
import { check, nobodyIsStuck, type Verdict } from './model-checker.js';
import { refreshModel } from './refresh-model.js';
import { alwaysRules, type RuleName, ruleNames } from './rules.js';
import { calmWorld, none, type Protocol, protocolAsDescribed, type State, type World } from './world.js';

// docs/refresh-protocol.md says in words what is shown here.

const { givenUp, lost, noTokensLeft, endIsSeen, oneRequest, oneRequestEach, neverBack } = ruleNames;

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

describe('the refresh protocol, in every order in which things can happen', () => {
  const cases: Record<string, Case> = {
    'no lock': {
      world: { processes: 3, counted: true },
      rules: [oneRequestEach],
      happens: [/: invalid_grant$/, /: 500$/, /reads the record: tokens 2/],
    },
    'a lock that works': {
      world: { processes: 3, lock: 'working', counted: true },
      rules: [oneRequest, oneRequestEach],
      happens: [/takes the lock/, /sent tokens 1: new ones/, /reads the record: tokens 2/],
    },
    'a lock with leases, and processes that die': {
      world: { lock: 'leased', crashes: 2 },
      happens: [/the lease of process 0 expires/, /goes on without the lock/, /the dead process is free/],
    },
    'a lossy network': {
      world: { losses: 2, crashes: 1 },
      happens: [/request .* gets lost/, /answer .* gets lost/, /late request .*nobody hears/],
    },
    'two logouts': {
      world: { logouts: 2, rounds: 1 },
      happens: [/finds that somebody has logged out/, /revokes tokens 1: they are dead/],
    },
    'a logout among three processes': {
      world: { logouts: 1, processes: 3, rounds: 1 },
      happens: [/finds that somebody has logged out/, /revokes tokens 1: they are dead/],
    },
    'a logout and a death': {
      world: { logouts: 1, crashes: 1, rounds: 1 },
      happens: [/dies/, /looks for the end: yes/],
    },
    'a logout over a lossy network': {
      world: { logouts: 1, losses: 1, rounds: 1 },
      happens: [/Polar never hears of it/, /answer .* gets lost/, /looks for the end: yes/],
    },
    'sessions written back late, also after a logout': {
      world: { logouts: 1, staleSessions: true, crashes: 1, rounds: 1 },
      happens: [/writes its old session back/, /looks for the end: yes/],
    },
    'a store that fails, and a logout': {
      world: { failures: 1, logouts: 1 },
      happens: [/cannot write the record/, /cannot read the record/, /cannot read the end/],
    },
    'a store whose failed writes take effect later': {
      world: { failures: 2, lateWrites: true, crashes: 1 },
      happens: [/the late write takes effect: tokens 1/],
    },
    'a store without compare-and-set, and a logout': {
      world: { store: 'read-check-write', logouts: 1 },
      happens: [/checks that the record is as it wrote it/, /finds that somebody has logged out/],
    },
    'a store without compare-and-set that fails, and processes that die': {
      world: { store: 'read-check-write', failures: 2, crashes: 1 },
      happens: [/cannot write the record/, /dies/],
    },
    'a Polar that commits late, and a logout': {
      world: { commitLag: true, logouts: 1 },
      happens: [/Polar commits/, /minted a moment ago/],
    },
  };

  // Minutes instead of seconds: not for every run.
  const largeCases: Record<string, Case> = {
    'a logout, a death and a lossy network': {
      world: { logouts: 1, crashes: 1, losses: 1 },
      happens: [/Polar never hears of it/, /dies/, /sent tokens 1: new ones/],
    },
    'all of it at once': {
      world: { lock: 'leased', logouts: 1, crashes: 1, losses: 1, failures: 1, rounds: 1 },
      happens: [/Polar never hears of it/, /dies/, /cannot write the record/, /the lease/],
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
      'nobody gives up': (_: State, { processes }: State) =>
        processes.every(({ rejected }) => rejected === none),
    };
    expect(check({ ...model, rules }).broken?.trace).toMatch(/answer to process . gets lost/);
  });
});

describe('the checker sees what would go wrong', () => {
  const working: Partial<World> = { lock: 'working', counted: true };
  const failing: Partial<World> = { failures: 1 };
  const logout: Partial<World> = { logouts: 1, rounds: 1 };
  it.each<[string, Partial<Protocol>, Partial<World>, RuleName]>([
    ['the record is not read before sending', { readsBeforeSending: false }, working, oneRequest],
    ['the record is written after the release', { recordsBeforeRelease: false }, working, oneRequest],
    ['an older record is adopted', { newestWins: false }, { ...failing, counted: true }, oneRequestEach],
    ['invalid_grant is believed at once', { doubts: 'never' }, {}, givenUp],
    ['an unreadable record counts as none', { believesUnreadable: 'at the last look' }, failing, givenUp],
    ['tokens are kept in the session', { tokensIn: 'session' }, { staleSessions: true }, givenUp],
    ['only the minter knows the age of tokens', { ageKnownTo: 'minter' }, { commitLag: true }, givenUp],
    ['what is not recorded is forgotten', { remembersUnrecorded: false }, failing, lost],
    ['logout reads before it marks the end', { logoutReads: 'before marking' }, logout, noTokensLeft],
    ['nobody looks for the end after recording', { looksForEnd: 'never' }, logout, noTokensLeft],
    [
      'nobody looks for the end after recording late',
      { looksForEnd: 'in the foreground' },
      { ...logout, ...failing },
      noTokensLeft,
    ],
    [
      'an end that cannot be looked for counts as none',
      { believesUnreadable: 'after recording' },
      { ...logout, ...failing },
      noTokensLeft,
    ],
    [
      'logout takes an unreadable record for none',
      { believesUnreadable: 'logging out' },
      { ...logout, ...failing },
      noTokensLeft,
    ],
    ['the mark of the end replaces the record', { endHasOwnKey: false }, logout, noTokensLeft],
    [
      'only the minter of tokens revokes them again',
      { ageKnownTo: 'minter' },
      { ...logout, commitLag: true },
      noTokensLeft,
    ],
    ['the first look does not look for the end', { firstLookSeesEnd: false }, logout, endIsSeen],
  ])('when %s', (_what, change, world, rule) => {
    expect(broken(world, change, rule)).toBe(rule);
  });
});

describe('the limits of the protocol', () => {
  it('needs compare-and-set, or a store whose failed writes never take effect later', () => {
    const world: Partial<World> = { store: 'read-check-write', failures: 1, lateWrites: true };
    expect(broken(world, {}, neverBack)).toBe(neverBack);
    // Other processes then do not find the newest tokens; when the one that has them dies, nobody ever does.
    expect(broken(world, {}, givenUp)).toBe(givenUp);
    expect(broken({ ...world, crashes: 1 }, {}, lost)).toBe(lost);
    // A logout ends the login all the same.
    expect(broken({ ...world, logouts: 1, rounds: 1 }, {}, noTokensLeft, endIsSeen)).toBe('none');
  });

  it('waits only so long for a store that can be read but not written; no tokens are lost by that', () => {
    const bounded: Partial<Protocol> = { doubts: 'within bounds' };
    expect(broken({ failures: 2 }, bounded, givenUp)).toBe(givenUp);
    expect(broken({ failures: 2 }, bounded, lost, neverBack)).toBe('none');
  });

  it('needs a store that does not forget', () => {
    expect(broken({ forgetfulStore: true, crashes: 1 }, {}, lost)).toBe(lost);
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
