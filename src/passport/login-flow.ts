import { createHash, randomBytes } from 'node:crypto';
import type { Request } from 'express';
import { cleanText } from '../client/oauth-error.js';
import type { TokenResponse } from '../client/token-response.js';
import type { PolarRuntime } from '../composition.js';
import { PolarAuthorizationError, PolarConfigurationError, PolarIdTokenError } from '../errors.js';
import type { IdTokenClaims } from '../id-token/claims.js';
import { sessionOf } from '../request-session.js';
import { safeReturnTo } from '../return-to.js';
import { tokenSetOf } from '../tokens/token-set.js';
import {
  type AuthorizationResponse,
  isAuthorizationResponse,
  parseAuthorizationResponse,
} from './authorization-response.js';
import type { PendingLogin, PendingLogins } from './pending-logins.js';
import { type PolarProfile, profileFromClaims } from './profile.js';
import { type LoginOptions, loginOptions } from './request-options.js';
import { requestQuery, requestURL } from './request-url.js';
import { storeAtLogIn, storeForLoggedInUser } from './session-login.js';
import type { VerifyLogin } from './verify-callback.js';

/** Codes of `info` when a login fails without a fault: a person's "no", or a login that is no longer valid. */
export type LoginFailureCode =
  | 'access_denied'
  | 'login_required'
  | 'state_missing'
  | 'state_unknown'
  | 'state_expired'
  | 'callback_malformed'
  | 'callback_empty';

/** The `info` of a failed login, for `failureMessage` and custom callbacks. */
export interface LoginFailure {
  readonly message: string;
  readonly code: LoginFailureCode;
}

/** How a request to the strategy ends; Passport has an action for each. */
export type LoginOutcome =
  | { readonly redirect: string }
  | { readonly failure: unknown; readonly status?: number }
  | { readonly user: Express.User; readonly info: unknown };

/** What the flow takes from the strategy: its parts, and the hooks that a subclass may override. */
export interface LoginFlowParts {
  readonly runtime: PolarRuntime;
  readonly pending: PendingLogins;
  readonly verify: VerifyLogin;
  /** Extra parameters for the authorize page. */
  readonly authorizationParams: () => Readonly<Record<string, string>>;
  /** Extra parameters for the code exchange. */
  readonly tokenParams: () => Readonly<Record<string, string>>;
  /** The profile from the userinfo endpoint. */
  readonly userProfile: (accessToken: string, claims: IdTokenClaims) => Promise<PolarProfile>;
}

/** Passport's options of one `passport.authenticate` call, and ours. */
export type AuthenticateOptions = Readonly<Record<string, unknown>>;

const failures: Record<LoginFailureCode, readonly [message: string, status?: number]> = {
  access_denied: ['The login with Polar was cancelled.'],
  login_required: ['Polar needs you to log in or to agree there first.'],
  state_missing: ['The answer from Polar belongs to no login. Please log in again.', 403],
  state_unknown: [
    'This login is no longer valid: it is finished, was started in another browser, or the session cookie did not come back. Please log in again.',
    403,
  ],
  state_expired: ['This login took too long. Please log in again.', 403],
  callback_malformed: ['The answer from Polar is malformed. Please log in again.', 400],
  callback_empty: ['There is no answer from Polar here. Please log in again.', 400],
};

// Not faults: with prompt=none Polar says that it would have to show a page.
const personErrors: Record<string, LoginFailureCode> = {
  access_denied: 'access_denied',
  login_required: 'login_required',
  consent_required: 'login_required',
  interaction_required: 'login_required',
  account_selection_required: 'login_required',
};

/** Handles a request to the strategy: the start of a login, or Polar's answer. Rejects with the error for `next`. */
export async function runLoginFlow(
  parts: LoginFlowParts,
  req: Request,
  options: AuthenticateOptions,
): Promise<LoginOutcome> {
  sessionOf(req);
  const query = requestQuery(req);
  if (isAuthorizationResponse(query)) return finishLogin(parts, req, options, query);
  const login = loginOptions(options, parts.runtime.options);
  const here = requestURL(req, parts.runtime.options.proxy);
  const redirectURI = new URL(login.callbackURL, here);
  // Starting over here would send people round in circles when Polar's answer gets lost.
  if (here.pathname === redirectURI.pathname) return failed('callback_empty');
  return startLogin(
    parts,
    req,
    login,
    query,
    isAbsolute(login.callbackURL) ? login.callbackURL : redirectURI.href,
  );
}

