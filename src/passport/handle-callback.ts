import type { Request } from 'express';
import { noteRound } from '../attempts/attempt-cookie.js';
import type { UsedAttempt } from '../attempts/login-attempt.js';
import { attemptCookiePlace } from '../attempts/session-cookie.js';
import { cleanText } from '../client/oauth-error.js';
import { aboutUnknownScopes } from '../client/polar-scope.js';
import { invalidOption, type LoginFailureCode, PolarAuthorizationError } from '../errors.js';
import { nameOfServer } from '../options/server.js';
import { loggedInUser } from '../request/session.js';
import type { PolarRuntime } from '../runtime.js';
import type { ResolvedOptions } from '../strategy-options.js';
import { type AuthorizationResponse, parseAuthorizationResponse } from './authorization-response.js';
import { type CompleteLoginParts, completeLogin } from './complete-login.js';
import { failed, type LoginOutcome } from './login-outcome.js';
import { respondToRepeated } from './repeated-response.js';
import { type AuthenticateOptions, isLinking } from './request-options.js';
import type { StartLoginParts } from './start-login.js';

/** Dependencies of {@link handleCallback}. */
export type HandleCallbackParts = StartLoginParts & CompleteLoginParts;

// Failures, not errors: with prompt=none, Polar reports that it would have to show a page.
const personErrors: Record<string, LoginFailureCode> = {
  access_denied: 'access_denied',
  login_required: 'login_required',
  consent_required: 'login_required',
  interaction_required: 'login_required',
  account_selection_required: 'login_required',
};

/** Handles Polar's response to a login: looks up the login attempt, and completes it if Polar sent a code. */
export async function handleCallback(
  parts: HandleCallbackParts,
  req: Request,
  options: AuthenticateOptions,
  query: URLSearchParams,
): Promise<LoginOutcome> {
  const { attempts, runtime } = parts;
  const response = parseAuthorizationResponse(query);
  if (typeof response === 'string') return failed(response);
  const take = () =>
    attempts.take(req, runtime.logins.storagesOf(req), response.state, (attempt) =>
      isForUs(attempt, runtime.options),
    );
  const taken = await take();
  if ('problem' in taken) return failed(`attempt_${taken.problem}`, taken.hint);
  const attempt = 'repeated' in taken ? taken.repeated : taken.attempt;
  refuseOtherWay(attempt, options);
  if (!isLinkedByItsStarter(runtime, req, options, attempt)) {
    return failed(
      'attempt_unknown',
      'passport.authorize connects an account only for the user who started it, but now another user or nobody is logged in.',
    );
  }
  await checkIssuer(runtime, response);
  if ('error' in response) return errorOf(response.error, response.errorDescription, attempt.scopes);
  if ('repeated' in taken) return respondToRepeated(parts, req, options, taken);
  const outcome = await completeLogin(parts, req, options, taken, response.code);
  if (outcome !== 'taken by another') {
    // Counts only logins that a page requested: a link to the login cannot cause a loop.
    if ('user' in outcome && attempt.returnTo !== undefined)
      noteRound(req, attemptCookiePlace(req, attempt, runtime.options));
    return outcome;
  }
  const again = await take();
  return 'repeated' in again ? respondToRepeated(parts, req, options, again) : failed('attempt_used');
}

function isForUs(attempt: Pick<UsedAttempt, 'clientID' | 'server'>, options: ResolvedOptions): boolean {
  return attempt.clientID === options.credentials.clientID && attempt.server === nameOfServer(options.server);
}

// Otherwise the user would be logged in as another user, or return to a page without being logged in.
function refuseOtherWay(
  { isLinking: wasLinking = false }: Pick<UsedAttempt, 'isLinking'>,
  options: AuthenticateOptions,
): void {
  if (wasLinking === isLinking(options)) return;
  const logsIn = 'passport.authenticate, which logs users in';
  const connects = 'passport.authorize, which connects an account';
  throw invalidOption(
    `This login was started by ${wasLinking ? connects : logsIn}, but returned to ${wasLinking ? logsIn : connects}. Use the same one on both routes. An app with both needs two callback routes; set the second one as callbackURL where its login starts.`,
  );
}

// A user who logged in to the app meanwhile must not get the account of the user who started the linking, even if the latter
// was not logged in.
function isLinkedByItsStarter(
  runtime: PolarRuntime,
  req: Request,
  options: AuthenticateOptions,
  attempt: Pick<UsedAttempt, 'startedBy'>,
): boolean {
  if (!isLinking(options)) return true;
  const user = loggedInUser(req);
  return attempt.startedBy === (user === undefined ? undefined : runtime.logins.users.of(user));
}

async function checkIssuer(runtime: PolarRuntime, response: AuthorizationResponse): Promise<void> {
  const { issuer, sendsIssuer } = await runtime.client.discover();
  if (response.issuer === issuer) return;
  if (response.issuer === undefined && !sendsIssuer) return;
  throw new PolarAuthorizationError(
    `The authorization response names ${response.issuer === undefined ? 'no issuer, although the provider announces one' : 'another issuer'}. The login was rejected.`,
    { error: 'issuer_mismatch', status: 403 },
  );
}

function errorOf(error: string, description: string | undefined, scopes: readonly string[]): LoginOutcome {
  const code = Object.hasOwn(personErrors, error) ? personErrors[error] : undefined;
  if (code !== undefined) return failed(code);
  const said = [error, description].map((text) => cleanText(text)).filter(Boolean);
  throw new PolarAuthorizationError(
    `Polar refused the login (${said.join(': ')}). ${error === 'invalid_scope' ? adviceOnScopes(scopes) : "Check the client's scopes and redirect URIs at Polar."}`,
    {
      error: cleanText(error) ?? '',
      errorDescription: cleanText(description),
    },
  );
}

function adviceOnScopes(scopes: readonly string[]): string {
  const advice = aboutUnknownScopes(scopes) || " Compare them with the scopes in Polar's documentation.";
  return `The login requested ${scopes.join(' ')}.${advice}`;
}
