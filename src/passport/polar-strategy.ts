import type { Request } from 'express';

import OAuth2Strategy = require('passport-oauth2');

import { LoginAccess, type PolarAccess } from '../api/polar-access.js';
import { LoginAttempts } from '../attempts/login-attempts.js';
import type { PolarOAuthClient } from '../client/oauth-client.js';
import { composeRuntime, type PolarRuntime, setRuntime } from '../composition.js';
import { PolarConfigurationError, PolarResponseError } from '../errors.js';
import type { IdTokenClaims } from '../id-token/claims.js';
import { noStore } from '../no-store.js';
import { forOneRequest } from '../option-checks.js';
import { type PolarStrategyOptions, resolveOptions } from '../options.js';
import { asError, ownFault } from '../own-fault.js';
import type { StoredLogins } from '../stored-logins.js';
import type { Unfinished } from '../under-way.js';
import { runLoginFlow } from './login-flow.js';
import type { AuthenticateOptions, LoginFlowParts } from './login-flow-parts.js';
import { failureError, type LoginOutcome } from './login-outcome.js';
import { type PolarProfile, profileFromClaims } from './profile.js';
import { reportError, reportFailure } from './report-failure.js';
import { extraParameters } from './request-options.js';
import { verifyLogin } from './verify-callback.js';

const loginParts = Symbol('passport-polar-sh.login-parts');

/** What `strategy-constructor.ts` gives to apps; the types of its constructor are there. */
export class PolarStrategy extends OAuth2Strategy {
  /** @internal */
  declare readonly [loginParts]: Pick<LoginFlowParts, 'runtime' | 'attempts' | 'verify' | 'handsOverTokens'>;

