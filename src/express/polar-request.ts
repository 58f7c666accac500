import type { PolarAccess } from '../api/polar-access.js';

/** `req.polar`: the Polar login of the person who is logged in on this request. Nothing happens until it is used. */
export interface PolarRequest extends PolarAccess {
  /** Scopes of the newest tokens known; empty when nobody is logged in with Polar. */
  readonly scopes: readonly string[];
  /**
   * Random name of the login, the same until logout; undefined when nobody is logged in with Polar. It opens nothing.
   * Keep it with your user for `strategy.tokensFor(loginId)`.
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
