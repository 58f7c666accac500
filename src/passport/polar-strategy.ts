import type { Request } from 'express';

import OAuth2Strategy = require('passport-oauth2');

import { loginAccess, type PolarAccess } from '../api/polar-access.js';
import type { Unfinished } from '../async/background-work.js';
import { LoginAttempts } from '../attempts/login-attempts.js';
import type { PolarOAuthClient } from '../client/oauth-client.js';
import { invalidOption, PolarResponseError } from '../errors.js';
import type { IdTokenClaims } from '../id-token/check-claims.js';
import type { LoginsById } from '../logins/logins-by-id.js';
import { asError, customCallback, ownFault } from '../request/app-callbacks.js';
import { noStore } from '../request/end-of-response.js';
import { composeRuntime, type PolarRuntime, setRuntime } from '../runtime.js';
import { type PolarStrategyOptions, resolveOptions } from '../strategy-options.js';
import { type LoginFlowParts, runLoginFlow } from './login-flow.js';
import { failureError, type LoginOutcome } from './login-outcome.js';
import { type PolarProfile, profileFromClaims } from './profile.js';
import { reportError, reportFailure } from './report-failure.js';
import { type AuthenticateOptions, extraParameters } from './request-options.js';
import { verifyLogin } from './verify-callback.js';

const loginParts = Symbol('passport-polar-sh.login-parts');

/** The implementation that `strategy-constructor.ts` exports; the types of its constructor are there. */
export class PolarStrategy extends OAuth2Strategy {
  /** @internal */
  declare readonly [loginParts]: Pick<LoginFlowParts, 'runtime' | 'attempts' | 'verify' | 'handsOverTokens'>;

  constructor(options: PolarStrategyOptions, verify?: unknown) {
    const resolved = resolveOptions(options);
    const runtime = composeRuntime(resolved);
    const { credentials, server } = resolved;
    super(
      {
        authorizationURL: server.endpoints?.authorizationEndpoint ?? server.apiURL,
        tokenURL: server.endpoints?.tokenEndpoint ?? server.apiURL,
        clientID: credentials.clientID,
        clientSecret: credentials.clientSecret ?? '',
        callbackURL: resolved.callbackURL,
        scope: [...resolved.scope],
        sessionKey: resolved.sessionKey,
      },
      () => {},
    );
    this.name = resolved.name;
    setRuntime(this, runtime);
    const hidden = {
      [loginParts]: {
        runtime,
        attempts: new LoginAttempts(resolved),
        verify: verifyLogin(verify, resolved),
        handsOverTokens: verify !== undefined,
      },
      // The client of the base class contains the secret, which console.log(strategy) must not show.
      _oauth2: this._oauth2,
    };
    for (const key of Reflect.ownKeys(hidden)) {
      Object.defineProperty(this, key, {
        value: hidden[key as keyof typeof hidden],
        enumerable: false,
        writable: key === '_oauth2',
      });
    }
  }

  /**
   * Client for Polar's OAuth endpoints, with the credentials of this strategy.
   *
   * @example
   * ```ts
   * const { active } = await polar.client.introspect(accessToken);
   * ```
   */
  get client(): PolarOAuthClient {
    return this[loginParts].runtime.client;
  }

  /**
   * Returns access to the tokens of one login outside a request, for a nightly job or a queue. Jobs share token records and
   * locks with requests, so a job and a browser tab cannot invalidate each other's tokens.
   *
   * Requires the options `storage` (in the app's own database, say) and `encryptionKeys`. Each use reads the storage, so it
   * sees changes of the web app at once.
   *
   * @param loginId `req.polar.loginId`, or the `loginId` of the verify callback
   * @returns access whose methods reject with what {@link PolarAccess} names, and:
   * - {@link PolarConfigurationError} `invalid_option` without those options
   * - {@link PolarLoginRequiredError} `not_logged_in` if the storage has no such login, `logged_out` after its logout
   * - {@link PolarTransientError} `server_error` while the storage cannot be read
   *
   * @example
   * ```ts
   * for (const { polarLoginId } of await users.all()) {
   *   const response = await polar.tokensFor(polarLoginId).fetch('/v1/orders/');
   *   await saveOrders(await response.json());
   * }
   * ```
   */
  tokensFor(loginId: string): PolarAccess {
    const runtime = this[loginParts].runtime;
    const access = loginAccess(runtime.accessParts, () => loginsById(runtime, 'tokensFor').find(loginId));
    return { loginId, ...access };
  }

