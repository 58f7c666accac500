import type { PolarStrategyOptions } from '../options.js';
import { PolarStrategy as Implementation } from './polar-strategy.js';
import type {
  AllParameters,
  ClassicVerify,
  ClassicVerifyWithParams,
  PolarVerify,
  WithRequest,
} from './verify-callback.js';

type WithRequestOption = PolarStrategyOptions & { readonly passReqToCallback: true };

/**
 * The constructor of {@link PolarStrategy}. A class cannot say this: constructors have no type parameters, and only they tell
 * a classic callback from one that has forgotten to return the user, `async () => {}`.
 *
 * The order matters. TypeScript takes the types of a callback's parameters from the first overload whose options fit, and shows
 * the error of the last one.
 */
export interface PolarStrategyConstructor {
  /**
   * @param options see {@link PolarStrategyOptions}
   * @param verify with `passReqToCallback: true`, Passport's classic callback:
   * `(req, accessToken, refreshToken, profile, done)`
   * @throws TypeError that names the option which is missing or wrong
   */
  new <Verify extends WithRequest<ClassicVerify> = WithRequest<ClassicVerify>>(
    options: WithRequestOption,
    verify: Verify & AllParameters<Verify, WithRequest<ClassicVerify>>,
  ): PolarStrategy;
  /**
   * @param options see {@link PolarStrategyOptions}
   * @param verify with `passReqToCallback: true`, Passport's classic callback with the token response:
   * `(req, accessToken, refreshToken, params, profile, done)`; `const verify: WithRequest<ClassicVerifyWithParams> = ...` in
   * TypeScript
   * @throws TypeError that names the option which is missing or wrong
   */
  new <Verify extends WithRequest<ClassicVerifyWithParams> = WithRequest<ClassicVerifyWithParams>>(
    options: WithRequestOption,
    verify: Verify & AllParameters<Verify, WithRequest<ClassicVerifyWithParams>>,
  ): PolarStrategy;
  /**
   * @param options see {@link PolarStrategyOptions}
   * @param verify maps a login to a user of the app: `async ({ tokens, profile, claims, req }) => user`, or `false` for
   * nobody. Left out, the profile is the user.
   * @throws TypeError that names the option which is missing or wrong
   */
  new (options: PolarStrategyOptions, verify?: PolarVerify): PolarStrategy;
  /**
   * @param options see {@link PolarStrategyOptions}
   * @param verify Passport's classic callback: `(accessToken, refreshToken, profile, done)`. In TypeScript, write it as
   * `const verify: ClassicVerify = ...`, which gives its parameters their types.
   * @throws TypeError that names the option which is missing or wrong
   */
  new <Verify extends ClassicVerify = ClassicVerify>(
    options: PolarStrategyOptions,
    verify: Verify & AllParameters<Verify, ClassicVerify>,
  ): PolarStrategy;
  /**
   * @param options see {@link PolarStrategyOptions}
   * @param verify Passport's classic callback with the token response:
   * `(accessToken, refreshToken, params, profile, done)`; `const verify: ClassicVerifyWithParams = ...` in TypeScript
   * @throws TypeError that names the option which is missing or wrong
   */
  new <Verify extends ClassicVerifyWithParams = ClassicVerifyWithParams>(
    options: PolarStrategyOptions,
    verify: Verify & AllParameters<Verify, ClassicVerifyWithParams>,
  ): PolarStrategy;
  /**
   * @param options see {@link PolarStrategyOptions}
   * @param verify maps a login to a user of the app, or to `false`
   * @throws TypeError that names the option which is missing or wrong
   */
  new (options: PolarStrategyOptions, verify: PolarVerify): PolarStrategy;
  readonly prototype: PolarStrategy;
}

/**
 * "Log in with Polar" for Passport.
 *
 * A subclass of passport-oauth2's strategy with a login flow of its own: state, nonce and PKCE always on, several
 * tabs at once, the id_token verified before anything else is done with the tokens, and the tokens kept in the
 * session for {@link polarTokens}.
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
 */
export const PolarStrategy: PolarStrategyConstructor = Implementation;
/**
 * The strategy: {@link PolarStrategyConstructor} makes it. An interface, no alias: declaration files of an app name it by
 * what this package exports (TS2742).
 */
export interface PolarStrategy extends Implementation {}
