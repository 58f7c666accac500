import type { PolarError, PolarErrorCode } from './errors.js';
import type { LoginEndReason } from './login-end-reason.js';

/**
 * The fields of each event, beside `event` itself, by channel. `loginId` is the random id of a login, the same from login to
 * logout; it is no credential. Durations are measured on the monotonic clock of the process, and have fractions. An `error` is an
 * `Error`, unless the app or its storage threw something else; most are a {@link PolarError} with a `code`.
 *
 * @group Diagnostics
 */
export interface PolarDiagnosticEvents {
  /**
   * A browser is sent to Polar's authorize page. There are no other fields.
   *
   * @group passport-polar-sh:login
   */
  readonly 'login-started': Record<never, never>;

  /**
   * A user is logged in, or has connected an account, and the tokens are stored.
   *
   * @group passport-polar-sh:login
   */
  readonly 'logged-in': {
    /** Id of the login. */
    readonly loginId: string;
    /** Milliseconds since the callback request arrived; since `req.login`, if the app calls it in a later request. */
    readonly durationMs: number;
  };

  /**
   * A login has failed, was cancelled, or succeeded in vain.
   *
   * @group passport-polar-sh:login
   */
  readonly 'login-failed': {
    /** That of the error or failure, or one of four that are only published. */
    readonly code:
      | PolarErrorCode
      | 'session_cookie_not_set'
      | 'response_lost'
      | 'nobody_logged_in'
      | 'app_error';
    /** What failed and what to do, for the developer. */
    readonly reason: string;
    /** The error, if it was one. With `app_error` it is an error of the app, which may contain anything. */
    readonly error?: unknown;
    /** Milliseconds since the callback request arrived; absent if the login failed at its start or in a guard. */
    readonly durationMs?: number;
  };

  /**
   * A session holds a login that this process cannot decrypt. Published once per session.
   *
   * @group passport-polar-sh:login
   */
  readonly 'entry-unreadable': {
    /** The strategy's option of this name. */
    readonly sessionKey: string;
  };

  /**
   * The app's code threw after the response had been sent.
   *
   * @group passport-polar-sh:login
   */
  readonly 'fault-after-response': {
    /** An error of the app, which may contain anything. */
    readonly error: unknown;
  };

  /**
   * Polar has issued new tokens.
   *
   * @group passport-polar-sh:refresh
   */
  readonly refreshed: {
    /** Id of the login. */
    readonly loginId: string;
    /** Number of refreshes of this login so far. */
    readonly generation: number;
    /** Milliseconds from the request to Polar until the new tokens were recorded, without the wait for the lock. */
    readonly durationMs: number;
  };

  /**
   * A request for new tokens has failed. The login is not lost unless `ended` follows.
   *
   * @group passport-polar-sh:refresh
   */
  readonly 'refresh-failed': {
    /** Id of the login. */
    readonly loginId: string;
    /** What Polar responded, or why it did not. */
    readonly error: unknown;
    /** Milliseconds from the request to Polar until it failed. */
    readonly durationMs: number;
  };

  /**
   * A refresh has waited for another process that held the lock of the login.
   *
   * @group passport-polar-sh:refresh
   */
  readonly 'lock-waited': {
    /** Id of the login. */
    readonly loginId: string;
    /** Milliseconds until the lock or the other process's tokens were there, or the wait was given up. */
    readonly durationMs: number;
  };

  /**
   * The storage could not provide the lock: the refresh goes on without it.
   *
   * @group passport-polar-sh:refresh
   */
  readonly 'lock-unavailable': {
    /** Id of the login. */
    readonly loginId: string;
    /** That of the storage. */
    readonly error: unknown;
  };

  /**
   * Polar has issued two pairs of tokens for one refresh token; this process keeps the second as a spare.
   *
   * @group passport-polar-sh:refresh
   */
  readonly tie: {
    /** Id of the login. */
    readonly loginId: string;
    /** Number of refreshes of this login so far. */
    readonly generation: number;
  };

  /**
   * The id_token that came with refreshed tokens could not be verified now, and was ignored.
   *
   * @group passport-polar-sh:refresh
   */
  readonly 'id-token-unverified': {
    /** Id of the login. */
    readonly loginId: string;
    /** Why it could not be verified. */
    readonly error: unknown;
  };

  /**
   * The storage could not be read, or holds a record that this process cannot decrypt.
   *
   * @group passport-polar-sh:refresh
   */
  readonly 'record-unreadable': {
    /** Id of the login. */
    readonly loginId: string;
    /** That of the storage, or of the decryption. */
    readonly error: unknown;
  };

