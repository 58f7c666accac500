/** What `passport.authenticate` takes for the routes of our strategies, and what they put on requests: for TypeScript alone. */
import type { Handler } from 'express';
import type passport from 'passport';
import type { BearerRequirements } from './bearer/bearer-options.js';
import type { PolarAuthenticateOptions } from './passport/request-options.js';

/** Passport's options of one login, and ours. */
export type LoginRouteOptions = PolarAuthenticateOptions &
  Omit<passport.AuthenticateOptions, keyof PolarAuthenticateOptions>;
/** Passport's options of one route of an API, and ours. */
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
  /** What was given as `appState` when the login was started. */
  state?: unknown;
}

interface ConnectedAccount {
  /** The account that `passport.authorize` has connected: what the verify callback returned, or the profile. */
  account?: Express.User;
}

declare global {
  namespace Express {
    // Inherited, since an app may declare these itself, with types of its own: those win then, and need only be assignable.
    interface AuthInfo extends LoginInfo {}
    interface Request extends ConnectedAccount {}
  }
}
