import type { Request } from 'express';
import { callVerify, type Verified, type VerifyDone, type VerifyResult } from '../call-verify.js';
import type { TokenResponse } from '../client/token-response.js';
import type { IdTokenClaims } from '../id-token/claims.js';
import type { ResolvedOptions } from '../options.js';
import type { TokenSet } from '../tokens/token-set.js';
import type { PolarProfile } from './profile.js';

/** What a verify callback with one parameter is given. */
export interface VerifiedLogin {
  readonly tokens: TokenSet;
  readonly profile: PolarProfile;
  /** The claims of the verified id_token. */
  readonly claims: IdTokenClaims;
  readonly req: Request;
  /** What the app gave as `state` when it started the login: an invitation, say. */
  readonly state?: unknown;
  /** Random name of this login; keep it with your user for `strategy.tokensFor(loginId)`. It opens nothing. */
  readonly loginId: string;
}

/** Verify callback of one object, usually async. In JavaScript it may as well call `done`, its last argument. */
export type PolarVerify = (login: VerifiedLogin) => VerifyResult | Promise<VerifyResult>;

/** Passport's classic verify callback. */
export type ClassicVerify = (
  accessToken: string,
  refreshToken: string,
  profile: PolarProfile,
  done: VerifyDone,
) => unknown;

/** The classic verify callback with the token response, as it came but for the refresh token. */
export type ClassicVerifyWithParams = (
  accessToken: string,
  refreshToken: string,
  params: Record<string, unknown>,
  profile: PolarProfile,
  done: VerifyDone,
) => unknown;

/** The request, first, for a callback with `passReqToCallback: true`. */
export type WithRequest<Verify extends (...args: never[]) => unknown> = (
  req: Request,
  ...args: Parameters<Verify>
) => unknown;

/**
 * Nothing to add for a callback that declares all parameters of its form; `never` for one that has fewer, since TypeScript
 * takes `async () => {}` for every function there is.
 */
export type AllParameters<
  Verify extends (...args: never[]) => unknown,
  Form extends (...args: never[]) => unknown,
> = Parameters<Form>['length'] extends Parameters<Verify>['length'] ? unknown : never;

/** Any verify callback, made one function. Rejects with whatever the callback throws or hands to `done`. */
export type VerifyLogin = (login: VerifiedLogin, response: TokenResponse) => Promise<Verified>;

/**
 * Accepts every form of verify callback.
 *
 * @throws TypeError when it is no function, or declares a number of parameters that no form has
 */
export function verifyLogin(
  verify: unknown,
  { passReqToCallback, timeoutMs }: Pick<ResolvedOptions, 'passReqToCallback' | 'timeoutMs'>,
): VerifyLogin {
  if (verify === undefined) return async ({ profile }) => ({ user: profile });
  if (typeof verify !== 'function')
    throw new TypeError(
      'The verify callback must be a function; leave it out to use the profile as the user',
    );
  const call = verify as (...args: unknown[]) => unknown;
  if (verify.length < 3) return (login) => callVerify(call, { args: [login], timeoutMs });
  const [short, long] = passReqToCallback ? [5, 6] : [4, 5];
  if (verify.length !== short && verify.length !== long) {
    throw new TypeError(
      `The verify callback has ${verify.length} parameters. With passReqToCallback: ${passReqToCallback} a classic one declares ${short} or ${long}, ` +
        `(${passReqToCallback ? 'req, ' : ''}accessToken, refreshToken, [params,] profile, done); any other gets one object, ({ tokens, profile, claims, req }), and may return the user.`,
    );
  }
  const hasParams = verify.length === long;
  return (login, response) => {
    // As with passport-oauth2, params is the token response without the refresh token, which has a place of its own.
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
