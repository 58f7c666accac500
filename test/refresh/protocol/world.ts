/**
 * Which tokens: 0 are those of the login, each refresh makes the next. A pair is named by its generation alone,
 * since Polar accepts a refresh token once, so that no generation is ever minted twice.
 */
export type Generation = number;
export const none = -1;
/** What has been seen of a key of the store: not looked yet; the store did not answer; or what was there. */
export const unread = -2;
export const unreadable = -3;

/** One process of the app. It is in the middle of at most one refresh, one record to write, and one logout. */
export interface Process {
  /** The tokens in the copy of the session that it holds: always those of the login. None: no session at hand. */
  readonly entry: Generation;
  /** The newest tokens it knows. None: it has not looked yet. Gone when it dies. */
  readonly known: Generation;
  /** Polar gave them to this very process: it knows how old they are. */
  readonly mintedHere: boolean;
  readonly knowsEnd: boolean;
  /** It has given the login up at this generation: only a later one helps. */
  readonly rejected: Generation;
  /** The API answered 401 to this access token. */
  readonly unwanted: Generation;
  /** `lost`: the lease has expired, and its owner does not know. */
  readonly lock: 'no' | 'held' | 'lost';

  readonly refresh: 'no' | 'wants lock' | 'reads' | 'asks' | 'records' | 'doubts';
  readonly isFirstLook: boolean;
  readonly sawEnd: 'unread' | 'not asked' | 'no' | 'yes' | 'unreadable';
  readonly sawRecord: Generation;
  /** The refresh token that it sent, and how that went. */
  readonly sent: Generation;
  readonly answer: 'none' | 'tokens' | 'invalid_grant' | 'error';
  readonly isLastLook: boolean;
  readonly askedTwice: boolean;
  /** How many requests it made with the refresh token of which generation. */
  readonly asked: { readonly generation: Generation; readonly times: number };

  /** The record it is writing, in the background once the store has failed. */
  readonly writer: 'no' | 'checks' | 'writes' | 'checks again' | 'looks for end' | 'revokes';
  readonly writes: Generation;
  readonly inBackground: boolean;

  readonly logout: 'no' | 'looks first' | 'marks' | 'reads' | 'revokes';
  readonly revokes: Generation;
}

/** The whole world around one login. */
export interface State {
  readonly processes: readonly Process[];
  /** The one pair that Polar accepts, none once revoked; and whether Polar has committed it. */
  readonly live: Generation;
  readonly committed: boolean;
  /** All generations below have expired. */
  readonly expired: Generation;
  /** The record's tokens; the mark of the end, under its own key; the session's tokens. */
  readonly record: Generation;
  readonly ended: boolean;
  readonly session: Generation;
  /** The lock belongs to a process that has died. */
  readonly lockOfDead: boolean;
  /** Requests whose sender has given up waiting, and writes that were reported as failed: both may yet take effect. */
  readonly strayRequests: readonly Generation[];
  readonly lateWrites: readonly Generation[];
  /** How many token requests there were with the refresh token of each generation. */
  readonly requests: readonly number[];

  /** What may still go wrong. */
  readonly crashesLeft: number;
  readonly lossesLeft: number;
  readonly failuresLeft: number;
  readonly logoutsLeft: number;

  /** What did happen of that which alone may cost a login, or leave tokens behind after a logout. */
  /** Polar's answer with tokens never arrived, or the process that received it died before the record was written. */
  readonly tokensLost: boolean;
  /** A process died that still had to revoke tokens, or look whether it must; or Polar never heard the revocation. */
  readonly endCutShort: boolean;
}

/** What may happen in a world. */
export interface World {
  readonly processes: number;
  /** How often the tokens expire. */
  readonly rounds: number;
  /** `leased`: can be taken by nobody, expire while its owner works, and outlive it. */
  readonly lock: 'none' | 'working' | 'leased';
  readonly store: 'compare-and-set' | 'read-check-write';
  /** How many processes die, messages to or from Polar get lost, operations of the store fail, people log out. */
  readonly crashes: number;
  readonly losses: number;
  readonly failures: number;
  readonly logouts: number;
  /** Sessions are loaded, written back at any later time, and destroyed at logout; else everybody holds one for ever. */
  readonly staleSessions: boolean;
  /** A write that failed may take effect later. */
  readonly lateWrites: boolean;
  /** The store may forget a record of a login that is still in use. */
  readonly forgetfulStore: boolean;
  /** Polar commits after it has answered; until then it knows the new tokens no more than the API does. */
  readonly commitLag: boolean;
  /** Token requests are counted, where a rule asks for it. */
  readonly counted: boolean;
}

