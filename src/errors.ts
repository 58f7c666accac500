/**
 * Every error this package throws is a {@link PolarError} with a stable `code`; branch on that, not on the
 * message. No message, property or cause ever contains a token, a secret or an authorization code.
 */

import { docsURL } from './docs-url.js';

/**
 * Stable codes of {@link PolarError}; docs/troubleshooting.md has a section about each.
 *
 * @group Errors
 */
export type PolarErrorCode =
  | 'invalid_option'
  | 'missing_session'
  | 'unsupported_session'
  | 'unsupported_storage'
  | 'missing_middleware'
  | 'invalid_verify_result'
  | 'authorization_failed'
  | 'not_logged_in'
  | 'login_expired'
  | 'logged_out'
  | 'insufficient_scope'
  | 'organization_not_accessible'
  | 'invalid_organization_id'
  | 'origin_not_allowed'
  | 'api_version_unknown'
  | 'unsupported_sdk'
  | 'unexpected_redirect'
  | 'malformed_response'
  | 'response_too_large'
  | 'discovery_failed'
  | 'rate_limited'
  | 'timeout'
  | 'network_error'
  | 'server_error'
  | 'userinfo_sub_mismatch'
  | 'user_not_found'
  | 'user_changed'
  | 'login_loop'
  | LoginFailureCode
  | IdTokenErrorCode
  | OAuthErrorCode;

/**
 * Why a login failed without an error: the user declined, or the login attempt is no longer valid. Passport passes it on as
 * `info.code`.
 *
 * @group Errors
 */
export type LoginFailureCode =
  | 'access_denied'
  | 'login_required'
  | 'login_refused'
  | 'state_missing'
  | 'attempt_unknown'
  | 'attempt_expired'
  | 'attempt_cookie_missing'
  | 'attempt_cookie_other'
  | 'attempt_used'
  | 'callback_malformed'
  | 'callback_empty';

/**
 * Which check an id_token failed.
 *
 * @see {@link https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation OpenID Connect Core 3.1.3.7}
 *
 * @group Errors
 */
export type IdTokenErrorCode =
  | 'id_token_missing'
  | 'id_token_malformed'
  | 'id_token_algorithm'
  | 'id_token_signature'
  | 'id_token_issuer'
  | 'id_token_audience'
  | 'id_token_authorized_party'
  | 'id_token_expired'
  | 'id_token_issued_at'
  | 'id_token_nonce'
  | 'id_token_access_token_hash'
  | 'id_token_subject';

/**
 * Errors that Polar's endpoints return; any other is `oauth_error`.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-5.2 RFC 6749 section 5.2} and
 * {@link https://www.rfc-editor.org/rfc/rfc7591#section-3.2.2 RFC 7591 section 3.2.2}
 *
 * @group Errors
 */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_token'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'access_denied'
  | 'invalid_client_metadata'
  | 'invalid_redirect_uri'
  | 'oauth_error';

// `instanceof` also accepts this brand, so that two copies of the package in one process (a CommonJS bundle and a linked
// checkout, say) recognize each other's errors.
const brand = Symbol.for('passport-polar-sh.error');

/** Options of {@link PolarError} and its subclasses, in addition to code and message. */
export interface PolarErrorOptions {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** HTTP status for Express to respond with. @default 500 */
  readonly status?: number | undefined;
}

/**
 * Base class of all errors of this package.
 *
 * @example
 * ```ts
 * const onError: ErrorRequestHandler = (err, req, res, next) => {
 *   if (err instanceof PolarError && err.code === 'rate_limited')
 *     res.status(503).send('Please try again in a minute');
 *   else next(err);
 * };
 * app.use(onError);
 * ```
 *
 * @group Errors
 */
export class PolarError extends Error {
  /** The stable code to branch on. */
  readonly code: PolarErrorCode;
  // `declare` here and below: a plain class field (ES2022) would exist with the value undefined.
  /** The HTTP status that Express responds with if no error handler takes the error. */
  declare readonly status?: number;
  /** The address of the section about `code`: what happened, the usual causes and what to do. Not for users of your app. */
  readonly docsURL: string;

  /** @ignore */
  constructor(code: PolarErrorCode, message: string, options: PolarErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.status !== undefined) this.status = options.status;
    this.docsURL = docsURL(code);
    const name = ownClasses.get(new.target) ?? new.target.name;
    Object.defineProperty(this, 'name', { value: name, configurable: true, writable: true });
    Object.defineProperty(this, brand, { value: classNames(new.target) });
  }

  /** @ignore */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    const names =
      typeof value === 'object' && value !== null ? (value as { [brand]?: unknown })[brand] : undefined;
    return Array.isArray(names) && ownClasses.has(this) && names.includes(ownClasses.get(this));
  }
}

