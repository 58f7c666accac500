import type { Request } from 'express';
import type { TokenResponse } from '../client/token-response.js';
import { PolarError } from '../errors.js';
import type { IdTokenClaims } from '../id-token/claims.js';
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

/** The user to log in; `false` (or `null`, as databases answer) for nobody, whose tokens are then revoked. */
export type VerifyResult = Express.User | false | null;

/** Verify callback with one parameter, usually async. */
export type PolarVerify = (login: VerifiedLogin) => VerifyResult | Promise<VerifyResult>;

/** Passport's `done`. */
export type VerifyDone = (error?: unknown, user?: Express.User | false | null, info?: unknown) => void;

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

/** What came of verifying: the user, or why not. */
export interface Verified {
  readonly user: Express.User | false;
  readonly info?: unknown;
}

/** Any verify callback, made one function. Rejects with whatever the callback throws or hands to `done`. */
export type VerifyLogin = (login: VerifiedLogin, response: TokenResponse) => Promise<Verified>;

/**
 * Accepts every form of verify callback.
 *
 * @throws TypeError when it is no function, or one with a number of parameters that no form has
 */
export function verifyLogin(verify: unknown, passReqToCallback: boolean): VerifyLogin {
  if (verify === undefined) return async ({ profile }) => ({ user: profile });
  if (typeof verify !== 'function')
    throw new TypeError(
      'The verify callback must be a function; leave it out to use the profile as the user',
    );
  if (verify.length < 4) return (login) => callModern(verify as PolarVerify, login);
  const [short, long] = passReqToCallback ? [5, 6] : [4, 5];
  if (verify.length !== short && verify.length !== long) {
    throw new TypeError(
      `The verify callback has ${verify.length} parameters. With passReqToCallback: ${passReqToCallback} a classic one has ${short} or ${long}, ` +
        `(${passReqToCallback ? 'req, ' : ''}accessToken, refreshToken, [params,] profile, done); any with fewer than 4 gets one object, ({ tokens, profile, claims, req }).`,
    );
  }
  return (login, response) => callClassic(verify, passReqToCallback, verify.length === long, login, response);
}

async function callModern(verify: PolarVerify, login: VerifiedLogin): Promise<Verified> {
  const user: unknown = await verify(login);
  if (user === undefined) {
    throw new PolarError(
      'invalid_verify_result',
      'The verify callback returned undefined. Return the user, or false when nobody is to be logged in (is a return statement missing?).',
    );
  }
  return { user: user ? (user as Express.User) : false };
}

function callClassic(
  verify: unknown,
  withRequest: boolean,
  withParams: boolean,
  login: VerifiedLogin,
  response: TokenResponse,
): Promise<Verified> {
  return new Promise((resolve, reject) => {
    const done: VerifyDone = (error, user, info) =>
      error ? reject(error) : resolve({ user: user || false, info });
    // As with passport-oauth2, params is the token response without the refresh token, which has a place of its own.
    const { refresh_token: _ownArgument, ...params } = response.raw;
    const { accessToken, refreshToken } = login.tokens;
    const args = [
      ...(withRequest ? [login.req] : []),
      accessToken,
      refreshToken,
      ...(withParams ? [params] : []),
      login.profile,
      done,
    ];
    // An async function in the classic form may reject instead of calling done.
    Promise.resolve((verify as (...all: unknown[]) => unknown)(...args)).catch(reject);
  });
}
