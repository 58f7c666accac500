import { createHash, randomBytes } from 'node:crypto';
import type { Request } from 'express';
import { PolarConfigurationError } from '../errors.js';
import { forOneRequest, isLocalHTTP } from '../option-checks.js';
import { loggedInUser, sessionOf } from '../request-session.js';
import { safeReturnTo } from '../return-to.js';
import { nameOfServer } from '../server.js';
import { wantedScopes } from '../wanted-scopes.js';
import type { AuthenticateOptions, LoginFlowParts } from './login-flow-parts.js';
import { failed, type LoginOutcome } from './login-outcome.js';
import type { PendingLogin } from './pending-logins.js';
import { loginOptions } from './request-options.js';
import { requestURL } from './request-url.js';

/** Starts a login: remembers it in the session and sends the browser to Polar. */
export async function startLogin(
  parts: LoginFlowParts,
  req: Request,
  given: AuthenticateOptions,
  query: URLSearchParams,
): Promise<LoginOutcome> {
  const { client, options } = parts.runtime;
  const login = forOneRequest(() => loginOptions(given, options));
  const here = requestURL(req, options.proxy);
  const callback = new URL(login.callbackURL, here);
  // Starting over here would send people round in circles when Polar's answer gets lost.
  if (samePath(here, callback)) return failed('callback_empty');
  // To the letter as registered where it was given in full: Polar compares letters.
  const redirectURI = isAbsolute(login.callbackURL) ? login.callbackURL : callback.href;
  refuseUnregistrable(callback);
  refuseUselessCookie(req);
  await parts.runtime.checkStorage(req);
  const session = sessionOf(req);
  const returnTo =
    safeReturnTo(login.returnTo) ?? safeReturnTo(query.get('return_to')) ?? safeReturnTo(session['returnTo']);
  // Belongs to this tab from now on.
  delete session['returnTo'];
  const user = loggedInUser(req);
  const wanted = wantedScopes(session, options.name, options.now());
  const scope = [...new Set([...login.scope, ...wanted])];

  const pending: PendingLogin = {
    state: randomText(),
    nonce: randomText(),
    codeVerifier: randomText(),
    redirectURI,
    clientID: options.credentials.clientID,
    server: nameOfServer(options.server),
    scopes: scope,
    ...(returnTo !== undefined && { returnTo }),
    ...(login.appState !== undefined && { appState: login.appState }),
    ...(user !== undefined && { startedBy: parts.runtime.users.of(user) }),
    startedAt: options.now(),
  };
  const url = await client.authorizationURL({
    redirectURI,
    scope,
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

// A path that was completed with http on a public host: TLS ends at a proxy that the app does not trust yet.
function refuseUnregistrable(callback: URL): void {
  if (callback.protocol === 'https:' || isLocalHTTP(callback)) return;
  throw new PolarConfigurationError(
    'invalid_option',
    "callbackURL was completed to an http address, which Polar does not accept. Behind a proxy that ends TLS, use app.set('trust proxy', 1).",
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

const samePath = (one: URL, other: URL): boolean =>
  withoutSlashesAtEnd(one.pathname) === withoutSlashesAtEnd(other.pathname);

// No regular expression: on a path of many slashes it would start anew at each of them.
function withoutSlashesAtEnd(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end--;
  return path.slice(0, end);
}

const isAbsolute = (url: string): boolean => /^https?:/i.test(url);
