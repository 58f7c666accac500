import type { PolarErrorCode } from './errors.js';
import type { LoginEndReason } from './login-end-reason.js';

// One interface per event, each with all of its fields: docs/observability.md lists them, and a test compares the two. `loginId`
// is the random id of a login, the same from login to logout; it is no credential. Every duration is measured on the monotonic
// clock of this process.

/** A browser is sent to Polar's authorize page. */
export interface LoginStarted {
  readonly event: 'login-started';
}

/** A user is logged in, or has connected an account, and the tokens are stored. */
export interface LoggedIn {
  readonly event: 'logged-in';
  readonly loginId: string;
  /** Milliseconds since the callback request arrived; since `req.login`, if the app calls it in a later request. */
  readonly durationMs: number;
}

/** Code of a {@link LoginFailed}: that of the error or failure, or one of four that are only published. */
export type LoginFailedCode =
  | PolarErrorCode
  | 'session_cookie_not_set'
  | 'response_lost'
  | 'nobody_logged_in'
  | 'app_error';

/** A login has failed, was cancelled, or succeeded in vain. */
export interface LoginFailed {
  readonly event: 'login-failed';
  readonly code: LoginFailedCode;
  /** What failed and what to do, for the developer. */
  readonly reason: string;
  /** The error, if it was one. With `app_error` it is an error of the app, which may contain anything. */
  readonly error?: unknown;
  /** Milliseconds since the callback request arrived; absent if the login failed at its start or in a guard. */
  readonly durationMs?: number;
}

/** A session holds a login that this process cannot decrypt. Published once per session. */
export interface EntryUnreadable {
  readonly event: 'entry-unreadable';
  /** The strategy's option of this name. */
  readonly sessionKey: string;
}

/** The app's code threw after the response had been sent. */
export interface FaultAfterResponse {
  readonly event: 'fault-after-response';
  /** An error of the app, which may contain anything. */
  readonly error: unknown;
}

/** Polar has issued new tokens. */
export interface Refreshed {
  readonly event: 'refreshed';
  readonly loginId: string;
  /** Number of refreshes of this login so far. */
  readonly generation: number;
  /** Milliseconds from the request to Polar until the new tokens were recorded, without the wait for the lock. */
  readonly durationMs: number;
}

/** A request for new tokens has failed. The login is not lost unless `ended` follows. */
export interface RefreshFailed {
  readonly event: 'refresh-failed';
  readonly loginId: string;
  readonly error: unknown;
  /** Milliseconds from the request to Polar until it failed. */
  readonly durationMs: number;
}

/** A refresh has waited for another process that held the lock of the login. */
export interface LockWaited {
  readonly event: 'lock-waited';
  readonly loginId: string;
  /** Milliseconds until the lock or the other process's tokens were there, or the wait was given up. */
  readonly durationMs: number;
}

/** The storage could not provide the lock: the refresh goes on without it. */
export interface LockUnavailable {
  readonly event: 'lock-unavailable';
  readonly loginId: string;
  readonly error: unknown;
}

/** Polar has issued two pairs of tokens for one refresh token; this process keeps the second as a spare. */
export interface Tie {
  readonly event: 'tie';
  readonly loginId: string;
  readonly generation: number;
}

/** The id_token that came with refreshed tokens could not be verified now, and was ignored. */
export interface IdTokenUnverified {
  readonly event: 'id-token-unverified';
  readonly loginId: string;
  readonly error: unknown;
}

/** The storage could not be read, or holds a record that this process cannot decrypt. */
export interface RecordUnreadable {
  readonly event: 'record-unreadable';
  readonly loginId: string;
  readonly error: unknown;
}

/** The storage did not take the tokens or the end of a login. The write is tried again. */
export interface RecordNotWritten {
  readonly event: 'record-not-written';
  readonly loginId: string;
  readonly error: unknown;
}

/** The storage has not taken a row for an hour, and it is not written again. */
export interface RecordGivenUp {
  readonly event: 'record-given-up';
  readonly loginId: string;
}

/** The storage had lost the newest tokens of a login; this process writes them again. */
export interface RecordRestored {
  readonly event: 'record-restored';
  readonly loginId: string;
  readonly generation: number;
}

/** A user has logged out with `logout`. One message for each login of the session. */
export interface LoggedOut {
  readonly event: 'logged-out';
  /** Absent if the session had no login with Polar. */
  readonly loginId?: string;
}

/** A login has ended. Each process publishes it when it notices, once. */
export interface Ended {
  readonly event: 'ended';
  readonly loginId: string;
  readonly reason: LoginEndReason;
}

/** A login was ended for all processes, but without the revocation of its tokens. */
export interface EndFailed {
  readonly event: 'end-failed';
  readonly loginId: string;
  readonly error: unknown;
}

/** The `onLoginEnded` callback of the app has failed. */
export interface OnLoginEndedFailed {
  readonly event: 'on-login-ended-failed';
  readonly loginId: string;
  /** An error of the app, which may contain anything. */
  readonly error: unknown;
}

/** Polar has revoked tokens, or, with `error`, has not: they may still be valid. A failed revocation is tried again. */
export interface Revocation {
  readonly event: 'revocation';
  /** Absent if the tokens never became a login. */
  readonly loginId?: string;
  readonly error?: unknown;
}

/** Polar's API refused an access token, and the request is sent again with another one. */
export interface RetriedAfter401 {
  readonly event: 'retried-after-401';
  readonly loginId: string;
}

/** The messages on each channel of `node:diagnostics_channel`. */
export interface PolarDiagnosticChannels {
  readonly 'passport-polar-sh:login':
    | LoginStarted
    | LoggedIn
    | LoginFailed
    | EntryUnreadable
    | FaultAfterResponse;
  readonly 'passport-polar-sh:refresh':
    | Refreshed
    | RefreshFailed
    | LockWaited
    | LockUnavailable
    | Tie
    | IdTokenUnverified
    | RecordUnreadable
    | RecordNotWritten
    | RecordGivenUp
    | RecordRestored;
  readonly 'passport-polar-sh:logout': LoggedOut | Ended | EndFailed | OnLoginEndedFailed | Revocation;
  readonly 'passport-polar-sh:request': RetriedAfter401;
}

/**
 * A message on one of the {@link PolarDiagnosticChannels}. `event` says which; docs/observability.md has them all, with examples.
 * No message contains a token, a secret, an authorization code or a cookie.
 *
 * @example
 * ```ts
 * subscribe('passport-polar-sh:refresh', (message) => {
 *   const diagnostic = message as PolarDiagnostic;
 *   if (diagnostic.event === 'refreshed') refreshTime.record(diagnostic.durationMs);
 * });
 * ```
 */
export type PolarDiagnostic = PolarDiagnosticChannels[keyof PolarDiagnosticChannels];