/** The protocol, in what can be got wrong. */
export interface Protocol {
  readonly readsBeforeSending: boolean;
  readonly recordsBeforeRelease: boolean;
  /** How long a refusal is doubted: not at all, as long as no store is down for longer, or however long it takes. */
  readonly doubts: 'never' | 'within bounds' | 'until all have written';
  /** Where a store that does not answer is taken for one in which there is nothing. */
  readonly believesUnreadable: 'never' | 'at the last look' | 'after recording' | 'logging out';
  readonly newestWins: boolean;
  readonly tokensIn: 'record' | 'session';
  readonly firstLookSeesEnd: boolean;
  readonly looksForEnd: 'never' | 'in the foreground' | 'after every write';
  readonly logoutReads: 'before marking' | 'after marking';
  readonly endHasOwnKey: boolean;
  /** Who knows that tokens are so young that Polar may not have committed them. */
  readonly ageKnownTo: 'minter' | 'everybody';
  /** Whether a process may run out of room for what it knows before that has been recorded. */
  readonly remembersUnrecorded: boolean;
}

export const protocolAsDescribed: Protocol = {
  readsBeforeSending: true,
  recordsBeforeRelease: true,
  doubts: 'until all have written',
  believesUnreadable: 'never',
  newestWins: true,
  tokensIn: 'record',
  firstLookSeesEnd: true,
  looksForEnd: 'after every write',
  logoutReads: 'after marking',
  endHasOwnKey: true,
  ageKnownTo: 'everybody',
  remembersUnrecorded: true,
};

/** Two processes, tokens that expire twice, and no trouble but one another. */
export const calmWorld: World = {
  processes: 2,
  rounds: 2,
  lock: 'none',
  store: 'compare-and-set',
  crashes: 0,
  losses: 0,
  failures: 0,
  logouts: 0,
  staleSessions: false,
  lateWrites: false,
  forgetfulStore: false,
  commitLag: false,
  counted: false,
};

/** What a refresh leaves behind when it is over. */
export const noRefresh = {
  refresh: 'no',
  isFirstLook: false,
  sawEnd: 'unread',
  sawRecord: unread,
  sent: none,
  answer: 'none',
  isLastLook: false,
  askedTwice: false,
} as const satisfies Partial<Process>;

export const noWriter = {
  writer: 'no',
  writes: none,
  inBackground: false,
} as const satisfies Partial<Process>;

/** A process that has just started. */
export function newProcess(entry: Generation): Process {
  return {
    entry,
    known: none,
    mintedHere: false,
    knowsEnd: false,
    rejected: none,
    unwanted: none,
    lock: 'no',
    asked: { generation: none, times: 0 },
    logout: 'no',
    revokes: none,
    ...noRefresh,
    ...noWriter,
  };
}

/** Right after the login: its tokens are in the session, and nobody but the session knows them. */
export function initialState(world: World): State {
  const process = newProcess(world.staleSessions ? none : 0);
  return {
    processes: Array.from({ length: world.processes }, () => process),
    live: 0,
    committed: true,
    expired: 0,
    record: none,
    ended: false,
    session: 0,
    lockOfDead: false,
    strayRequests: [],
    lateWrites: [],
    requests: [],
    crashesLeft: world.crashes,
    lossesLeft: world.losses,
    failuresLeft: world.failures,
    logoutsLeft: world.logouts,
    tokensLost: false,
    endCutShort: false,
  };
}

/** Processes are all alike: which is which does not matter. */
export function keyOf(state: State): string {
  const { processes, ...world } = state;
  return `${wordsOf(world)}|${processes.map(processKey).sort().join('|')}`;
}

// A step changes one process: the others need not be spelt out again.
const processKeys = new WeakMap<Process, string>();

function processKey(process: Process): string {
  const key = processKeys.get(process) ?? wordsOf(process);
  processKeys.set(process, key);
  return key;
}

const wordsOf = (record: object): string =>
  Object.values(record)
    .map((value) => (typeof value === 'object' ? Object.values(value).join('+') : value))
    .join();

/** Whether nobody is in the middle of anything, and nothing is under way. */
export function isQuiet(state: State): boolean {
  return (
    state.committed &&
    state.strayRequests.length === 0 &&
    state.lateWrites.length === 0 &&
    state.processes.every(
      ({ refresh, writer, logout }) => refresh === 'no' && writer === 'no' && logout === 'no',
    )
  );
}

export function withProcess(state: State, who: number, change: Partial<Process>): State {
  return {
    ...state,
    processes: state.processes.map((process, index) => (index === who ? { ...process, ...change } : process)),
  };
}

export function processAt(state: State, who: number): Process {
  const process = state.processes[who];
  if (process === undefined) throw new RangeError(`No process ${who}`);
  return process;
}

/** What processes other than the one that minted them can read of the newest tokens. */
export function shared(state: State, protocol: Protocol): Generation {
  return protocol.tokensIn === 'session' ? state.session : state.record;
}

/** Whether Polar has answered this process with tokens that are not recorded yet. */
export function holdsUnrecorded({ refresh, answer, writer }: Process): boolean {
  return (refresh === 'asks' && answer === 'tokens') || writer === 'checks' || writer === 'writes';
}

/** Whether Polar's live tokens can be had by nobody: not recorded, and no living process has them or will get them. */
export function isOrphaned(state: State, protocol: Protocol): boolean {
  const { live } = state;
  return (
    live !== none &&
    // Those of the login are in every session.
    live !== 0 &&
    shared(state, protocol) !== live &&
    !state.processes.some(
      ({ known, answer, sent }) => known === live || (answer === 'tokens' && sent + 1 === live),
    )
  );
}
