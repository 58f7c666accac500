/** Everything that happens in one run, spelled out, so that parts of it can be left out. */

export type StoreKind = 'batch' | 'atomic' | 'session store';

/** How one exchange at Polar goes. Exchanges take their fates in the order in which they are sent. */
export interface Fate {
  /** The time until Polar starts to work on it. */
  readonly queuedMs: number;
  /** The time from then to the response. */
  readonly workMs: number;
  /** How long after its response Polar commits; a negative number means as soon as it starts to work. */
  readonly commitLagMs: number;
  /**
   * `request lost`: Polar never receives it. `response lost`: the connection breaks. `gateway`: a proxy responds with 502
   * or 504; `unheard gateway`: the same, and Polar never receives it. `silence`: Polar acts, and no response ever comes.
   */
  readonly mishap?: 'request lost' | 'response lost' | 'gateway' | 'unheard gateway' | 'silence';
  /** The outcome while another exchange of the same token is in progress. */
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

/** When something happens to a process: at a time, or at one of its steps after that. */
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
      /** All processes if it is missing. */
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
  /** The longest time that one way to the store takes. */
  readonly storeMs: number;
  /** How far reads lag at most. */
  readonly lagMs: number;
  readonly timeoutMs: number;
  readonly leewayMs: number;
  readonly lifetimeMs: number;
  /** Added to the wall clock of each process. */
  readonly clocksMs: readonly number[];
  /** How often tokens expire while things happen, and how long each of these rounds takes. */
  readonly rounds: number;
  readonly roundMs: number;
  readonly fates: readonly Fate[];
  readonly happenings: readonly Happening[];
}
