import type { PolarAccess } from '../api/polar-access.js';

/**
 * `req.polar`: the Polar login of the user who is logged in on this request. {@link polarTokens} adds it. Costs nothing until
 * it is used.
 *
 * @example
 * ```ts
 * app.get('/orders', async (req, res) => {
 *   const response = await req.polar.fetch('/v1/orders/');
 *   res.json(await response.json());
 * });
 * ```
 *
 * @group Tokens
 */
export interface PolarRequest extends PolarAccess {
  /** Scopes of the newest known tokens; empty if the user is not logged in with Polar. */
  readonly scopes: readonly string[];
}

declare global {
  namespace Express {
    interface Request {
      /** Added by `polarTokens(strategy)`. */
      polar: PolarRequest;
    }
  }
}
