/** The number of a pair of tokens: 0 for that of the login, then as Polar issues them. */
export type Pair = number;
export const none = -1;

/** Tokens as they are recorded: the refresh that they come from, and the pair that was exchanged for them. */
export interface Tokens {
  readonly generation: number;
  readonly pair: Pair;
  readonly replaces: Pair;
}

/** `spent`: it has been exchanged, and Polar has not committed that yet. */
export type Status = 'live' | 'spent' | 'uncommitted' | 'dead';

/** One process of the app, with at most one refresh, one write of the record and one logout under way. */
export interface Process {
  /** The newest tokens that it knows; at first those of its session. */
  readonly known: Tokens;
  /** The last pair that Polar issued to it. */
  readonly issued: Pair;
  /** A pair that lost a tie, with its generation. */
  readonly spare: Tokens | undefined;
  readonly knowsEnd: boolean;
  /** It has given up the tokens that it knows: only later ones help. */
  readonly isRejected: boolean;
  /** The generation whose refusal it does not believe yet. */
  readonly doubts: number;
  /** None of its code runs. */
  readonly isStopped: boolean;

  readonly refresh: 'no' | 'writes lock' | 'checks lock' | 'reads' | 'sent' | 'records' | 'rereads' | 'waits';
  /** It took longer to write the lock than others pause. */
  readonly isSlow: boolean;
  readonly lock: 'no' | 'exclusive' | 'marked';
  /** What it has sent to Polar, and Polar's response. */
  readonly sent: Tokens | undefined;
  readonly response: 'none' | 'refused' | 'error' | Pair;

  /** The state of its writer, which is in the background after the store has failed. */
  readonly writer: 'no' | 'checks' | 'writes' | 'looks';
  readonly writes: Tokens | undefined;
  readonly inBackground: boolean;
  readonly revokes: readonly Pair[];
  readonly logout: 'no' | 'reads first' | 'writes tombstone' | 'reads';
}

/** The whole world around one login. */
export interface State {
  readonly processes: readonly Process[];
  /** By pair. */
  readonly polar: readonly Status[];
  /** All pairs below this one have expired. */
  readonly expired: Pair;
  readonly record: Tokens | undefined;
  readonly tombstone: boolean;
  /** What lagging reads still show. */
  readonly recordBefore: Tokens | undefined;
  readonly tombstoneBefore: boolean;
  /** `ghost`: owned by a process that has crashed. */
  readonly lock: { readonly owner: number | 'nobody' | 'ghost'; readonly isMarked: boolean };
  /** Requests of crashed processes, and writes that were reported as failed: both may still take effect. */
  readonly strayRequests: readonly Pair[];
  readonly lateWrites: readonly Tokens[];

  /** What may still go wrong. */
  readonly left: Trouble;
  /** Polar's response never arrived, or the process with the tokens crashed before it wrote the record. */
  readonly tokensLost: boolean;
  /** A process crashed that still had to revoke a pair. */
  readonly endCutShort: boolean;
}

/** How often each thing may go wrong. */
export interface Trouble {
  readonly crashes: number;
  readonly stops: number;
  /** Polar's responses that never arrive. */
  readonly losses: number;
  readonly failures: number;
  readonly slowLocks: number;
  readonly lags: number;
  readonly lostRecords: number;
  readonly logouts: number;
}

/** What may happen in a world. */
export interface World extends Trouble {
  readonly processes: number;
  /** How often the tokens expire. */
  readonly rounds: number;
  readonly lock: 'none' | 'row';
  readonly store: 'compare-and-set' | 'read-check-set';
  /** A failed write may take effect later. */
  readonly lateWrites: boolean;
}

/** The rules of the protocol, each with the ways in which it can be broken. */
export interface Protocol {
  /** How long a response is awaited, and whether it is recorded after its caller has given up. */
  readonly listens: 'until it comes' | 'until the deadline' | 'without recording';
  readonly readsBeforeSending: boolean;
  readonly recordsBeforeRelease: boolean;
  readonly marksOnTakeOver: boolean;
  readonly carriesMarks: boolean;
  readonly marksUnrecorded: boolean;
  readonly writesItselfBack: boolean;
  readonly dropsSlowLocks: boolean;
  /** When a refusal is believed at once. */
  readonly believesAtOnce: 'with the lock' | 'always' | 'however the lock came';
  readonly waitsBeforeBelieving: boolean;
  /** How long a refusal is otherwise in doubt. */
  readonly doubts: 'as long as an exchange may be open' | 'briefly';
  readonly losers: 'keep a spare' | 'revoke at once' | 'forget theirs';
  readonly revokesWhatNobodyReplaced: boolean;
  readonly heals: boolean;
  readonly newestWins: boolean;
  readonly looksForEnd: 'after every write' | 'in the foreground' | 'never';
  readonly logoutReads: 'after the tombstone' | 'before the tombstone';
  readonly revokesWhenTheEndShows: boolean;
  readonly knowsAge: boolean;
}

export const protocolAsDescribed: Protocol = {
  listens: 'until it comes',
  readsBeforeSending: true,
  recordsBeforeRelease: true,
  marksOnTakeOver: true,
  carriesMarks: true,
  marksUnrecorded: true,
  writesItselfBack: true,
  dropsSlowLocks: true,
  believesAtOnce: 'with the lock',
  waitsBeforeBelieving: true,
  doubts: 'as long as an exchange may be open',
  losers: 'keep a spare',
  revokesWhatNobodyReplaced: true,
  heals: true,
  newestWins: true,
  looksForEnd: 'after every write',
  logoutReads: 'after the tombstone',
  revokesWhenTheEndShows: true,
  knowsAge: true,
};

