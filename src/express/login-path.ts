import { Stream } from 'node:stream';
import type { NextFunction, Request, Response } from 'express';
import { completedRounds } from '../attempts/attempt-cookie.js';
import { loginFailed } from '../diagnostics.js';
import { invalidOption, PolarConfigurationError } from '../errors.js';
import { rejectUnknown } from '../options/option-names.js';
import { noStore } from '../request/end-of-response.js';
import { requestTarget } from '../request/request-url.js';
import { withReturnTo } from '../request/return-to.js';
import { shownValue } from '../text/shown-value.js';
import { runtimeOfRequest } from './request-runtime.js';

// Browsers stop after twenty redirects, with a page that explains nothing.
const maxRounds = 3;

/**
 * Where users log in: the options of the guards.
 *
 * @group Guards
 */
export interface LoginPathOptions {
  /** Path of the route that calls `passport.authenticate('polar')`, for example `/auth/polar`. */
  readonly loginPath: string;
}

/**
 * Checks and returns `loginPath`.
 *
 * @param call the call of the middleware up to its options, for the message
 * @throws {@link PolarConfigurationError} `invalid_option` if `loginPath` is not a path, or there is another option
 */
export function loginPathOf(options: LoginPathOptions, call: `${string}(${string}`): string {
  const loginPath = (options as LoginPathOptions | undefined)?.loginPath;
  const name = call.slice(0, call.indexOf('('));
  // Without the call, `app.use(requireLogin)`, Express passes the request or the response here.
  if (!(options instanceof Stream)) rejectUnknown(options ?? {}, ['loginPath'], name);
  // A fragment stays in the browser: what a guard adds after it would never arrive.
  if (typeof loginPath === 'string' && /^\/(?![/\\])[^#]*$/.test(loginPath)) return loginPath;
  throw invalidOption(
    `${name} needs loginPath, the path of the route that starts the login: ${call}{ loginPath: '/auth/polar' }), not ${shownValue(loginPath)}`,
  );
}

/**
 * True for a browser that opens a page, which accepts HTML. Scripts that load parts of pages may accept it too, but a redirect to
 * Polar would fail in CORS: `Sec-Fetch-Mode` (Fetch Metadata) or `X-Requested-With` identifies them.
 */
export function wantsPage(req: Request): boolean {
  const { accept = '', 'sec-fetch-mode': mode = 'navigate', 'sec-fetch-dest': destination } = req.headers;
  // Apps with a WebView send their own name in X-Requested-With of each page.
  const isXHR = /^xmlhttprequest$/i.test(String(req.headers['x-requested-with'] ?? ''));
  const isScript = mode !== 'navigate' || destination === 'empty' || isXHR;
  return !isScript && /\btext\/html\b/i.test(accept);
}

/** What a page requires of a login. */
export interface LoginNeeds {
  readonly scopes?: readonly string[];
  /** Id of the organization that the user should pick. */
  readonly organization?: string | undefined;
}

/** Redirects a page request to the login with what the page requires; the login returns to the page. */
export function toLogin(
  req: Request,
  res: Response,
  next: NextFunction,
  { loginPath, scopes = [], organization }: LoginPathOptions & LoginNeeds,
): void {
  // Other middleware, a time-out say, has already responded.
  if (res.headersSent) return;
  noStore(res);
  const target = requestTarget(req);
  const isLoginItself = pathOf(target) === pathOf(loginPath);
  if (isLoginItself || completedRounds(req) >= maxRounds) {
    const error = isLoginItself ? guardedLogin(loginPath) : goingRound();
    loginFailed({ code: 'login_loop', reason: error.message, error });
    next(error);
    return;
  }
  const isRead = req.method === 'GET' || req.method === 'HEAD';
  const { proxyPrefix = '' } = runtimeOfRequest(req)?.options ?? {};
  const login = withReturnTo(`${proxyPrefix}${loginPath}`, isRead ? `${proxyPrefix}${target}` : undefined);
  // Anyone can craft such a URL, but the login requests only what a guard requires.
  const needs = [
    ...(scopes.length === 0 ? [] : [`scope=${encodeURIComponent(scopes.join(' '))}`]),
    ...(organization === undefined ? [] : [`organization=${organization}`]),
  ].join('&');
  res.redirect(303, needs === '' ? login : `${login}${login.includes('?') ? '&' : '?'}${needs}`);
}

const pathOf = (target: string) => target.split('?', 1)[0];

function guardedLogin(loginPath: string): PolarConfigurationError {
  return new PolarConfigurationError(
    'login_loop',
    `A guard stands before ${loginPath}, the route that starts the login, so nobody could ever log in. Add the routes of the login before the guard, or put the guard only on the paths that need it.`,
  );
}

function goingRound(): PolarConfigurationError {
  return new PolarConfigurationError(
    'login_loop',
    `This browser has logged in with Polar ${maxRounds} times in a row, but this page still finds no user, or not the scopes it needs. Look for: a session cookie that the browser does not send (secure behind TLS without app.set('trust proxy', 1), a wrong domain or path); a callback that never calls req.logIn; a serialized user that changes (userKey); a page on the way to the login that itself requires the login; guards and login routes in different processes.`,
  );
}
