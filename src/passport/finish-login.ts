import type { Request } from 'express';
import { cleanText } from '../client/oauth-error.js';
import type { PolarRuntime } from '../composition.js';
import { PolarAuthorizationError } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import { loggedInUser, sessionOf } from '../request-session.js';
import { nameOfServer } from '../server.js';
import { forgetWantedScopes } from '../wanted-scopes.js';
import { type AuthorizationResponse, parseAuthorizationResponse } from './authorization-response.js';
import { completeLogin } from './complete-login.js';
import { type AuthenticateOptions, isLinking, type LoginFlowParts } from './login-flow-parts.js';
import { failed, type LoginFailureCode, type LoginOutcome } from './login-outcome.js';
import type { PendingLogin } from './pending-logins.js';

// Not faults: with prompt=none Polar says that it would have to show a page.
const personErrors: Record<string, LoginFailureCode> = {
  access_denied: 'access_denied',
  login_required: 'login_required',
  consent_required: 'login_required',
  interaction_required: 'login_required',
  account_selection_required: 'login_required',
};

/** Takes Polar's response to a login: looks the login up, and completes it where Polar has sent a code. */
export async function finishLogin(
  parts: LoginFlowParts,
  req: Request,
  options: AuthenticateOptions,
  query: URLSearchParams,
): Promise<LoginOutcome> {
  const response = parseAuthorizationResponse(query);
  if (typeof response === 'string') return failed(response);
  const taken = await parts.pending.take(req, response.state);
  if ('problem' in taken) return failed(`state_${taken.problem}`);
  const pending = taken.login;
  if (!isForUs(pending, parts.runtime.options) || !isLinkedByItsStarter(parts.runtime, req, options, pending))
    return failed('state_unknown');
  // A person who said no to them must still be able to log in without.
  forgetWantedScopes(sessionOf(req), parts.runtime.options.name);
  await checkIssuer(parts.runtime, response);
  if ('error' in response) return answeredError(response.error, response.errorDescription);
  return completeLogin(parts, req, options, pending, response.code);
}

function isForUs(pending: PendingLogin, options: ResolvedOptions): boolean {
  return pending.clientID === options.credentials.clientID && pending.server === nameOfServer(options.server);
}

// Whoever logged in to the app meanwhile must not get the account of the person who started linking theirs, also where
// that person was not logged in.
function isLinkedByItsStarter(
  runtime: PolarRuntime,
  req: Request,
  options: AuthenticateOptions,
  pending: PendingLogin,
): boolean {
  if (!isLinking(options)) return true;
  const user = loggedInUser(req);
  return pending.startedBy === (user === undefined ? undefined : runtime.users.of(user));
}

async function checkIssuer(runtime: PolarRuntime, response: AuthorizationResponse): Promise<void> {
  const { issuer, sendsIssuer } = await runtime.client.discover();
  if (response.issuer === issuer) return;
  if (response.issuer === undefined && !sendsIssuer) return;
  throw new PolarAuthorizationError(
    `The answer of the authorize page names ${response.issuer === undefined ? 'no issuer, although the provider announces one' : 'another issuer'}. Nobody was logged in.`,
    { error: 'issuer_mismatch', status: 403 },
  );
}

function answeredError(error: string, description: string | undefined): LoginOutcome {
  const code = Object.hasOwn(personErrors, error) ? personErrors[error] : undefined;
  if (code !== undefined) return failed(code);
  const said = [error, description].map((text) => cleanText(text)).filter(Boolean);
  throw new PolarAuthorizationError(
    `Polar refused the login (${said.join(': ')}). Check the client's scopes and redirect URIs at Polar.`,
    {
      error: cleanText(error) ?? '',
      errorDescription: cleanText(description),
    },
  );
}
