/** Everything that is to happen in one run, spelt out, so that parts of it can be left out. */

export type StoreKind = 'batch' | 'atomic' | 'session store';

/** How one exchange at Polar goes, in the order in which they are sent. */
export interface Fate {
  /** Until Polar turns to it. */
  readonly queuedMs: number;
  /** From then to the response. */
  readonly workMs: number;
  /** Polar commits so long after it has responded; a negative number means: as soon as it has turned to it. */
  readonly commitLagMs: number;
  /**
   * `request lost`: Polar never hears of it. `response lost`: the connection breaks. `gateway`: somebody in between responds with
   * 502 or 504 for it; `unheard gateway`: the same, and Polar never hears of it. `silence`: Polar acts and nothing ever comes.
   */
  readonly mishap?: 'request lost' | 'response lost' | 'gateway' | 'unheard gateway' | 'silence';
  /** What it comes to where another exchange of the same token is being worked on. */
  readonly ifLoser: '400' | '500' | '200';
  readonly loserWaitMs: number;
}

export const quickFate: Fate = {
  queuedMs: 20,
  workMs: 50,
  commitLagMs: -1,
  ifLoser: '400',
  loserWaitMs: 50,
};

/** When something happens to a process: after so long, or at one of its steps from then on. */
export interface When {
  readonly round: number;
  readonly atMs: number;
  /** How many messages are sent or received first. */
  readonly steps?: number;
}

export type StoreTrouble =
  | 'slow'
  | 'refuses'
  | 'breaks off'
  | 'hangs'
  | 'hangs, and acts'
  | 'acts late'
  | 'read-only';

export type Happening =
  | {
      readonly what: 'visit' | 'new tokens' | 'log out' | 'restart';
      readonly process: number;
      readonly when: When;
    }
  | { readonly what: 'stop'; readonly process: number; readonly when: When; readonly forMs: number }
  | { readonly what: 'kill'; readonly process: number; readonly when: When; readonly downMs: number }
  | {
      readonly what: 'store trouble';
      /** All of them where it is not given. */
      readonly process?: number;
      readonly when: When;
      readonly forMs: number;
      readonly trouble: StoreTrouble;
      readonly delayMs: number;
    }
  | {
      readonly what: 'rows lost';
      readonly when: When;
      readonly rows: 'record' | 'lock' | 'tombstone' | 'all';
    };

export interface Scenario {
  readonly seed: number;
  readonly processes: number;
  readonly store: StoreKind;
  /** What one way to the store takes at most. */
  readonly storeMs: number;
  /** How far reads are behind at most. */
  readonly lagMs: number;
  readonly timeoutMs: number;
  readonly leewayMs: number;
  readonly lifetimeMs: number;
  /** Added to the wall clock of each process. */
  readonly clocksMs: readonly number[];
  /** How often tokens expire while things happen, and how long things happen then. */
  readonly rounds: number;
  readonly roundMs: number;
  readonly fates: readonly Fate[];
  readonly happenings: readonly Happening[];
}
