import { type LoginFailureCode, PolarLoginFailedError } from '../errors.js';

/** The `info` of a failed login, for `failureMessage` and custom callbacks. */
export interface LoginFailure {
  /** A message for the user. */
  readonly message: string;
  readonly code: LoginFailureCode;
  /** A hint for the developer. */
  readonly hint?: string;
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
  login_required: ['Polar needs you to log in or to agree there first.'],
  login_refused: [
    'This account cannot log in here.',
    undefined,
    'The verify callback returned false or null, or called done without a user. The tokens were revoked.',
  ],
  state_missing: [
    'The response from Polar belongs to no login. Please log in again.',
    403,
    'The query has code or error, but no state. On the routes of passport.authenticate these three are taken for a response of Polar: give parameters of your own other names.',
  ],
  attempt_unknown: [
    'This login is no longer valid: it took too long, or was started somewhere else. Please log in again.',
    403,
    'No login attempt of this state is stored, and the browser has no cookie of it. Either its time was over (loginAttemptSeconds), or processes do not share their session store or storage, or the link was made up.',
  ],
  attempt_expired: [
    'This login took too long. Please log in again.',
    403,
    'The time of a login attempt is over (loginAttemptSeconds), or the session store or storage has lost it: a MemoryStore does when the app starts again.',
  ],
  attempt_cookie_missing: [
    'Your browser did not send the cookie of this login. Allow cookies for this site, and log in again in the same browser.',
    403,
    "The cookie of the login attempt did not come back. Look at: whether the login started on the host to which Polar sends people back (localhost and 127.0.0.1 are two); a proxy that drops Set-Cookie; https that ends at a proxy without app.set('trust proxy', 1); a session cookie with a domain, sameSite or secure that does not fit; cookies blocked in a frame of another site (cookie: { sameSite: 'none', secure: true, partitioned: true }).",
  ],
  attempt_cookie_other: [
    'This login was started in another browser or window. Please log in again.',
    403,
    'The browser sent a cookie of this name with another value: another browser started the login, or something else sets cookies of this name.',
  ],
  attempt_used: [
    'This login is over already. Please log in again if you are not logged in.',
    403,
    "The same response came more than once: a double click, a reload, a browser's back button, or a scanner that follows links.",
  ],
  callback_malformed: ['The response from Polar is malformed. Please log in again.', 400],
  callback_empty: [
    'There is no response from Polar here. Please log in again.',
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
  const failure: LoginFailure = { message, code, ...(hint !== undefined && { hint }) };
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
