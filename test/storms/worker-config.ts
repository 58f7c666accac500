import type { PolarStrategyOptions } from 'passport-polar-sh';

/** The configuration of a worker process, as JSON in its environment. */
export interface WorkerConfig {
  /** The emulator's strategy options without its clock, and the changes of a test. */
  readonly strategy: Pick<
    PolarStrategyOptions,
    'clientID' | 'clientSecret' | 'callbackURL' | 'server' | 'timeoutMs'
  >;
  /** Where Polar sends people who link an account instead of logging in. */
  readonly linkURL: string;
  /** Redis of the sessions, through connect-redis. */
  readonly sessionsURL: string;
  /** Redis of `redisStorage`, or PostgreSQL of `postgresStorage`. */
  readonly storageURL: string;
  /** Where logins are shared: in the session store (the default), or in that Redis or PostgreSQL. */
  readonly storage: 'session' | 'redis' | 'postgres';
  /** How far the emulator's clock is ahead of the machine's. */
  readonly skippedMs: number;
  /**
   * Stops at the end of each response, as on a host that runs a process only while it has a request; with `settledWithinMs`,
   * it awaits `polar.settled` first.
   */
  readonly freezes?: { readonly settledWithinMs?: number };
  /** Make moments long enough for a SIGKILL. */
  readonly pauses?: { readonly afterLockMs: number; readonly beforeRecordMs: number };
}

/** Writes to the session store, by the kind of the key. */
export interface StoreCounts {
  sessionWrites: number;
  sessionTouches: number;
  /** Of tokens. */
  recordWrites: number;
}

/** What a test can ask of a worker. */
export interface WorkerTasks {
  /** Sets the clock. */
  setClock(skippedMs: number): void;
  /** Holds `GET /token` back after its session is loaded, until {@link WorkerTasks.open}. */
  hold(): void;
  /** How many requests wait. */
  held(): number;
  /** Releases all requests that wait. */
  open(): void;
  /** The counts since the last time. */
  takeCounts(): StoreCounts;
}

/** A step of a refresh, in the order in which they come. */
export type RefreshMoment = 'locked' | 'asked' | 'answered' | 'recorded' | 'released';

/** What a worker reports without being asked. */
export type WorkerNews =
  | { readonly news: 'listening'; readonly port: number }
  /**
   * `of` is the login id, or the id of the row in a session store; for `asked` and `answered` it is the refresh token
   * that was sent.
   */
  | { readonly news: 'moment'; readonly moment: RefreshMoment; readonly of: string }
  /** What was left when it ended after a SIGTERM. */
  | { readonly news: 'settled'; readonly exchanges: number; readonly writes: number }
  | { readonly news: 'diagnostic'; readonly event: string; readonly loginId: string | undefined };

export interface WorkerTask {
  readonly id: number;
  readonly task: keyof WorkerTasks;
  readonly argument: unknown;
}

export interface WorkerAnswer {
  readonly answerTo: number;
  readonly result: unknown;
}