/** Two processes, tokens that expire once, and no trouble. */
export const calmWorld: World = {
  processes: 2,
  rounds: 1,
  lock: 'row',
  store: 'compare-and-set',
  lateWrites: false,
  crashes: 0,
  stops: 0,
  losses: 0,
  failures: 0,
  slowLocks: 0,
  lags: 0,
  lostRecords: 0,
  logouts: 0,
};

const loginTokens: Tokens = { generation: 0, pair: 0, replaces: none };

/** The fields of a refresh after its end. */
export const noRefresh = {
  refresh: 'no',
  isSlow: false,
  lock: 'no',
  sent: undefined,
  response: 'none',
} as const satisfies Partial<Process>;

/** The fields of a writer after its end. */
export const noWriter = {
  writer: 'no',
  writes: undefined,
  inBackground: false,
} as const satisfies Partial<Process>;

/** A process that has just started: it has the tokens of the session. */
export const newProcess: Process = {
  known: loginTokens,
  issued: none,
  spare: undefined,
  knowsEnd: false,
  isRejected: false,
  doubts: none,
  isStopped: false,
  ...noRefresh,
  ...noWriter,
  revokes: [],
  logout: 'no',
};

export function initialState(world: World): State {
  const { crashes, stops, losses, failures, slowLocks, lags, lostRecords, logouts } = world;
  return {
    processes: Array.from({ length: world.processes }, () => newProcess),
    polar: ['live'],
    expired: 0,
    record: undefined,
    tombstone: false,
    recordBefore: undefined,
    tombstoneBefore: false,
    lock: { owner: 'nobody', isMarked: false },
    strayRequests: [],
    lateWrites: [],
    left: { crashes, stops, losses, failures, slowLocks, lags, lostRecords, logouts },
    tokensLost: false,
    endCutShort: false,
  };
}

/** Processes are interchangeable: all that matters is which one owns the lock. */
export function keyOf(state: State): string {
  const { lock, processes, ...world } = state;
  const { owner } = lock;
  const each = processes.map((process, who) => `${processKey(process)}${owner === who ? '*' : ''}`);
  const kind = typeof owner === 'number' ? 'some' : owner;
  return `${JSON.stringify(world)}|${kind}${lock.isMarked}|${each.sort().join('|')}`;
}

// A step changes one process, so the keys of the others are cached.
const processKeys = new WeakMap<Process, string>();

function processKey(process: Process): string {
  const key = processKeys.get(process) ?? JSON.stringify(process);
  processKeys.set(process, key);
  return key;
}

export function processAt(state: State, who: number): Process {
  const process = state.processes[who];
  if (process === undefined) throw new RangeError(`No process ${who}`);
  return process;
}

export function withProcess(state: State, who: number, change: Partial<Process>): State {
  return {
    ...state,
    processes: state.processes.map((process, index) => (index === who ? { ...process, ...change } : process)),
  };
}

export const spend = (state: State, what: keyof Trouble): State => ({
  ...state,
  left: { ...state.left, [what]: state.left[what] - 1 },
});

export const withRecord = (state: State, record: Tokens | undefined): State => ({
  ...state,
  record,
  recordBefore: state.record,
});

export const isExpired = (state: State, { pair }: Tokens): boolean => pair < state.expired;

export const isSame = (a: Tokens | undefined, b: Tokens | undefined): boolean =>
  a?.generation === b?.generation && a?.pair === b?.pair;

export const isAhead = (a: Tokens | undefined, b: Tokens | undefined): boolean =>
  (a?.generation ?? 0) > (b?.generation ?? 0);

/** Whether an exchange may still bring tokens to this process, or has brought some that are not recorded. */
export const holdsUnrecorded = ({ refresh, response, writer }: Process): boolean =>
  (refresh === 'sent' && (response === 'none' || typeof response === 'number')) || writer !== 'no';

/** Whether Polar accepts a pair that is recorded, or that a process has or will receive. */
export function isReachable(state: State, pair: Pair): boolean {
  const status = state.polar[pair];
  if (status !== 'live' && status !== 'uncommitted') return false;
  return (
    // Every session has the tokens of the login.
    pair === 0 ||
    state.record?.pair === pair ||
    state.processes.some(
      ({ known, response, spare, writes }) =>
        known.pair === pair || response === pair || spare?.pair === pair || writes?.pair === pair,
    )
  );
}

/** Whether no process can get tokens that work any more. */
export const isLost = (state: State): boolean => !state.polar.some((_, pair) => isReachable(state, pair));

/** Whether no process is in the middle of anything, and nothing is under way. */
export function isQuiet(state: State): boolean {
  return (
    !state.polar.includes('uncommitted') &&
    state.strayRequests.length === 0 &&
    state.lateWrites.length === 0 &&
    state.processes.every(
      ({ isStopped, logout, refresh, revokes, writer }) =>
        !isStopped && refresh === 'no' && writer === 'no' && logout === 'no' && revokes.length === 0,
    )
  );
}
