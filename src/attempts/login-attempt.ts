import type { Prompt, SubType } from '../client/authorization-url.js';

/** What a login attempt asks of Polar, and where it leads: all that is needed to start it once more. */
export interface AttemptRequest {
  /** To the letter what was sent to the authorize page: the token request must repeat it. */
  readonly redirectURI: string;
  readonly scopes: readonly string[];
  readonly subType?: SubType | undefined;
  readonly prompt?: Prompt | undefined;
  /** Id of the organization that a guard needs, and that the person is to pick. */
  readonly organization?: string | undefined;
  /** Further parameters of the authorize page. */
  readonly extra: Readonly<Record<string, string>>;
  readonly returnTo?: string | undefined;
  /** What the app gave as `state`; it never reaches Polar. */
  readonly appState?: unknown;
  /** Identity of the user who was logged in: an account is linked to nobody else. */
  readonly startedBy?: string | undefined;
  /** True where `passport.authorize` has started it, which connects an account and logs nobody in. */
  readonly isLinking?: boolean | undefined;
  /** How often this login was started once more, because a response came again. */
  readonly restarts?: number | undefined;
}

/** A login that was started and has not come back yet. */
export interface LoginAttempt extends AttemptRequest {
  /** The client and server that were asked: a response is taken to no other (mix-up, RFC 9700 section 4.4). */
  readonly clientID: string;
  readonly server: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** The same once its response has been taken: nonce and verifier are good for one exchange. */
export interface UsedAttempt extends Omit<LoginAttempt, 'nonce' | 'codeVerifier'> {
  /** Names who has taken it. */
  readonly takenBy: string;
  /** True when the browser was sent to Polar once more, because its response came again. */
  readonly isRestarted?: boolean;
}

/** What is sealed in a row of the storage. */
export type StoredAttempt = LoginAttempt | UsedAttempt;

/** A row of the storage: what stands outside the seal opens nothing. */
export interface AttemptRow {
  /**
   * Name of the cookie that holds the key, to the letter: a cookie without the prefix of the host, which a sibling host can
   * plant, must not open an attempt whose cookie has it.
   */
  readonly cookie: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly sealed: string;
}

/** Whether an attempt has been taken already. */
export const isUsed = (attempt: StoredAttempt): attempt is UsedAttempt => 'takenBy' in attempt;

/** The row that a storage holds, or undefined where it is none. */
export function parseAttemptRow(value: string): AttemptRow | undefined {
  try {
    const { cookie, startedAt, sealed } = JSON.parse(value);
    const isRow = isText(cookie) && typeof startedAt === 'number' && isText(sealed);
    return isRow ? { cookie, startedAt, sealed } : undefined;
  } catch {
    return undefined;
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