/**
 * The app is set up incorrectly: a wrong option, or a missing or unsuitable middleware.
 *
 * @example
 * ```ts
 * if (err instanceof PolarConfigurationError)
 *   alertDeveloper(err.code, err.message);
 * ```
 *
 * @group Errors
 */
export class PolarConfigurationError extends PolarError {}

/**
 * Polar's authorize page returned an `error` other than the user declining: `authorization_failed`. Status 500; 403 for
 * a response of another issuer.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1 RFC 6749 section 4.1.2.1}
 *
 * @example
 * ```ts
 * if (err instanceof PolarAuthorizationError)
 *   console.error(err.error, err.errorDescription);
 * ```
 *
 * @group Errors
 */
export class PolarAuthorizationError extends PolarError {
  /** The `error` parameter, such as `invalid_scope`. */
  readonly error: string;
  /** The `error_description` parameter, if present. */
  declare readonly errorDescription?: string;

  /** @ignore */
  constructor(
    message: string,
    details: { error: string; errorDescription?: string | undefined } & PolarErrorOptions,
  ) {
    super('authorization_failed', message, details);
    this.error = details.error;
    if (details.errorDescription !== undefined) this.errorDescription = details.errorDescription;
  }
}

/**
 * A login failed without an error: `code` says why, and the message can be shown to the user. Reaches `next` only with
 * `passport.authenticate('polar', { failWithError: true })`. Status 400, 401 or 403.
 *
 * @example
 * ```ts
 * if (err instanceof PolarLoginFailedError)
 *   res.status(err.status ?? 401).send(err.message);
 * ```
 *
 * @group Errors
 */
export class PolarLoginFailedError extends PolarError {
  /** @ignore */
  constructor(code: LoginFailureCode, message: string, options: PolarErrorOptions = {}) {
    super(code, message, { status: 401, ...options });
  }
}

/**
 * An id_token failed validation; `code` names the check. Status 502.
 *
 * @example
 * ```ts
 * if (err instanceof PolarIdTokenError && err.code === 'id_token_issued_at')
 *   checkClock();
 * ```
 *
 * @group Errors
 */
export class PolarIdTokenError extends PolarError {
  /** @ignore */
  constructor(code: IdTokenErrorCode, message: string, options: PolarErrorOptions = {}) {
    super(code, message, { status: 502, ...options });
  }
}

/**
 * Polar refused a request with an OAuth error. Status 502; 500 for `invalid_client`.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-5.2 RFC 6749 section 5.2}
 *
 * @example
 * ```ts
 * if (err instanceof PolarOAuthError)
 *   console.error(err.httpStatus, err.error, err.errorDescription);
 * ```
 *
 * @group Errors
 */
export class PolarOAuthError extends PolarError {
  /** The `error` of the response. */
  readonly error: string;
  /** The `error_description` of the response, if present. */
  declare readonly errorDescription?: string;
  /** The HTTP status of Polar's response. */
  readonly httpStatus: number;

  /** @ignore */
  constructor(
    code: OAuthErrorCode,
    message: string,
    details: { error: string; errorDescription?: string | undefined; httpStatus: number } & PolarErrorOptions,
  ) {
    super(code, message, { status: 502, ...details });
    this.error = details.error;
    if (details.errorDescription !== undefined) this.errorDescription = details.errorDescription;
    this.httpStatus = details.httpStatus;
  }
}

/**
 * A response is unusable: not JSON or with a field missing or of the wrong type (`malformed_response`), too large
 * (`response_too_large`), a redirect (`unexpected_redirect`), wrong metadata (`discovery_failed`) or about another user
 * (`userinfo_sub_mismatch`). Status 502.
 *
 * @example
 * ```ts
 * if (err instanceof PolarResponseError) console.error(err.code, err.field);
 * ```
 *
 * @group Errors
 */
export class PolarResponseError extends PolarError {
  /** The field of the response that is missing or of the wrong type. */
  declare readonly field?: string;

  /** @ignore */
  constructor(
    code:
      | 'malformed_response'
      | 'response_too_large'
      | 'unexpected_redirect'
      | 'discovery_failed'
      | 'userinfo_sub_mismatch',
    message: string,
    options: PolarErrorOptions & { field?: string } = {},
  ) {
    super(code, message, { status: 502, ...options });
    if (options.field !== undefined) this.field = options.field;
  }
}

/**
 * Polar is unreachable or asked to wait: `timeout`, `network_error`, `rate_limited` or `server_error`. Nothing is lost: the same
 * call may succeed later. Status 503.
 *
 * @example
 * ```ts
 * if (err instanceof PolarTransientError)
 *   res.set('Retry-After', String(err.retryAfterSeconds ?? 5));
 * ```
 *
 * @group Errors
 */
export class PolarTransientError extends PolarError {
  /** Seconds to wait before the next try, if Polar specified them. */
  declare readonly retryAfterSeconds?: number;