  /**
   * Ends one login from any process, without a request: for a ban, a deleted account, or "log out everywhere". Revokes its
   * tokens at Polar. This process stops using the login at once; other processes stop at their next revalidation, which they
   * do once a minute. The app's own session and user stay.
   *
   * Requires the options `storage` and `encryptionKeys`, as {@link tokensFor} does.
   *
   * @param loginId `req.polar.loginId`, or the `loginId` of the verify callback. Does nothing if the login has already ended
   * or its token record has expired
   * @throws {@link PolarConfigurationError} `invalid_option` without those options, `unsupported_storage` if the storage
   * cannot record the end
   * @throws {@link PolarLoginRequiredError} `not_logged_in` if the id is malformed, or the login belongs to another client
   * @throws {@link PolarTransientError} `server_error` while the storage cannot be read; the login has not ended then
   *
   * @example
   * ```ts
   * for (const loginId of user.polarLoginIds) await polar.endLogin(loginId);
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc7009#section-2 RFC 7009 section 2} (`POST /v1/oauth2/revoke`)
   */
  async endLogin(loginId: string): Promise<void> {
    await loginsById(this[loginParts].runtime, 'endLogin').end(loginId, 'ended_by_app');
  }

  /**
   * Resolves when all background work is done: token exchanges, writes to the storage and revocations. Await it before the
   * process exits, because Polar's response to a refresh is the only copy of the new tokens. If the host freezes the process
   * after each response (serverless functions), await it before responding.
   *
   * It does not wait for a retry that is due later than `withinMs`.
   *
   * @param limits `withinMs`: milliseconds after which it resolves anyway
   * @returns the number of unfinished exchanges and writes
   * @throws {@link PolarConfigurationError} `invalid_option` when `withinMs` is not a number
   *
   * @example
   * ```ts
   * process.once('SIGTERM', () => {
   *   server.close(async () => {
   *     const { exchanges, writes } = await polar.settled({ withinMs: 10_000 });
   *     process.exit(exchanges + writes === 0 ? 0 : 1);
   *   });
   * });
   * ```
   */
  settled(limits: { readonly withinMs: number }): Promise<Unfinished> {
    return this[loginParts].runtime.settled(limits?.withinMs);
  }

  /**
   * Called by Passport: starts a login, or handles Polar's response. Apps call `passport.authenticate('polar')`.
   *
   * Errors go to `next`:
   * - {@link PolarConfigurationError} `missing_session`, `unsupported_session`, `invalid_option`, `unsupported_storage`
   * - {@link PolarAuthorizationError} `authorization_failed`, if Polar refuses the authorization request
   * - {@link PolarOAuthError} such as `invalid_client`, if it refuses the code
   * - {@link PolarIdTokenError}, whose code is an {@link IdTokenErrorCode}
   * - {@link PolarTransientError} `timeout`, `network_error`, `rate_limited`, `server_error`
   * - {@link PolarResponseError} `malformed_response`, `discovery_failed`, `userinfo_sub_mismatch`
   * - {@link PolarError} `invalid_verify_result`, and what the verify callback throws
   *
   * If the user declines, or the login attempt is no longer valid, the login fails with
   * `info.message` and `info.code` or, with `failWithError: true`, with a {@link PolarLoginFailedError} for `next`.
   *
   * @param req the request, with a session
   * @param options {@link LoginRouteOptions} of the route
   *
   * @example
   * ```ts
   * app.get(
   *   '/auth/polar',
   *   passport.authenticate('polar', {
   *     scope: ['openid', 'email', 'orders:read'],
   *   }),
   * );
   * app.get(
   *   '/auth/polar/callback',
   *   passport.authenticate('polar', {
   *     successReturnToOrRedirect: '/',
   *     failWithError: true,
   *   }),
   * );
   * ```
   * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.1 RFC 6749 section 4.1}
   * (`GET /oauth2/authorize`, `POST /v1/oauth2/token`)
   */
  override authenticate(req: Request, options: Readonly<Record<string, unknown>> = {}): void {
    // Passport writes its actions onto the strategy. If an app passes the instance itself, the next request overwrites them
    // while this one waits for Polar, and two users would be logged in as each other.
    const { success, fail, redirect, error } = this as PassportActions;
    noStore(req.res);
    const act = async (outcome: LoginOutcome): Promise<void> => {
      if ('redirect' in outcome) redirect(outcome.redirect);
      else if ('ignored' in outcome) req.res?.status(outcome.ignored).end();
      else if ('user' in outcome) {
        try {
          await customCallback(success(outcome.user, outcome.info));
        } catch (thrown) {
          if (!req.res?.headersSent) reportError(req, thrown);
          outcome.onFault?.();
          throw thrown;
        }
      } else {
        reportFailure(req, outcome);
        if (options['failWithError'] === true) await customCallback(error(failureError(outcome)));
        else fail(outcome.failure, outcome.status);
      }
    };
    runLoginFlow(flowParts(this, options), req, options)
      .then(act, (thrown: unknown) => {
        reportError(req, thrown);
        return customCallback(error(asError(thrown)));
      })
      .catch((thrown: unknown) => ownFault(req, thrown));
  }

