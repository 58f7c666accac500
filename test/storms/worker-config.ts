import type { PolarStrategyOptions } from 'passport-polar-sh';

/** What a worker process is told at its start, as JSON in its environment. */
export interface WorkerConfig {
  /** What the emulator says the strategy needs, without its clock, and what a test wants different. */
  readonly strategy: Pick<
    PolarStrategyOptions,
    'clientID' | 'clientSecret' | 'callbackURL' | 'server' | 'timeoutMs'
  >;
  /** Where Polar sends people back to who link an account instead of logging in. */
  readonly linkURL: string;
  /** Redis of the sessions, through connect-redis. */
  readonly sessionsURL: string;
  /** Redis of `redisStorage`. */
  readonly storageURL: string;
  /** Where logins are shared: in the session store (no option at all), or in the Redis of `redisStorage`. */
  readonly storage: 'session' | 'redis';
  /** By how much the emulator's clock is ahead of the machine's. */
  readonly skippedMs: number;
  /** What makes moments long enough to be hit by a SIGKILL. */
  readonly pauses?: { readonly afterLockMs: number; readonly beforeRecordMs: number };
}

/** What the session store was asked for, split by what the key is for. */
export interface StoreCounts {
  sessionWrites: number;
  sessionTouches: number;
  /** Of tokens. */
  recordWrites: number;
}

/** What a worker does when the test asks. */
export interface WorkerTasks {
  /** Sets the clock. */
  setClock(skippedMs: number): void;
  /** Holds `GET /token` back, behind its session's loading, until {@link WorkerTasks.open}. */
  hold(): void;
  /** How many requests wait. */
  held(): number;
  /** Lets all go on that wait. */
  open(): void;
  /** What was counted since the last time. */
  takeCounts(): StoreCounts;
}

/** A moment in the life of a refresh, in the order in which they come. */
export type RefreshMoment = 'locked' | 'asked' | 'answered' | 'recorded' | 'released';

/** What a worker tells without being asked. */
export type WorkerNews =
  | { readonly news: 'listening'; readonly port: number }
  /**
   * `of` is the login id, or the id of the row in a session store; for `asked` and `answered` it is the refresh token that
   * was sent.
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
