import type { Request } from 'express';
import { sessionOf } from '../request-session.js';
import { isAuthorizationResponse } from './authorization-response.js';
import { finishLogin } from './finish-login.js';
import type { AuthenticateOptions, LoginFlowParts } from './login-flow-parts.js';
import type { LoginOutcome } from './login-outcome.js';
import { requestQuery } from './request-url.js';
import { startLogin } from './start-login.js';

/** Handles a request to the strategy: the start of a login, or Polar's answer. Rejects with the error for `next`. */
export async function runLoginFlow(
  parts: LoginFlowParts,
  req: Request,
  options: AuthenticateOptions,
): Promise<LoginOutcome> {
  sessionOf(req); // without one, nothing below makes sense
  const query = requestQuery(req);
  const isCallback = isAuthorizationResponse(query);
  return isCallback ? finishLogin(parts, req, options, query) : startLogin(parts, req, options, query);
}
