/** What `passport.authenticate` takes for the routes of our strategies, and what they put on requests: for TypeScript alone. */
import type { Handler } from 'express';
import type { AuthenticateOptions } from 'passport';
import type { BearerRequirements } from './bearer/bearer-options.js';
import type { PolarAuthenticateOptions } from './passport/request-options.js';

/** Passport's options of one login, and ours. */
export type LoginRouteOptions = PolarAuthenticateOptions &
  Omit<AuthenticateOptions, keyof PolarAuthenticateOptions>;
/** Passport's options of one route of an API, and ours. */
export type BearerRouteOptions = BearerRequirements & Omit<AuthenticateOptions, keyof BearerRequirements>;

declare module 'passport' {
  interface Authenticator<
    InitializeRet = Handler,
    // biome-ignore lint/suspicious/noExplicitAny: to the letter as @types/passport has it, or the declarations do not merge
    AuthenticateRet = any,
    AuthorizeRet = AuthenticateRet,
    AuthorizeOptions = AuthenticateOptions,
  > {
    authenticate(
      strategy: string | string[] | Strategy,
      options: LoginRouteOptions | BearerRouteOptions,
      callback?: AuthenticateCallback,
    ): AuthenticateRet;
    authorize(
      strategy: string | string[],
      options: LoginRouteOptions,
      callback?: AuthenticateCallback,
    ): AuthorizeRet;
  }
}

declare global {
  namespace Express {
    interface AuthInfo {
      /** What was given as `appState` when the login was started. */
      state?: unknown;
    }
    interface Request {
      /** The account that `passport.authorize` has connected: what the verify callback returned, or the profile. */
      account?: User;
    }
  }
}
