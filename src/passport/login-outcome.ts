/** Codes of `info` when a login fails without a fault: a person's "no", or a login that is no longer valid. */
export type LoginFailureCode =
  | 'access_denied'
  | 'login_required'
  | 'state_missing'
  | 'state_unknown'
  | 'state_expired'
  | 'callback_malformed'
  | 'callback_empty';

/** The `info` of a failed login, for `failureMessage` and custom callbacks. */
export interface LoginFailure {
  readonly message: string;
  readonly code: LoginFailureCode;
}

/** How a request to the strategy ends; Passport has an action for each. */
export type LoginOutcome =
  | { readonly redirect: string }
  | { readonly failure: unknown; readonly status?: number }
  | {
      readonly user: Express.User;
      readonly info: unknown;
      /** To be called when the app does not take the login, but throws. */
      readonly onFault: () => void;
    };

const failures: Record<LoginFailureCode, readonly [message: string, status?: number]> = {
  access_denied: ['The login with Polar was cancelled.'],
  login_required: ['Polar needs you to log in or to agree there first.'],
  state_missing: ['The answer from Polar belongs to no login. Please log in again.', 403],
  state_unknown: [
    'This login is no longer valid: it took too long, is finished, was started in another browser, or the session cookie did not come back. Please log in again.',
    403,
  ],
  state_expired: ['This login took too long. Please log in again.', 403],
  callback_malformed: ['The answer from Polar is malformed. Please log in again.', 400],
  callback_empty: ['There is no answer from Polar here. Please log in again.', 400],
};

/** The outcome for a failure that is nobody's fault. */
export function failed(code: LoginFailureCode): LoginOutcome {
  const [message, status] = failures[code];
  const failure: LoginFailure = { message, code };
  return status === undefined ? { failure } : { failure, status };
}
