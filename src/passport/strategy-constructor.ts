import type { PolarStrategyOptions } from '../strategy-options.js';
import { PolarStrategy as Implementation } from './polar-strategy.js';
import type {
  AllParameters,
  ClassicVerify,
  ClassicVerifyWithParams,
  PolarVerify,
  WithRequest,
} from './verify-callback.js';

/** @inline */
type WithRequestOption = PolarStrategyOptions & {
  /** Passes the request as the first argument. */
  readonly passReqToCallback: true;
};

/**
 * The constructor of {@link PolarStrategy}. A class cannot declare this: constructors have no type parameters, which are needed
 * to tell a classic callback from one that forgets to return the user, `async () => {}`.
 *
 * The order matters: TypeScript infers the parameters of a callback from the first overload whose options match, and reports
 * the error of the last one.
 *
 * @group Strategy
 */
export interface PolarStrategyConstructor {
  /**
   * With `passReqToCallback: true` and Passport's classic callback.
   *
   * @param options see {@link PolarStrategyOptions}
   * @param verify Passport's classic callback, with the request:
   * `(req, accessToken, refreshToken, profile, done)`
   * @throws {@link PolarConfigurationError} `invalid_option` that names the wrong option, or says what `verify` must be
   */
  new <Verify extends WithRequest<ClassicVerify> = WithRequest<ClassicVerify>>(
    options: WithRequestOption,
    verify: Verify & AllParameters<Verify, WithRequest<ClassicVerify>>,
  ): PolarStrategy;
  /**
   * With `passReqToCallback: true` and Passport's classic callback that also takes the token response.
   *
   * @param options see {@link PolarStrategyOptions}
   * @param verify Passport's classic callback, with the request and the token response:
   * `(req, accessToken, refreshToken, params, profile, done)`; `const verify: WithRequest<ClassicVerifyWithParams> = ...` in
   * TypeScript
   * @throws {@link PolarConfigurationError} `invalid_option` that names the wrong option, or says what `verify` must be
   */
  new <Verify extends WithRequest<ClassicVerifyWithParams> = WithRequest<ClassicVerifyWithParams>>(
    options: WithRequestOption,
    verify: Verify & AllParameters<Verify, WithRequest<ClassicVerifyWithParams>>,
  ): PolarStrategy;
  /**
   * With an async verify callback of one object, or without one.
   *
   * @param options see {@link PolarStrategyOptions}
   * @param verify maps a login to a user of the app: `async ({ tokens, profile, claims, req }) => user`, or `false` to reject
   * the login. If omitted, the profile is the user.
   * @throws {@link PolarConfigurationError} `invalid_option` that names the wrong option, or says what `verify` must be
   */
  new (options: PolarStrategyOptions, verify?: PolarVerify): PolarStrategy;
  /**
   * With Passport's classic callback.
   *
   * @param options see {@link PolarStrategyOptions}
   * @param verify Passport's classic callback: `(accessToken, refreshToken, profile, done)`. In TypeScript, write it as
   * `const verify: ClassicVerify = ...`, which gives its parameters their types.
   * @throws {@link PolarConfigurationError} `invalid_option` that names the wrong option, or says what `verify` must be
   */
  new <Verify extends ClassicVerify = ClassicVerify>(
    options: PolarStrategyOptions,
    verify: Verify & AllParameters<Verify, ClassicVerify>,
  ): PolarStrategy;
  /**
   * With Passport's classic callback that also takes the token response.
   *
   * @param options see {@link PolarStrategyOptions}
   * @param verify Passport's classic callback with the token response:
   * `(accessToken, refreshToken, params, profile, done)`; `const verify: ClassicVerifyWithParams = ...` in TypeScript
   * @throws {@link PolarConfigurationError} `invalid_option` that names the wrong option, or says what `verify` must be
   */
  new <Verify extends ClassicVerifyWithParams = ClassicVerifyWithParams>(
    options: PolarStrategyOptions,
    verify: Verify & AllParameters<Verify, ClassicVerifyWithParams>,
  ): PolarStrategy;
  /**
   * With an async verify callback of one object; repeated for the error that TypeScript reports.
   *
   * @param options see {@link PolarStrategyOptions}
   * @param verify maps a login to a user of the app, or to `false`
   * @throws {@link PolarConfigurationError} `invalid_option` that names the wrong option, or says what `verify` must be
   */
  new (options: PolarStrategyOptions, verify: PolarVerify): PolarStrategy;
  /** The prototype of all strategies, as of any class. */
  readonly prototype: PolarStrategy;
}

/**
 * "Log in with Polar" for Passport.
 *
 * A subclass of passport-oauth2's strategy with its own login flow: state, nonce and PKCE are always on, logins in several
 * tabs work concurrently, the id_token is verified before the tokens are used, and the session keeps the tokens for
 * {@link polarTokens}.
 *
 * @example
 * ```ts
 * const polar = new PolarStrategy({
 *   clientID: process.env.POLAR_CLIENT_ID!,
 *   clientSecret: process.env.POLAR_CLIENT_SECRET,
 *   callbackURL: '/auth/polar/callback',
 * });
 * passport.use(polar);
 * ```
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6749#section-4.1 RFC 6749 section 4.1},
 * {@link https://www.rfc-editor.org/rfc/rfc7636 RFC 7636} (PKCE),
 * {@link https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth OpenID Connect Core 3.1}
 *
 * @group Strategy
 * @class
 */
export const PolarStrategy: PolarStrategyConstructor = Implementation;
/**
 * An instance of the strategy, created by {@link PolarStrategyConstructor}. An interface, not an alias, so that declaration
 * files of an app can refer to it by its exported name (TS2742).
 */
export interface PolarStrategy extends Implementation {}
