/** Types of the options of `passport.authenticate` for these strategies, and of what the strategies add to requests. */
import type { Handler } from 'express';
import type passport from 'passport';
import type { BearerRequirements } from './bearer/bearer-options.js';
import type { PolarAuthenticateOptions } from './passport/request-options.js';

/**
 * Options of `passport.authenticate` and `passport.authorize` for a login: Passport's and this package's.
 *
 * @group Strategy
 */
export type LoginRouteOptions = PolarAuthenticateOptions &
  Omit<passport.AuthenticateOptions, keyof PolarAuthenticateOptions>;
/**
 * Options of `passport.authenticate` for an API route: Passport's and this package's.
 *
 * @group Bearer tokens
 */
export type BearerRouteOptions = BearerRequirements &
  Omit<passport.AuthenticateOptions, keyof BearerRequirements>;

declare module 'passport' {
  interface Authenticator<
    InitializeRet = Handler,
    // biome-ignore lint/suspicious/noExplicitAny: to the letter as @types/passport has it, or the declarations do not merge
    AuthenticateRet = any,
    AuthorizeRet = AuthenticateRet,
    AuthorizeOptions = passport.AuthenticateOptions,
  > {
    authenticate(
      strategy: string | string[] | passport.Strategy,
      options: LoginRouteOptions | BearerRouteOptions,
      callback?: passport.AuthenticateCallback,
    ): AuthenticateRet;
    authorize(
      strategy: string | string[],
      options: LoginRouteOptions,
      callback?: passport.AuthenticateCallback,
    ): AuthorizeRet;
  }
}

interface LoginInfo {
  /** The `appState` that the login was started with. */
  state?: unknown;
}

interface ConnectedAccount {
  /** The account that `passport.authorize` connected: the result of the verify callback, or the profile. */
  account?: Express.User;
}

declare global {
  namespace Express {
    // Inherited, because an app may declare these itself: its own types then win, and only need to be assignable.
    interface AuthInfo extends LoginInfo {}
    interface Request extends ConnectedAccount {}
  }
}