  /**
   * Returns extra parameters for the authorize page. A subclass may add some, but not those that protect the login.
   *
   * @param options {@link LoginRouteOptions} of the route
   * @returns names and values of the query parameters
   * @throws {@link PolarConfigurationError} `invalid_option` for a value that is not a string, or a reserved parameter
   *
   * @example
   * ```ts
   * class GermanStrategy extends PolarStrategy {
   *   override authorizationParams(
   *     options: Record<string, unknown>,
   *   ): Record<string, string> {
   *     return { ...super.authorizationParams(options), ui_locales: 'de' };
   *   }
   * }
   * ```
   */
  override authorizationParams(options: Readonly<Record<string, unknown>>): Record<string, string> {
    return extraParameters(options);
  }

  /**
   * Returns extra parameters for the code exchange: none, unless a subclass adds some.
   *
   * @param _options {@link LoginRouteOptions} of the route
   * @returns names and values of the form fields
   *
   * @example
   * ```ts
   * class WithResource extends PolarStrategy {
   *   override tokenParams(): Record<string, string> {
   *     return { resource: 'https://api.polar.sh' };
   *   }
   * }
   * ```
   */
  override tokenParams(_options: Readonly<Record<string, unknown>>): Record<string, string> {
    return {};
  }

  /**
   * Fetches the profile from `GET /v1/oauth2/userinfo`. The strategy calls it at login with `fetchUserInfo: true`; a subclass
   * may add to the profile.
   *
   * @param accessToken sent in the `Authorization` header
   * @param done called with the error or the profile
   *
   * @example
   * ```ts
   * class WithTrimmedName extends PolarStrategy {
   *   override userProfile(
   *     accessToken: string,
   *     done: (error?: unknown, profile?: PolarProfile) => void,
   *   ): void {
   *     super.userProfile(accessToken, (error, profile) => {
   *       done(
   *         error,
   *         profile && { ...profile, displayName: profile.displayName.trim() },
   *       );
   *     });
   *   }
   * }
   * ```
   * @see {@link https://openid.net/specs/openid-connect-core-1_0.html#UserInfo OpenID Connect Core 5.3}
   */
  override userProfile(accessToken: string, done: (error?: unknown, profile?: PolarProfile) => void): void {
    this.client.userInfo(accessToken).then(
      (info) => done(null, profileFromClaims({ ...info.raw, sub: info.subject })),
      (error: unknown) => done(error),
    );
  }
}

function loginsById({ logins, options }: PolarRuntime, method: string): LoginsById {
  if (logins.byId !== undefined) return logins.byId;
  const missing = (['storage', 'encryptionKeys'] as const).filter((name) => options[name] === undefined);
  throw invalidOption(
    `${method} needs the options storage and encryptionKeys (not given: ${missing.join(', ')}): it has no session, only the login id, to find and decrypt the tokens.`,
  );
}

/** The actions that Passport adds to a strategy for one request. */
type PassportActions = PolarStrategy & {
  success(user: Express.User, info: unknown): unknown;
  fail(challenge?: unknown, status?: number): void;
  redirect(url: string): void;
  error(error: unknown): unknown;
};

/** The claims that may be merged into a profile: `email_verified` of the id_token does not apply to another source's e-mail. */
function claimsBeside(profile: PolarProfile, claims: IdTokenClaims): Partial<IdTokenClaims> {
  const { email_verified: _ofItsOwnAddress, ...others } = claims;
  return profile._json?.['email'] === undefined ? claims : others;
}

function flowParts(strategy: PolarStrategy, options: AuthenticateOptions): LoginFlowParts {
  return {
    ...strategy[loginParts],
    authorizationParams: () => strategy.authorizationParams(options),
    tokenParams: () => strategy.tokenParams(options),
    async userProfile(accessToken, claims) {
      const profile = await new Promise<PolarProfile>((resolve, reject) => {
        const returned: unknown = strategy.userProfile(accessToken, (error, found) =>
          error ? reject(error) : resolve(found as PolarProfile),
        );
        // A subclass may make it async; uncaught, its rejection would end the process.
        Promise.resolve(returned).catch(reject);
      });
      // OpenID Connect Core 5.3.2: otherwise the token of one user could stand in for another.
      if (profile?.id === claims.sub)
        return { ...profile, _json: { ...claimsBeside(profile, claims), ...profile._json } };
      throw new PolarResponseError(
        'userinfo_sub_mismatch',
        'The userinfo response and the id_token identify different users. The login was rejected.',
        { field: 'sub' },
      );
    },
  };
}
