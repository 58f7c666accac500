import type { Fetch } from '../../http/http.js';
import type { PolarServer, ResolvedServer } from '../../options/server.js';
import type { CheckResult } from './check.js';

/** Environment variables. */
export type Env = Readonly<Record<string, string | undefined>>;

/** The app that is checked, as far as it shows from outside. */
export interface ExaminedApp {
  readonly env: Env;
  /** The folder from which the packages of the app are resolved. */
  readonly folder: string;
  readonly nodeVersion: string;
  /** Undefined if the environment names none; `server.result` then says why. */
  readonly server: {
    readonly option?: PolarServer;
    readonly resolved?: ResolvedServer;
    readonly result: CheckResult;
  };
  /** What is wrong with the client id, if anything is. */
  readonly clientID: ExaminedValue;
  readonly clientSecret: ExaminedValue;
  readonly redirectURI: string;
  /** False if the redirect URI is the default of the command. */
  readonly isRedirectURIGiven: boolean;
  readonly scopes: readonly string[];
  /** Absolute path of a module. */
  readonly sessionStore: string | undefined;
  readonly fetch: Fetch;
  readonly now: () => number;
  /** Milliseconds for each request. */
  readonly requestMs: number;
  /** The first request to Polar, which several checks look at. */
  readonly contact: Promise<PolarContact> | undefined;
  /** Runs code of the app in a process of its own. */
  readonly runProbe: (name: ProbeName, args: readonly string[]) => Promise<CheckResult>;
}

/** A value of the environment: `value` is undefined if it is missing or unusable. */
export interface ExaminedValue {
  readonly value?: string;
  readonly result: CheckResult;
}

/** A check that runs code of the app. */
export type ProbeName = 'session-store' | 'redis' | 'postgres';

/** What became of the first request to Polar. */
export type PolarContact =
  | {
      readonly status: number;
      readonly body: unknown;
      /** The `Date` header. */
      readonly date: string | null;
      /** Milliseconds since the epoch, by the clock of this machine. */
      readonly sentAt: number;
      readonly receivedAt: number;
    }
  | { readonly error: unknown };
