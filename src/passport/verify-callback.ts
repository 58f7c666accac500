import type { Request } from 'express';
import type { TokenResponse } from '../client/token-response.js';
import { invalidOption } from '../errors.js';
import type { IdTokenClaims } from '../id-token/check-claims.js';
import { callVerify, type Verified, type VerifyDone, type VerifyResult } from '../request/app-callbacks.js';
import type { ResolvedOptions } from '../strategy-options.js';
import type { TokenSet } from '../tokens/token-set.js';
import type { PolarProfile } from './profile.js';

/**
 * The argument of a verify callback with one parameter.
 *
 * @group Strategy
 */
export interface VerifiedLogin {
  /** The tokens of the login; the strategy keeps them for `req.polar`. */
  readonly tokens: TokenSet;
  /** The user at Polar. */
  readonly profile: PolarProfile;
  /** The claims of the verified id_token. */
  readonly claims: IdTokenClaims;
  /** The callback request. */
  readonly req: Request;
  /** The `appState` (or `state`) that the app started the login with: an invitation, say. */
  readonly state?: unknown;
  /** Random id of this login. Store it with your user for `strategy.tokensFor(loginId)`. It is no credential. */
  readonly loginId: string;
}

/**
 * A verify callback that takes one object, usually async. In JavaScript it may also call `done`, its last argument.
 *
 * @param login tokens, profile, claims, request and id of the login
 *
 * @example
 * ```ts
 * const verify: PolarVerify = async ({ profile, loginId }) => {
 *   const user = await users.findOrCreate({ polarId: profile.id, polarLoginId: loginId });
 *   return user.isBanned ? false : user;
 * };
 * ```
 *
 * @group Strategy
 */
export type PolarVerify = (login: VerifiedLogin) => VerifyResult | Promise<VerifyResult>;

/**
 * Passport's classic verify callback.
 *
 * @param accessToken bearer token for the Polar API
 * @param refreshToken valid for one refresh; leave refreshing to `req.polar`
 * @param profile the user at Polar
 * @param done called with the error, or with the user or `false`
 *
 * @example
 * ```ts
 * const verify: ClassicVerify = (accessToken, refreshToken, profile, done) => {
 *   users.findOrCreate({ polarId: profile.id }).then((user) => done(null, user), done);
 * };
 * ```
 *
 * @group Strategy
 */
export type ClassicVerify = (
  accessToken: string,
  refreshToken: string,
  profile: PolarProfile,
  done: VerifyDone,
) => unknown;

/**
 * The classic verify callback with the token response.
 *
 * @param accessToken bearer token for the Polar API
 * @param refreshToken valid for one refresh; leave refreshing to `req.polar`
 * @param params the token response as received, without the refresh token
 * @param profile the user at Polar
 * @param done called with the error, or with the user or `false`
 *
 * @example
 * ```ts
 * const verify: ClassicVerifyWithParams = (accessToken, refreshToken, params, profile, done) => {
 *   done(null, { ...profile, scope: params.scope });
 * };
 * ```
 *
 * @group Strategy
 */
export type ClassicVerifyWithParams = (
  accessToken: string,
  refreshToken: string,
  params: Record<string, unknown>,
  profile: PolarProfile,
  done: VerifyDone,
) => unknown;

/**
 * Adds the request as the first argument, for a callback with `passReqToCallback: true`.
 *
 * @param req the callback request
 * @param args the arguments of the callback
 * @typeParam Verify {@link ClassicVerify} or {@link ClassicVerifyWithParams}
 *
 * @example
 * ```ts
 * const verify: WithRequest<ClassicVerify> = (req, accessToken, refreshToken, profile, done) => {
 *   done(null, { ...profile, invitedBy: req.query.invitation });
 * };
 * ```
 *
 * @group Strategy
 */
export type WithRequest<Verify extends (...args: never[]) => unknown> = (
  req: Request,
  ...args: Parameters<Verify>
) => unknown;

/**
 * `unknown` for a callback that declares all parameters of its form; `never` for one that declares fewer, because TypeScript
 * accepts `async () => {}` as any function.
 *
 * @inline
 */
export type AllParameters<
  Verify extends (...args: never[]) => unknown,
  Form extends (...args: never[]) => unknown,
> = Parameters<Form>['length'] extends Parameters<Verify>['length'] ? unknown : never;

/** A verify callback of any form, as one function. Rejects with the error that the callback throws or passes to `done`. */
export type VerifyLogin = (login: VerifiedLogin, response: TokenResponse) => Promise<Verified>;

/**
 * Accepts every form of verify callback.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` if it is not a function, or no form has its number of parameters
 */
export function verifyLogin(
  verify: unknown,
  { passReqToCallback, timeoutMs }: Pick<ResolvedOptions, 'passReqToCallback' | 'timeoutMs'>,
): VerifyLogin {
  if (verify === undefined) return async ({ profile }) => ({ user: profile });
  if (typeof verify !== 'function')
    throw invalidOption('The verify callback must be a function; omit it to use the profile as the user');
  const call = verify as (...args: unknown[]) => unknown;
  if (verify.length < 3) return (login) => callVerify(call, { args: [login], timeoutMs });
  const [short, long] = passReqToCallback ? [5, 6] : [4, 5];
  if (verify.length !== short && verify.length !== long) {
    throw invalidOption(
      `The verify callback has ${verify.length} parameters. With passReqToCallback: ${passReqToCallback}, a classic callback declares ${short} or ${long}, ` +
        `(${passReqToCallback ? 'req, ' : ''}accessToken, refreshToken, [params,] profile, done); any other receives one object, ({ tokens, profile, claims, req }), and may return the user.`,
    );
  }
  const hasParams = verify.length === long;
  return (login, response) => {
    // As in passport-oauth2, params is the token response without the refresh token, which is a separate argument.
    const { refresh_token: _ownArgument, ...params } = response.raw;
    const { accessToken, refreshToken } = login.tokens;
    const args = [
      ...(passReqToCallback ? [login.req] : []),
      accessToken,
      refreshToken,
      ...(hasParams ? [params] : []),
      login.profile,
    ];
    return callVerify(call, { args, timeoutMs });
  };
}
