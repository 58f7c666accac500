import { docsURL } from '../docs-url.js';
import { type LoginFailureCode, PolarLoginFailedError } from '../errors.js';

/**
 * The `info` of a failed login, for `failureMessage` and custom callbacks.
 *
 * @group Strategy
 */
export interface LoginFailure {
  /** A message for the user. */
  readonly message: string;
  /** Why the login failed, to branch on. */
  readonly code: LoginFailureCode;
  /** A hint for the developer. */
  readonly hint?: string;
  /** The address of the section about `code`, for the developer. */
  readonly docsURL: string;
}

/** A failed login, with the `info` for the app. */
export interface FailedLogin {
  readonly failure: unknown;
  readonly code: LoginFailureCode;
  readonly status?: number;
}

/** The outcome of a request to the strategy; Passport has an action for each. */
export type LoginOutcome =
  | { readonly redirect: string }
  /** Respond with this status and no body: the user does not see the response. */
  | { readonly ignored: number }
  | FailedLogin
  | {
      readonly user: Express.User;
      readonly info: unknown;
      /** Called if the app throws instead of taking the login. */
      readonly onFault?: () => void;
    };

type Failure = readonly [message: string, status?: number | undefined, hint?: string];

const failures: Record<LoginFailureCode, Failure> = {
  access_denied: ['The login with Polar was cancelled.'],
  login_required: ['Polar requires you to log in or give your consent there first.'],
  login_refused: [
    'This account cannot log in here.',
    undefined,
    'The verify callback returned false or null, or called done without a user. The tokens were revoked.',
  ],
  state_missing: [
    'The response from Polar does not belong to a login. Please log in again.',
    403,
    'The query has code or error, but no state. On routes with passport.authenticate, these three mark a response from Polar: use other names for your own parameters.',
  ],
  attempt_unknown: [
    'This login is no longer valid: it took too long, or was started somewhere else. Please log in again.',
    403,
    'No login attempt with this state is stored, and the browser sent no cookie for it. Either it expired (loginAttemptSeconds), or the processes do not share a session store or storage, or the link is forged.',
  ],
  attempt_expired: [
    'This login took too long. Please log in again.',
    403,
    'The login attempt expired (loginAttemptSeconds), or the session store or storage lost it, as a MemoryStore does when the app restarts.',
  ],
  attempt_cookie_missing: [
    'Your browser did not send the cookie of this login. Allow cookies for this site, and log in again in the same browser.',
    403,
    "The browser did not send the cookie of the login attempt. Look for: a login that started on another host than the one Polar redirects to (localhost and 127.0.0.1 are two hosts); a proxy that drops Set-Cookie; a proxy that terminates TLS without app.set('trust proxy', 1); a session cookie with a wrong domain, sameSite or secure; cookies blocked in a cross-site frame (cookie: { sameSite: 'none', secure: true, partitioned: true }).",
  ],
  attempt_cookie_other: [
    'This login was started in another browser or window. Please log in again.',
    403,
    'The browser sent this cookie with another value: another browser started the login, or something else sets cookies of this name.',
  ],
  attempt_used: [
    'This login was already used. Please log in again if you are not logged in.',
    403,
    "The same response came more than once: a double click, a reload, a browser's back button, or a scanner that follows links.",
  ],
  callback_malformed: ['The response from Polar is malformed. Please log in again.', 400],
  callback_empty: [
    'The response from Polar is missing. Please log in again.',
    400,
    'The callback route was opened without a response, or a login started on the path of callbackURL. Start logins on another path.',
  ],
};

/**
 * The outcome of a login that failed without an error.
 *
 * @param ownHint replaces the usual hint for the developer
 */
export function failed(code: LoginFailureCode, ownHint?: string): LoginOutcome {
  const [message, status, usualHint] = failures[code];
  const hint = ownHint ?? usualHint;
  const failure: LoginFailure = {
    message,
    code,
    ...(hint !== undefined && { hint }),
    docsURL: docsURL(code),
  };
  return status === undefined ? { failure, code } : { failure, code, status };
}

/** The outcome of a login that the verify callback rejected, with its `info`. */
export function rejected(info: unknown): LoginOutcome {
  return info === undefined || info === null
    ? failed('login_refused')
    : { failure: info, code: 'login_refused' };
}

/** Converts a failure into an error for `next`. */
export function failureError({ code, failure, status }: FailedLogin): PolarLoginFailedError {
  const { message } = (failure ?? {}) as { message?: unknown };
  return new PolarLoginFailedError(code, typeof message === 'string' ? message : failures[code][0], {
    ...(status !== undefined && { status }),
  });
}

/** The reason for a failure, for the developer; contains no input from outside. */
export function reasonOf({ code, failure }: FailedLogin): string {
  const [message, , usualHint] = failures[code];
  const { code: isOurs, hint } = (failure ?? {}) as { code?: unknown; hint?: unknown };
  return isOurs === code && typeof hint === 'string' ? hint : (usualHint ?? message);
}
