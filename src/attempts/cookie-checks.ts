import type { Request } from 'express';
import { PolarConfigurationError } from '../errors.js';
import { isLocalHTTP } from '../options/option-checks.js';
import { isHostCertain, requestURL } from '../request/request-url.js';
import { sessionOf } from '../request/session.js';
import type { ResolvedOptions } from '../strategy-options.js';
import type { CookiePlace } from './attempt-cookie.js';

/**
 * Rejects a session cookie that cannot come back, while the reason can still be explained: the login would succeed, yet
 * the user would not be logged in.
 *
 * @throws PolarConfigurationError `unsupported_session`
 */
export function checkSessionCookie(req: Request, options: ResolvedOptions): void {
  const { domain, sameSite, secure } = sessionOf(req).cookie;
  if (sameSite === 'strict' || sameSite === true) {
    throw unsupported(
      "The session cookie is SameSite=strict, so it cannot come back with people who return from Polar. Use cookie: { sameSite: 'lax' }.",
    );
  }
  if (sameSite === 'none' && secure !== true) {
    throw unsupported(
      "The session cookie is SameSite=None without Secure, which browsers do not keep. Use cookie: { sameSite: 'none', secure: true } over https, or sameSite: 'lax'.",
    );
  }
  const protocol = String(req.headers['x-forwarded-proto'] ?? 'http').split(',', 1)[0] ?? '';
  if (secure === true && !req.secure && protocol.trim().toLowerCase() === 'http') {
    throw unsupported(
      "The session cookie is secure, but this request came over plain http, so the cookie cannot be set. Use https (behind a proxy that ends TLS, with X-Forwarded-Proto: https and app.set('trust proxy', 1)), or cookie: { secure: 'auto' } while developing.",
    );
  }
  const { hostname } = requestURL(req, options);
  if (domain !== undefined && isHostCertain(req, options) && !isInDomain(hostname, domain)) {
    throw unsupported(
      `The session cookie is for the domain ${domain}, and browsers do not keep it from ${hostname}. Leave cookie.domain out, or name a domain that this host is in.`,
    );
  }
}

/**
 * Returns the attributes of a login attempt's cookie: the redirect from Polar has to carry it.
 *
 * @throws PolarConfigurationError `invalid_option` if no cookie set by this host reaches the host of the callback
 */
export function attemptCookiePlace(req: Request, redirectURI: string, options: ResolvedOptions): CookiePlace {
  const { cookie } = sessionOf(req);
  const { protocol, hostname } = new URL(redirectURI);
  const secure = protocol === 'https:';
  const sameSite = cookie.sameSite === 'none' && secure ? 'none' : 'lax';
  const place = {
    secure,
    sameSite,
    partitioned: secure && (cookie as { partitioned?: boolean }).partitioned === true,
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
  throw new PolarConfigurationError(
    'invalid_option',
    `This login starts at ${here.host}, and Polar sends people back to ${new URL(redirectURI).host}: no cookie of the one reaches the other, so the login could not be finished. Open the app at ${new URL(redirectURI).host}, or change callbackURL. Two hosts of one domain need a session cookie with that domain. Behind a proxy, have it pass the Host header on.`,
  );
}

function isOtherLocalPort(here: URL, redirectURI: string): boolean {
  const there = new URL(redirectURI);
  return isLocalHTTP(here) && isLocalHTTP(there) && here.port !== there.port;
}

function isInDomain(hostname: string, domain: string): boolean {
  const name = domain.replace(/^\./, '').toLowerCase();
  return hostname === name || hostname.endsWith(`.${name}`);
}

const unsupported = (message: string): PolarConfigurationError =>
  new PolarConfigurationError('unsupported_session', message);
