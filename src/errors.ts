/**
 * Every error this package throws is a {@link PolarError} with a stable `code`; branch on that, not on the
 * message. No message, property or cause ever holds a token, a secret or an authorization code.
 */

/** Stable codes of {@link PolarError}; the README's error table says what to do about each. */
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

/** Why a login failed without a fault: a person's "no", or an attempt that is no longer valid. The `info.code` of Passport. */
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

/** What was wrong with an id_token: one code for each check of OpenID Connect Core 3.1.3.7. */
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

/** Errors of RFC 6749 section 5.2 and RFC 7591 section 3.2.2 that Polar's endpoints answer; anything else is `oauth_error`. */
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

// Two copies of the package in one process (a CommonJS bundle and a linked checkout, say) must agree on
// what is a PolarError, so `instanceof` also believes this mark.
const brand = Symbol.for('passport-polar-sh.error');

/** What the constructors of {@link PolarError} and its subclasses take beside code and message. */
export interface PolarErrorOptions {
  /** What led to this error. */
  readonly cause?: unknown;
  /** The HTTP status with which Express should answer; 500 when absent. */
  readonly status?: number | undefined;
}

/**
 * Base class of all errors of this package.
 *
 * @example
 * ```ts
 * app.use((err, req, res, next) => {
 *   if (err instanceof PolarError && err.code === 'rate_limited') return res.status(503).send('Please try again in a minute');
 *   next(err);
 * });
 * ```
 */
export class PolarError extends Error {
  /** The stable code to branch on. */
  readonly code: PolarErrorCode;
  // Here and below `declare`, because a plain field would be there as undefined (ES2022 class fields).
  /** The HTTP status with which Express answers when nothing else handles the error. */
  declare readonly status?: number;

  constructor(code: PolarErrorCode, message: string, options: PolarErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.status !== undefined) this.status = options.status;
    const name = ownClasses.get(new.target) ?? new.target.name;
    Object.defineProperty(this, 'name', { value: name, configurable: true, writable: true });
    Object.defineProperty(this, brand, { value: classNames(new.target) });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    const names =
      typeof value === 'object' && value !== null ? (value as { [brand]?: unknown })[brand] : undefined;
    return Array.isArray(names) && ownClasses.has(this) && names.includes(ownClasses.get(this));
  }
}

/** A mistake in how the package is set up: an option, a missing or unsuitable middleware. */
export class PolarConfigurationError extends PolarError {}

/** Polar's authorize page sent the person back with an `error` that is a fault, not a person's "no" (RFC 6749 4.1.2.1). */
export class PolarAuthorizationError extends PolarError {
  /** The `error` parameter, such as `invalid_scope`. */
  readonly error: string;
  /** The `error_description` parameter, where there was one. */
  declare readonly errorDescription?: string;

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
 * A login failed without a fault; `code` says why, and the message is for the person. Reaches `next` only with
 * `passport.authenticate('polar', { failWithError: true })`. Status 400, 401 or 403.
 */
export class PolarLoginFailedError extends PolarError {
  constructor(code: LoginFailureCode, message: string, options: PolarErrorOptions = {}) {
    super(code, message, { status: 401, ...options });
  }
}

/** An id_token that must not be believed; `code` says which check failed. */
export class PolarIdTokenError extends PolarError {
  constructor(code: IdTokenErrorCode, message: string, options: PolarErrorOptions = {}) {
    super(code, message, { status: 502, ...options });
  }
}

/** Polar refused a request with an OAuth error (RFC 6749 section 5.2). */
export class PolarOAuthError extends PolarError {
  /** The `error` of the response. */
  readonly error: string;
  /** The `error_description` of the response, where there was one. */
  declare readonly errorDescription?: string;
  /** The HTTP status of Polar's response. */
  readonly httpStatus: number;

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

/** A response that makes no sense: not JSON, too large, a redirect, a field missing or of the wrong type. */
export class PolarResponseError extends PolarError {
  /** The field of the response that is missing or of the wrong type. */
  declare readonly field?: string;

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

/** Polar could not be reached or asked us to wait. Nothing was lost: the same call may succeed later. */
export class PolarTransientError extends PolarError {
  /** Seconds after which Polar asks to be tried again, where it said so. */
  declare readonly retryAfterSeconds?: number;

  constructor(
    code: 'timeout' | 'network_error' | 'rate_limited' | 'server_error',
    message: string,
    options: PolarErrorOptions & { retryAfterSeconds?: number | undefined } = {},
  ) {
    super(code, message, { status: 503, ...options });
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Nobody is logged in with Polar, or the login has ended for good: the person has to log in again. Status 401. */
export class PolarLoginRequiredError extends PolarError {
  constructor(
    code: 'not_logged_in' | 'login_expired' | 'logged_out',
    message: string,
    options: PolarErrorOptions = {},
  ) {
    super(code, message, { status: 401, ...options });
  }
}

/** The Polar API wants scopes that the access token does not have. Status 403. */
export class PolarInsufficientScopeError extends PolarError {
  /** Scopes any one of which Polar would accept, as its `WWW-Authenticate` header names them. */
  readonly scopes: readonly string[];

  constructor(message: string, scopes: readonly string[], options: PolarErrorOptions = {}) {
    super('insufficient_scope', message, { status: 403, ...options });
    this.scopes = scopes;
  }
}

/** Polar's API does not have the version that a request asked for with the header `Polar-Version`, or no longer. Status 500. */
export class PolarAPIVersionError extends PolarError {
  /** The version that was asked for. */
  readonly apiVersion: string;

  constructor(message: string, apiVersion: string, options: PolarErrorOptions = {}) {
    super('api_version_unknown', message, { status: 500, ...options });
    this.apiVersion = apiVersion;
  }
}

/**
 * The login does not reach an organization (`organization_not_accessible`, status 403), or what a request names is no id of one
 * (`invalid_organization_id`, status 404). The message is for the person.
 */
export class PolarOrganizationError extends PolarError {
  /** Id of the organization, where the request names one. */
  declare readonly organizationId?: string;

  constructor(
    code: 'organization_not_accessible' | 'invalid_organization_id',
    message: string,
    options: PolarErrorOptions & { readonly organizationId?: string | undefined } = {},
  ) {
    super(code, message, { status: code === 'invalid_organization_id' ? 404 : 403, ...options });
    if (options.organizationId !== undefined) this.organizationId = options.organizationId;
  }
}

// By literal names: a bundler may call the classes otherwise (esbuild: PolarLoginRequiredError2).
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

// Only our own: an app may call a class of its own like one of ours.
function classNames(leaf: object): string[] {
  const names: string[] = [];
  for (let next: object | null = leaf; next !== null; next = Object.getPrototypeOf(next)) {
    const name = ownClasses.get(next);
    if (name !== undefined) names.push(name);
  }
  return names;
}
