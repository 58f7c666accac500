import type { PolarAccess } from '../api/polar-access.js';

/** `req.polar`: the Polar login of the user who is logged in on this request. Costs nothing until it is used. */
export interface PolarRequest extends PolarAccess {
  /** Scopes of the newest known tokens; empty if the user is not logged in with Polar. */
  readonly scopes: readonly string[];
  /**
   * Random id of the login, the same until logout; undefined if the user is not logged in with Polar. It is no credential.
   * Store it with your user for `strategy.tokensFor(loginId)`.
   */
  readonly loginId: string | undefined;
}

declare global {
  namespace Express {
    interface Request {
      /** Added by `polarTokens(strategy)`. */
      polar: PolarRequest;
    }
  }
}