  /** @ignore */
  constructor(
    code: 'timeout' | 'network_error' | 'rate_limited' | 'server_error',
    message: string,
    options: PolarErrorOptions & { retryAfterSeconds?: number | undefined } = {},
  ) {
    super(code, message, { status: 503, ...options });
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/**
 * The user is not logged in with Polar (`not_logged_in`), or the login has ended for good (`login_expired`, `logged_out`): the
 * user has to log in again. Status 401.
 *
 * @example
 * ```ts
 * if (err instanceof PolarLoginRequiredError) res.redirect('/auth/polar');
 * ```
 *
 * @group Errors
 */
export class PolarLoginRequiredError extends PolarError {
  /** @ignore */
  constructor(
    code: 'not_logged_in' | 'login_expired' | 'logged_out',
    message: string,
    options: PolarErrorOptions = {},
  ) {
    super(code, message, { status: 401, ...options });
  }
}

/**
 * The access token lacks a scope that Polar's API or a guard requires: `insufficient_scope`. Status 403.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-3.1 RFC 6750 section 3.1}
 *
 * @example
 * ```ts
 * if (err instanceof PolarInsufficientScopeError)
 *   res.status(403).send(`This page requires ${err.scopes.join(' or ')}.`);
 * ```
 *
 * @group Errors
 */
export class PolarInsufficientScopeError extends PolarError {
  /** The missing scopes: those in Polar's `WWW-Authenticate` header, of which one is enough, or those of `requireScope`. */
  readonly scopes: readonly string[];

  /** @ignore */
  constructor(message: string, scopes: readonly string[], options: PolarErrorOptions = {}) {
    super('insufficient_scope', message, { status: 403, ...options });
    this.scopes = scopes;
  }
}

/**
 * Polar's API does not have, or has removed, the version in the `Polar-Version` header of a request:
 * `api_version_unknown`. Status 500.
 *
 * @example
 * ```ts
 * if (err instanceof PolarAPIVersionError)
 *   console.error(`Polar no longer has ${err.apiVersion}: set apiVersion.`);
 * ```
 *
 * @group Errors
 */
export class PolarAPIVersionError extends PolarError {
  /** The requested version. */
  readonly apiVersion: string;

  /** @ignore */
  constructor(message: string, apiVersion: string, options: PolarErrorOptions = {}) {
    super('api_version_unknown', message, { status: 500, ...options });
    this.apiVersion = apiVersion;
  }
}

/**
 * The login has no access to an organization (`organization_not_accessible`, status 403), or the request names an invalid
 * organization id (`invalid_organization_id`, status 404). The message can be shown to the user.
 *
 * @example
 * ```ts
 * if (err instanceof PolarOrganizationError)
 *   res.status(err.status ?? 403).send(err.message);
 * ```
 *
 * @group Errors
 */
export class PolarOrganizationError extends PolarError {
  /** Id of the organization, if the request names one. */
  declare readonly organizationId?: string;

  /** @ignore */
  constructor(
    code: 'organization_not_accessible' | 'invalid_organization_id',
    message: string,
    options: PolarErrorOptions & { readonly organizationId?: string | undefined } = {},
  ) {
    super(code, message, { status: code === 'invalid_organization_id' ? 404 : 403, ...options });
    if (options.organizationId !== undefined) this.organizationId = options.organizationId;
  }
}

// Literal names, because a bundler may rename the classes (esbuild: PolarLoginRequiredError2).
const ownClasses = new Map<unknown, string>([
  [PolarError, 'PolarError'],
  [PolarConfigurationError, 'PolarConfigurationError'],
  [PolarAuthorizationError, 'PolarAuthorizationError'],
  [PolarLoginFailedError, 'PolarLoginFailedError'],
  [PolarIdTokenError, 'PolarIdTokenError'],
  [PolarOAuthError, 'PolarOAuthError'],
  [PolarResponseError, 'PolarResponseError'],
  [PolarTransientError, 'PolarTransientError'],
  [PolarLoginRequiredError, 'PolarLoginRequiredError'],
  [PolarInsufficientScopeError, 'PolarInsufficientScopeError'],
  [PolarAPIVersionError, 'PolarAPIVersionError'],
  [PolarOrganizationError, 'PolarOrganizationError'],
]);

// Skips the app's subclasses, which may have the same names as these classes.
function classNames(leaf: object): string[] {
  const names: string[] = [];
  for (let next: object | null = leaf; next !== null; next = Object.getPrototypeOf(next)) {
    const name = ownClasses.get(next);
    if (name !== undefined) names.push(name);
  }
  return names;
}

/** The error for an option or argument that is missing or wrong. The message names it and says what it should be. */
export function invalidOption(message: string): PolarConfigurationError {
  const error = new PolarConfigurationError('invalid_option', message);
  // The first line of the stack trace is the check, not this function.
  Error.captureStackTrace?.(error, invalidOption);
  return error;
}
