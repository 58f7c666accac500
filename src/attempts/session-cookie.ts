import type { Request } from 'express';
import { invalidOption, PolarConfigurationError } from '../errors.js';
import { isLocalHTTP } from '../options/option-checks.js';
import { isHostCertain, requestURL } from '../request/request-url.js';
import { newSessionOf, sessionOf } from '../request/session.js';
import type { ResolvedOptions } from '../strategy-options.js';
import type { CookiePlace } from './attempt-cookie.js';
import type { AttemptRequest } from './login-attempt.js';

type LoginOrLink = Pick<AttemptRequest, 'isLinking'>;

/** The cookie of the session in which the login will be: a new one, unless an account is linked. */
const cookieOf = (req: Request, { isLinking }: LoginOrLink) =>
  (isLinking ? sessionOf(req) : newSessionOf(req)).cookie;

/**
 * Rejects a session cookie that the browser will not send back, while the reason can still be explained: the login
 * would succeed, yet the user would not be logged in.
 *
 * @throws PolarConfigurationError `unsupported_session`
 */
export function checkSessionCookie(req: Request, login: LoginOrLink, options: ResolvedOptions): void {
  const cookie = cookieOf(req, login);
  const { domain, sameSite, secure } = cookie;
  if (sameSite === 'strict' || sameSite === true) {
    throw unsupported(
      "The session cookie is SameSite=Strict, so browsers do not send it on the return from Polar. Use cookie: { sameSite: 'lax' }.",
    );
  }
  if (sameSite === 'none' && secure !== true) {
    throw unsupported(
      "The session cookie is SameSite=None without Secure, so browsers reject it. Use cookie: { sameSite: 'none', secure: true } over https, or sameSite: 'lax'.",
    );
  }
  if (isPartitioned(cookie) && secure !== true) {
    throw unsupported(
      "The session cookie is Partitioned without Secure, so browsers reject it. Use cookie: { sameSite: 'none', secure: true, partitioned: true } over https, or leave partitioned out.",
    );
  }
  const protocol = String(req.headers['x-forwarded-proto'] ?? 'http').split(',', 1)[0] ?? '';
  if (secure === true && !req.secure && protocol.trim().toLowerCase() === 'http') {
    throw unsupported(
      "The session cookie is secure, but this request came over plain http, so the cookie cannot be set. Use https; behind a proxy that terminates TLS, send X-Forwarded-Proto: https and call app.set('trust proxy', 1). In development, use cookie: { secure: 'auto' }.",
    );
  }
  const { hostname } = requestURL(req, options);
  if (domain !== undefined && isHostCertain(req, options) && !isInDomain(hostname, domain)) {
    throw unsupported(
      `Browsers reject a session cookie for the domain ${domain} from ${hostname}. Omit cookie.domain, or set it to a domain that includes this host.`,
    );
  }
}

/**
 * Returns the attributes of a login attempt's cookie: the redirect from Polar has to carry it.
 *
 * @throws PolarConfigurationError `invalid_option` if no cookie set by this host reaches the host of the callback
 */
export function attemptCookiePlace(
  req: Request,
  login: LoginOrLink & Pick<AttemptRequest, 'redirectURI'>,
  options: ResolvedOptions,
): CookiePlace {
  const cookie = cookieOf(req, login);
  const { redirectURI } = login;
  const { protocol, hostname } = new URL(redirectURI);
  const secure = protocol === 'https:';
  const sameSite = cookie.sameSite === 'none' && secure ? 'none' : 'lax';
  const place = {
    secure,
    sameSite,
    partitioned: secure && isPartitioned(cookie),
  } as const;
  const here = requestURL(req, options);
  if (here.hostname === hostname) return { ...place, domain: undefined };
  const { domain } = cookie;
  if (domain !== undefined && [hostname, here.hostname].every((each) => isInDomain(each, domain)))
    return { ...place, domain };
  // A proxy may hide the host that the browser sees. Tests of an app run on a local port that Polar does not know, and
  // follow its redirects themselves.
  if (!isHostCertain(req, options) || isOtherLocalPort(here, redirectURI))
    return { ...place, domain: undefined };
  throw invalidOption(
    `This login starts on ${here.host}, but Polar redirects back to ${new URL(redirectURI).host}, which does not receive its cookies. Open the app at ${new URL(redirectURI).host}, or change callbackURL. For two hosts of one domain, set the domain of the session cookie. Behind a proxy, forward the Host header.`,
  );
}

function isOtherLocalPort(here: URL, redirectURI: string): boolean {
  const there = new URL(redirectURI);
  return isLocalHTTP(here) && isLocalHTTP(there) && here.port !== there.port;
}

// The types of express-session's Cookie do not have it.
const isPartitioned = (cookie: object): boolean => (cookie as { partitioned?: unknown }).partitioned === true;

function isInDomain(hostname: string, domain: string): boolean {
  const name = domain.replace(/^\./, '').toLowerCase();
  return hostname === name || hostname.endsWith(`.${name}`);
}

const unsupported = (message: string): PolarConfigurationError =>
  new PolarConfigurationError('unsupported_session', message);
