import type { Prompt, SubType } from '../client/authorization-url.js';

/** The request of a login attempt and its destination: everything needed to start it again. */
export interface AttemptRequest {
  /** Exactly as sent to the authorize page: the token request must repeat it. */
  readonly redirectURI: string;
  readonly scopes: readonly string[];
  readonly subType?: SubType | undefined;
  readonly prompt?: Prompt | undefined;
  /** Id of the organization that a guard requires and the user is to pick. */
  readonly organization?: string | undefined;
  /** Additional parameters of the authorize page. */
  readonly extra: Readonly<Record<string, string>>;
  readonly returnTo?: string | undefined;
  /** The `state` that the app passed; it never reaches Polar. */
  readonly appState?: unknown;
  /** Identity of the user who was logged in: an account is linked to no other user. */
  readonly startedBy?: string | undefined;
  /** True if `passport.authorize` started the attempt, which connects an account without logging in. */
  readonly isLinking?: boolean | undefined;
  /** How often this login was restarted because a response arrived again. */
  readonly restarts?: number | undefined;
}

/** A login that has started, and whose response has not arrived yet. */
export interface LoginAttempt extends AttemptRequest {
  /** The client and server of the request: a response is exchanged with no others (mix-up, RFC 9700 section 4.4). */
  readonly clientID: string;
  readonly server: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** An attempt whose response has been taken: its nonce and verifier are valid for one exchange only. */
export interface UsedAttempt extends Omit<LoginAttempt, 'nonce' | 'codeVerifier'> {
  /** Identifies the request that took it. */
  readonly takenBy: string;
  /** True if the browser was sent to Polar again because its response arrived again. */
  readonly isRestarted?: boolean;
}

/** The sealed content of a row in the store. */
export type StoredAttempt = LoginAttempt | UsedAttempt;

/** A row in the store. The fields outside the seal open nothing. */
export interface AttemptRow {
  /**
   * Exact name of the cookie that holds the key. If it has the host prefix, a cookie without the prefix, which a
   * sibling host can plant, must not open the attempt.
   */
  readonly cookie: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly sealed: string;
}

/** True if an attempt has already been taken. */
export const isUsed = (attempt: StoredAttempt): attempt is UsedAttempt => 'takenBy' in attempt;

/** Parses a row from the store; undefined if it is not one. */
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