async function startLogin(
  parts: LoginFlowParts,
  req: Request,
  login: LoginOptions,
  query: URLSearchParams,
  redirectURI: string,
): Promise<LoginOutcome> {
  const { client, options } = parts.runtime;
  refuseUselessCookie(req);
  const session = sessionOf(req);
  const returnTo =
    safeReturnTo(login.returnTo) ?? safeReturnTo(query.get('return_to')) ?? safeReturnTo(session['returnTo']);
  // Belongs to this tab from now on.
  delete session['returnTo'];

  const pending: PendingLogin = {
    state: randomText(),
    nonce: randomText(),
    codeVerifier: randomText(),
    redirectURI,
    clientID: options.credentials.clientID,
    apiURL: options.server.apiURL,
    scopes: login.scope,
    ...(returnTo !== undefined && { returnTo }),
    ...(login.appState !== undefined && { appState: login.appState }),
    startedAt: options.now(),
  };
  const url = await client.authorizationURL({
    redirectURI,
    scope: login.scope,
    state: pending.state,
    nonce: pending.nonce,
    codeChallenge: createHash('sha256').update(pending.codeVerifier).digest('base64url'),
    subType: login.subType,
    prompt: login.prompt,
    extra: parts.authorizationParams(),
  });
  await parts.pending.add(req, pending);
  return { redirect: url };
}

async function finishLogin(
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
  const { credentials, server } = parts.runtime.options;
  if (pending.clientID !== credentials.clientID || pending.apiURL !== server.apiURL)
    return failed('state_unknown');
  await checkIssuer(parts.runtime, response);
  if (response.error !== undefined) return answeredError(response.error, response.errorDescription);
  return logIn(parts, req, options, pending, response.code ?? '');
}

async function logIn(
  parts: LoginFlowParts,
  req: Request,
  options: AuthenticateOptions,
  pending: PendingLogin,
  code: string,
): Promise<LoginOutcome> {
  const { runtime } = parts;
  const { redirectURI, codeVerifier, nonce, scopes, returnTo, appState } = pending;
  const granted = await runtime.client.exchangeCode({
    code,
    redirectURI,
    codeVerifier,
    extra: parts.tokenParams(),
  });
  // Before anything else is done with the tokens.
  const claims = await verifiedClaims(runtime, granted, nonce);
  const profile = runtime.options.fetchUserInfo
    ? await parts.userProfile(granted.accessToken, claims)
    : profileFromClaims(claims);
  const tokens = tokenSetOf(granted, runtime.options.now(), { scopes });

  const { user, info } = await parts.verify({ tokens, profile, claims, req }, granted);
  if (user === false) return { failure: info };

  const { credentials, server } = runtime.options;
  const toStore = {
    login: { tokens, subject: claims.sub, nonce, clientID: credentials.clientID, apiURL: server.apiURL },
    returnTo,
  };
  if (options['assignProperty'] !== undefined) await storeForLoggedInUser(runtime, req, toStore);
  else if (options['session'] !== false) storeAtLogIn(runtime, parts.pending, req, toStore);
  return { user, info: withAppState(info, appState) };
}

async function verifiedClaims(
  runtime: PolarRuntime,
  granted: TokenResponse,
  nonce: string,
): Promise<IdTokenClaims> {
  if (granted.idToken === undefined) {
    throw new PolarIdTokenError(
      'id_token_missing',
      "Polar's answer has no id_token, so nobody was logged in. Is the scope openid registered for this client?",
    );
  }
  return runtime.verifyIdToken(granted.idToken, { nonce, accessToken: granted.accessToken });
}

async function checkIssuer(runtime: PolarRuntime, response: AuthorizationResponse): Promise<void> {
  if (response.issuer === undefined) return;
  const { issuer } = await runtime.client.discover();
  if (response.issuer === issuer) return;
  throw new PolarAuthorizationError(
    'The answer of the authorize page names another issuer. Nobody was logged in.',
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

// Found out here, where it can be explained, and not when the callback comes back without its session.
function refuseUselessCookie(req: Request): void {
  const { sameSite, secure } = sessionOf(req).cookie;
  if (sameSite === 'strict' || sameSite === true) {
    throw new PolarConfigurationError(
      'unsupported_session',
      "The session cookie is SameSite=strict, so it cannot come back with people who return from Polar. Use cookie: { sameSite: 'lax' }.",
    );
  }
  if (secure === true && !req.secure && req.headers['x-forwarded-proto'] === undefined) {
    throw new PolarConfigurationError(
      'unsupported_session',
      "The session cookie is secure, but this request came over plain http, so the cookie cannot be set. Use https, or cookie: { secure: 'auto' } while developing.",
    );
  }
}

/** 256 bits: neither guessed nor tried out. */
const randomText = (): string => randomBytes(32).toString('base64url');

const isAbsolute = (url: string): boolean => /^https?:/i.test(url);

function failed(code: LoginFailureCode): LoginOutcome {
  const [message, status] = failures[code];
  const failure: LoginFailure = { message, code };
  return status === undefined ? { failure } : { failure, status };
}

function withAppState(info: unknown, appState: unknown): unknown {
  if (appState === undefined || (info !== undefined && info !== null && typeof info !== 'object'))
    return info;
  return { ...info, state: appState };
}
