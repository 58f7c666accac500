import { hash, randomBytes } from 'node:crypto';
import type { Request } from 'express';
import type { AttemptRequest, LoginAttempt } from '../attempts/login-attempt.js';
import type { LoginAttempts } from '../attempts/login-attempts.js';
import { attemptCookiePlace, checkSessionCookie } from '../attempts/session-cookie.js';
import { publish } from '../diagnostics.js';
import { invalidOption } from '../errors.js';
import { isLocalHTTP } from '../options/option-checks.js';
import { nameOfServer } from '../options/server.js';
import { requestURL } from '../request/request-url.js';
import { requestableOrganization, requestableScopes } from '../request/requested-by-guards.js';
import { safeReturnTo } from '../request/return-to.js';
import { loggedInUser, sessionOf } from '../request/session.js';
import type { PolarRuntime } from '../runtime.js';
import { failed, type LoginOutcome } from './login-outcome.js';
import { type AuthenticateOptions, isLinking, loginOptions } from './request-options.js';

/** Dependencies of {@link startLogin}. */
export interface StartLoginParts {
  readonly runtime: PolarRuntime;
  readonly attempts: LoginAttempts;
  /** Extra parameters for the authorize page. */
  readonly authorizationParams: () => Readonly<Record<string, string>>;
}

/** Starts a login: stores a login attempt and redirects the browser to Polar. */
export async function startLogin(
  parts: StartLoginParts,
  req: Request,
  given: AuthenticateOptions,
  query: URLSearchParams,
): Promise<LoginOutcome> {
  const { options } = parts.runtime;
  const login = loginOptions(given, options);
  const here = requestURL(req, options);
  const callback = login.callbackURL.startsWith('/')
    ? new URL(`${here.origin}${options.proxyPrefix}${login.callbackURL}`)
    : new URL(login.callbackURL, here);
  // Starting a login here would cause a redirect loop if Polar's response gets lost.
  if (samePath(here, callback)) return failed('callback_empty');
  checkSessionCookie(req, { isLinking: isLinking(given) }, options);
  refuseUnregistrable(callback);
  await parts.runtime.logins.checkStorage(req);
  const session = sessionOf(req);
  const returnTo =
    safeReturnTo(login.returnTo) ?? safeReturnTo(query.get('return_to')) ?? safeReturnTo(session['returnTo']);
  // From here on it belongs to this login attempt, not to other tabs.
  delete session['returnTo'];
  const user = loggedInUser(req);
  const organization = requestableOrganization(query.get('organization'));
  return sendToPolar(parts, req, {
    // An absolute URL is sent exactly as given, because Polar compares strings.
    redirectURI: isAbsolute(login.callbackURL) ? login.callbackURL : callback.href,
    scopes: [...new Set([...login.scope, ...wantedScopes(parts, req, query)])],
    subType: organization === undefined ? login.subType : 'organization',
    // Always shows the consent page: anyone can craft a URL with an organization.
    prompt: organization === undefined ? login.prompt : 'consent',
    organization,
    extra: parts.authorizationParams(),
    returnTo,
    appState: login.appState,
    startedBy: user === undefined ? undefined : parts.runtime.logins.users.of(user),
    isLinking: isLinking(given),
  });
}

/** Stores a login attempt, bound to this browser by a cookie, and redirects the browser to Polar's authorize page. */
export async function sendToPolar(
  { attempts, runtime }: StartLoginParts,
  req: Request,
  request: AttemptRequest,
): Promise<LoginOutcome> {
  const { client, options } = runtime;
  const { redirectURI, scopes, subType, prompt, extra } = request;
  const place = attemptCookiePlace(req, request, options);
  const state = randomText();
  const attempt: LoginAttempt = {
    ...request,
    clientID: options.credentials.clientID,
    server: nameOfServer(options.server),
    nonce: randomText(),
    codeVerifier: randomText(),
  };
  const url = await client.authorizationURL({
    redirectURI,
    scope: scopes,
    state,
    nonce: attempt.nonce,
    codeChallenge: hash('sha256', attempt.codeVerifier, 'base64url'),
    subType,
    prompt,
    extra,
  });
  await attempts.add(req, runtime.logins.storagesOf(req), state, attempt, place);
  publish('login', { event: 'login-started' });
  return { redirect: url };
}

/** The scopes in the login URL, limited to those that the app's guards require, plus the scopes already granted. */
function wantedScopes({ runtime }: StartLoginParts, req: Request, query: URLSearchParams): string[] {
  const wanted = requestableScopes(query.get('scope'));
  return wanted.length === 0 ? [] : [...(runtime.logins.ofUser(req)?.scopes ?? []), ...wanted];
}

// A path completed with http on a public host means that TLS ends at a proxy that the app does not trust yet.
function refuseUnregistrable(callback: URL): void {
  if (callback.protocol === 'https:' || isLocalHTTP(callback)) return;
  throw invalidOption(
    "callbackURL resolved to an http URL, which Polar does not accept. Behind a proxy that terminates TLS, send X-Forwarded-Proto: https and call app.set('trust proxy', 1).",
  );
}

/** 256 random bits, beyond guessing and brute force. */
const randomText = (): string => randomBytes(32).toString('base64url');

const samePath = (one: URL, other: URL): boolean =>
  withoutSlashesAtEnd(one.pathname) === withoutSlashesAtEnd(other.pathname);

// Not a regular expression, which would take quadratic time on a path of many slashes.
function withoutSlashesAtEnd(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end--;
  return path.slice(0, end);
}

const isAbsolute = (url: string): boolean => /^https?:/i.test(url);