  constructor(options: PolarStrategyOptions, verify?: unknown) {
    const resolved = resolveOptions(options);
    const runtime = composeRuntime(options, resolved);
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
      // The base class's own client holds the secret, which console.log(strategy) must not show.
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

  /** Polar's OAuth endpoints, as this client. */
  get client(): PolarOAuthClient {
    return this[loginParts].runtime.client;
  }

  /**
   * The tokens of one login, for work outside a request: a nightly job, a queue. Shares records and lock with the
   * requests, so that a job and a browser tab cannot burn each other's tokens.
   *
   * Needs the options `storage` (in the app's own database, say) and `encryptionKeys`. Each use reads the storage,
   * so it sees at once what the web app has done meanwhile.
   *
   * @param loginId `req.polar.loginId`, or what the verify callback was given
   * @throws PolarConfigurationError `invalid_option` without those options, at the first use; and what
   * {@link PolarAccess} throws: `not_logged_in` where the storage has no such login, `logged_out` after its logout,
   * PolarTransientError `server_error` while the storage cannot be read
   *
   * @example
   * ```ts
   * for (const { polarLoginId } of await users.all()) {
   *   const orders = await polar.tokensFor(polarLoginId).fetch('/v1/orders/');
   * }
   * ```
   */
  tokensFor(loginId: string): PolarAccess {
    const runtime = this[loginParts].runtime;
    return new LoginAccess(runtime.accessParts, () => storedLogins(runtime, 'tokensFor').find(loginId));
  }

  /**
   * Ends one login, from any process and without a request: for a ban, the deletion of an account, or "log out everywhere".
   * Its tokens are revoked at Polar. In this process the login counts for nothing from now on, in others at the first request
   * after they have looked again, which they do once a minute. The app's own session and user stay.
   *
   * Needs the options `storage` and `encryptionKeys`, as {@link tokensFor} does.
   *
   * @param loginId `req.polar.loginId`, or what the verify callback was given. A login that has ended already, or that the
   * storage has forgotten, is no error
   * @throws PolarConfigurationError `invalid_option` without those options
   * @throws PolarLoginRequiredError `not_logged_in` for what is no id of a login, and for a login of another client
   * @throws PolarTransientError `server_error` while the storage cannot be read; nothing has ended then
   *
   * @example
   * ```ts
   * for (const loginId of user.polarLoginIds) await polar.endLogin(loginId);
   * ```
   */
  async endLogin(loginId: string): Promise<void> {
    await storedLogins(this[loginParts].runtime, 'endLogin').end(loginId, 'ended_by_app');
  }

  /**
   * Resolves when nothing is under way any more: no exchange of tokens, no write to the storage, no revocation. Await it
   * before the process ends: Polar's response to a refresh is the only copy of the new tokens. Where a host freezes the
   * process after each response (serverless functions), await it before responding.
   *
   * @param limits `withinMs`: milliseconds after which it resolves all the same
   * @returns how many exchanges and writes are left then
   *
   * @example
   * ```ts
   * process.once('SIGTERM', () => {
   *   server.close(async () => {
   *     await polar.settled({ withinMs: 10_000 });
   *     process.exit();
   *   });
   * });
   * ```
   */
  settled(limits: { readonly withinMs: number }): Promise<Unfinished> {
    return this[loginParts].runtime.settled(limits.withinMs);
  }

  /**
   * Called by Passport: starts a login, or takes Polar's response.
   *
   * Errors go to `next` ({@link PolarError}); a person's "no" and a login that is no longer valid fail, with
   * `info.message` and `info.code`, or with `failWithError: true` as a {@link PolarLoginFailedError} for `next`.
   */
  override authenticate(req: Request, options: AuthenticateOptions = {}): void {
    // Passport writes its actions onto the strategy. Given the instance itself, the next request would overwrite
    // them while this one waits for Polar: two people would be logged in as each other.
    const { success, fail, redirect, error } = this as PassportActions;
    noStore(req.res);
    const act = (outcome: LoginOutcome): void => {
      if ('redirect' in outcome) redirect(outcome.redirect);
      else if ('ignored' in outcome) req.res?.status(outcome.ignored).end();
      else if ('user' in outcome) {
        try {
          success(outcome.user, outcome.info);
        } catch (thrown) {
          outcome.onFault?.();
          throw thrown;
        }
      } else {
        reportFailure(outcome);
        if (options['failWithError'] === true) error(failureError(outcome));
        else fail(outcome.failure, outcome.status);
      }
    };
    runLoginFlow(flowParts(this, options), req, options)
      .then(act, (thrown: unknown) => {
        reportError(thrown);
        error(asError(thrown));
      })
      .catch((thrown: unknown) => ownFault(req, thrown));
  }

  /** Extra parameters for the authorize page; a subclass may add some. Those that protect the login cannot be set. */
  override authorizationParams(options: AuthenticateOptions): Record<string, string> {
    return forOneRequest(() => extraParameters(options));
  }

  /** Extra parameters for the code exchange; a subclass may add some. */
  override tokenParams(_options: AuthenticateOptions): Record<string, string> {
    return {};
  }

  /** The profile from the userinfo endpoint; used at login with `fetchUserInfo: true`. */
  override userProfile(accessToken: string, done: (error?: unknown, profile?: PolarProfile) => void): void {
    this.client.userInfo(accessToken).then(
      (info) => done(null, profileFromClaims({ ...info.raw, sub: info.subject })),
      (error: unknown) => done(error),
    );
  }
}

function storedLogins({ stored }: PolarRuntime, method: string): StoredLogins {
  if (stored !== undefined) return stored;
  throw new PolarConfigurationError(
    'invalid_option',
    `${method} needs the options storage and encryptionKeys: without a session, the tokens have to be found and opened by the login id alone.`,
  );
}

/** The actions that Passport adds to a strategy for one request. */
type PassportActions = PolarStrategy & {
  success(user: Express.User, info: unknown): void;
  fail(challenge?: unknown, status?: number): void;
  redirect(url: string): void;
  error(error: unknown): void;
};

/** The claims that still hold beside a profile: `email_verified` of one source says nothing of the other's address. */
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
        strategy.userProfile(accessToken, (error, found) =>
          error ? reject(error) : resolve(found as PolarProfile),
        );
      });
      // OpenID Connect Core 5.3.2: otherwise one user's token could dress up as another.
      if (profile?.id === claims.sub)
        return { ...profile, _json: { ...claimsBeside(profile, claims), ...profile._json } };
      throw new PolarResponseError(
        'userinfo_sub_mismatch',
        'The userinfo answer is about another user than the id_token. Nobody was logged in.',
        { field: 'sub' },
      );
    },
  };
}