  /**
   * The storage did not take the tokens or the end of a login. The write is tried again.
   *
   * @group passport-polar-sh:refresh
   */
  readonly 'record-not-written': {
    /** Id of the login. */
    readonly loginId: string;
    /** That of the storage. */
    readonly error: unknown;
  };

  /**
   * The storage has not taken a row for an hour. It is written again when the login is next used.
   *
   * @group passport-polar-sh:refresh
   */
  readonly 'record-given-up': {
    /** Id of the login. */
    readonly loginId: string;
  };

  /**
   * The storage had lost the newest tokens of a login; this process writes them again.
   *
   * @group passport-polar-sh:refresh
   */
  readonly 'record-restored': {
    /** Id of the login. */
    readonly loginId: string;
    /** Number of refreshes of this login so far. */
    readonly generation: number;
  };

  /**
   * A user has logged out with `logout`. One message for each login of the session.
   *
   * @group passport-polar-sh:logout
   */
  readonly 'logged-out': {
    /** Absent if the session had no login with Polar. */
    readonly loginId?: string;
  };

  /**
   * A login has ended. Each process publishes it when it notices, once.
   *
   * @group passport-polar-sh:logout
   */
  readonly ended: {
    /** Id of the login. */
    readonly loginId: string;
    /** Why it has ended. */
    readonly reason: LoginEndReason;
  };

  /**
   * A login was ended for all processes, but without the revocation of its tokens.
   *
   * @group passport-polar-sh:logout
   */
  readonly 'end-failed': {
    /** Id of the login. */
    readonly loginId: string;
    /** Why the tokens could not be decrypted, or the end not recorded. */
    readonly error: unknown;
  };

  /**
   * The `onLoginEnded` callback of the app has failed.
   *
   * @group passport-polar-sh:logout
   */
  readonly 'on-login-ended-failed': {
    /** Id of the login. */
    readonly loginId: string;
    /** An error of the app, which may contain anything. */
    readonly error: unknown;
  };

  /**
   * Polar has revoked tokens, or, with `error`, has not: they may still be valid. A failed revocation is tried again.
   *
   * @group passport-polar-sh:logout
   */
  readonly revocation: {
    /** Absent if the tokens never became a login. */
    readonly loginId?: string;
    /** Why Polar has not revoked them; absent if it has. */
    readonly error?: unknown;
  };

  /**
   * Polar's API refused an access token, and the request is sent again with another one.
   *
   * @group passport-polar-sh:request
   */
  readonly 'retried-after-401': {
    /** Id of the login. */
    readonly loginId: string;
  };
}

/**
 * The events on each channel of `node:diagnostics_channel`.
 *
 * @group Diagnostics
 */
export interface PolarDiagnosticChannels {
  /** Logins, from the redirect to Polar until the user is logged in. */
  readonly 'passport-polar-sh:login':
    | 'login-started'
    | 'logged-in'
    | 'login-failed'
    | 'entry-unreadable'
    | 'fault-after-response';
  /** Refreshes of tokens, and the storage and locks that they need. */
  readonly 'passport-polar-sh:refresh':
    | 'refreshed'
    | 'refresh-failed'
    | 'lock-waited'
    | 'lock-unavailable'
    | 'tie'
    | 'id-token-unverified'
    | 'record-unreadable'
    | 'record-not-written'
    | 'record-given-up'
    | 'record-restored';
  /** Logins that end, and the revocation of their tokens. */
  readonly 'passport-polar-sh:logout':
    | 'logged-out'
    | 'ended'
    | 'end-failed'
    | 'on-login-ended-failed'
    | 'revocation';
  /** Requests of the app to Polar's API. */
  readonly 'passport-polar-sh:request': 'retried-after-401';
}

/**
 * A message on one of the {@link PolarDiagnosticChannels}: `event` says which, and {@link PolarDiagnosticEvents} has its other
 * fields. docs/observability.md has examples. No message contains a token, a secret, an authorization code or a cookie.
 *
 * @typeParam Event only the messages of these events
 *
 * @example
 * ```ts
 * subscribe('passport-polar-sh:refresh', (published) => {
 *   const message = published as PolarDiagnostic;
 *   if (message.event === 'refreshed')
 *     console.log(`refreshed in ${message.durationMs} ms`);
 * });
 * ```
 *
 * @group Diagnostics
 */
export type PolarDiagnostic<Event extends keyof PolarDiagnosticEvents = keyof PolarDiagnosticEvents> = {
  [E in Event]: {
    /** Name of the event. */
    readonly event: E;
  } & PolarDiagnosticEvents[E];
}[Event];
