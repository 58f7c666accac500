import type { Request } from 'express';
import { noStore } from '../request/end-of-response.js';
import { saveSession, sessionOf } from '../request/session.js';
import type { PolarStrategyLike } from '../runtime.js';
import { forAnyRoute } from './any-route.js';
import { endLogins } from './end-logins.js';
import { type LogoutOptions, redirectTarget, thenRedirect } from './logout.js';
import { runtimeFor } from './polar-tokens.js';

/**
 * Disconnects the user from Polar: ends the login of this strategy in every process and revokes its tokens at Polar. The user
 * stays logged in to the app, and the session continues. Does nothing if the session has no login of this strategy.
 *
 * Use it on a POST route that is protected against CSRF.
 *
 * @param strategy the {@link PolarStrategy} that connected the user
 * @param options `redirectTo`: where to redirect the browser afterwards
 * @returns middleware that passes to `next`:
 * - {@link PolarConfigurationError} `missing_session`, `unsupported_session`, `unsupported_storage`
 * - errors of the session store, and {@link PolarTransientError} `timeout` if it does not respond
 * @throws {@link PolarConfigurationError} `invalid_option` if `strategy` is not a PolarStrategy, or an option is
 *   unknown or invalid
 *
 * @example
 * ```ts
 * app.post('/disconnect/polar', disconnect(polar, { redirectTo: '/settings' }));
 * ```
 * @see {@link https://www.rfc-editor.org/rfc/rfc7009#section-2 RFC 7009 section 2} (`POST /v1/oauth2/revoke`)
 *
 * @group Middleware
 */
export function disconnect(strategy: PolarStrategyLike, options: LogoutOptions = {}) {
  const runtime = runtimeFor('disconnect', strategy);
  const redirectTo = redirectTarget(options, 'disconnect');

  const run = async (req: Request): Promise<void> => {
    const session = sessionOf(req);
    const { sessionKey } = runtime.options;
    const logins = runtime.allLogins.of(req).filter((login) => login.sessionKey === sessionKey);
    if (logins.length === 0) return;
    await endLogins(runtime, req, { logins, reason: 'disconnected', save: () => saveSession(session) });
  };
  return forAnyRoute(function disconnect(req, res, next) {
    noStore(res);
    run(req)
      .then(() => thenRedirect(res, next, redirectTo))
      .catch(next);
  });
}
