import type { Request } from 'express';
import { PolarConfigurationError } from '../errors.js';
import { startCallback } from '../request/callback-duration.js';
import { requestQuery } from '../request/request-url.js';
import { sessionOf } from '../request/session.js';
import { isAuthorizationResponse } from './authorization-response.js';
import { type HandleCallbackParts, handleCallback } from './handle-callback.js';
import type { LoginOutcome } from './login-outcome.js';
import { type AuthenticateOptions, hintAtUnknownOptions } from './request-options.js';
import { startLogin } from './start-login.js';

/** What the login flow uses of the strategy: its parts, and the hooks that a subclass may override. */
export type LoginFlowParts = HandleCallbackParts;

/** Handles a request to the strategy: starts a login, or handles Polar's response. Rejects with the error for `next`. */
export async function runLoginFlow(
  parts: LoginFlowParts,
  req: Request,
  options: AuthenticateOptions,
): Promise<LoginOutcome> {
  checkSurroundings(req, options); // without them, nothing below makes sense
  if (isSpeculative(req)) return { ignored: req.method === 'HEAD' ? 204 : 503 };
  const query = requestQuery(req);
  if (!isAuthorizationResponse(query)) return startLogin(parts, req, options, query);
  // Only a hint here: an error would cost this user the login.
  hintAtUnknownOptions(options);
  startCallback(req, parts.runtime.options.elapsedMs);
  return handleCallback(parts, req, options, query);
}

/**
 * True for a request whose response the user does not see: a prefetch, or a HEAD of a link scanner. It must not spend a login
 * attempt. After a 503, browsers discard the prefetch and send a new request when the user opens the page.
 */
function isSpeculative({ headers, method }: Request): boolean {
  const purposes = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'].map((name) =>
    String(headers[name] ?? ''),
  );
  return method === 'HEAD' || purposes.some((purpose) => /prefetch|prerender|preview/i.test(purpose));
}

/** @throws PolarConfigurationError for a set-up that would hang, or fail without an explanation */
function checkSurroundings(req: Request, options: AuthenticateOptions): void {
  sessionOf(req);
  // Other session packages have methods of the same names that behave differently.
  if (typeof req.sessionStore.createSession !== 'function') {
    throw new PolarConfigurationError(
      'unsupported_session',
      'Log in with Polar needs express-session, with any of its stores. The session of this request is from another package: its store has no createSession(). Similar packages, such as @fastify/session, are not supported.',
    );
  }
  for (const name of ['failureFlash', 'successFlash']) {
    if (
      options[name] === undefined ||
      options[name] === false ||
      typeof (req as { flash?: unknown }).flash === 'function'
    )
      continue;
    throw new PolarConfigurationError(
      'missing_middleware',
      `${name} needs connect-flash: add app.use(flash()) after the session and before this route. Or use failWithError: true, which needs no flash.`,
    );
  }
}
