/**
 * The cookie of a login attempt. Its value is the key that opens the attempt's row in the store, so that only the
 * browser that started a login can finish it. Its name derives from the state, so that tabs do not overwrite each
 * other's cookies.
 */
import { hash } from 'node:crypto';
import type { Request, Response } from 'express';

/** Determines the attributes of the cookie. */
export interface CookiePlace {
  readonly secure: boolean;
  /** In a cross-site frame, browsers keep only `SameSite=None` cookies. */
  readonly sameSite: 'lax' | 'none';
  readonly partitioned: boolean;
  /** If the callback is on another host than the start: the domain that contains both. */
  readonly domain: string | undefined;
}

const family = 'polar-';
// Only the host itself can set a cookie with this prefix (RFC 6265bis, 4.1.3.2); a sibling in its domain cannot.
const hostPrefix = '__Host-';
// Each tab adds a cookie of 90 bytes to every request; a browser that starts more logins loses the oldest.
const maxCookies = 20;
const maxValuesTried = 5;
// A limit even against planted cookies: proxies reject responses with headers of more than 4 to 8 KB.
const maxDeleted = 20;

/** Returns the name of the cookie. */
export function attemptCookieName(attemptId: string, { secure, domain }: CookiePlace): string {
  const isBoundToHost = secure && domain === undefined;
  return `${isBoundToHost ? hostPrefix : ''}${family}${attemptId.slice(0, 10)}`;
}

/** Sets the cookie, and deletes the oldest ones if there are too many. */
export function setAttemptCookie(
  req: Request,
  name: string,
  value: string,
  place: CookiePlace,
  maxAgeSeconds: number,
): void {
  const { res } = req;
  if (res === undefined || res.headersSent) return;
  // Browsers send their oldest cookies first (RFC 6265, 5.4).
  const others = [...new Set(cookiesOf(req).map(([each]) => each))].filter(
    (each) => isAttemptCookie(each) && each !== name,
  );
  const tooMany = others.slice(0, Math.min(maxDeleted, Math.max(0, others.length - (maxCookies - 1))));
  addCookies(res, [
    serialize(name, value, place, maxAgeSeconds),
    ...tooMany.flatMap((each) => [
      ...(place.domain === undefined ? [] : [serialize(each, '', place, 0)]),
      serialize(
        each,
        '',
        { ...place, domain: undefined, secure: place.secure || each.startsWith(hostPrefix) },
        0,
      ),
    ]),
  ]);
}

const roundsName = 'polar-rounds';
const roundsSeconds = 30;

/** Returns how many logins this browser has completed in a row, each within half a minute of the previous one. */
export function completedRounds(req: Request): number {
  const found = cookiesOf(req).find(([name]) => name === roundsName || name === `${hostPrefix}${roundsName}`);
  return /^\d{1,3}$/.test(found?.[1] ?? '') ? Number(found?.[1]) : 0;
}

/** Resets the count after a logout. */
export function forgetRounds({ headers, res }: Request): void {
  if (res === undefined || res.headersSent || !headers.cookie?.includes(roundsName)) return;
  const place = { sameSite: 'lax', partitioned: false, domain: undefined } as const;
  addCookies(res, [
    serialize(roundsName, '', { ...place, secure: false }, 0),
    serialize(`${hostPrefix}${roundsName}`, '', { ...place, secure: true }, 0),
  ]);
}

/** Counts another completed login. The count only guards against endless redirects, so forging it gains nothing. */
export function noteRound(req: Request, place: CookiePlace): void {
  if (req.res === undefined || req.res.headersSent) return;
  const name = `${place.secure ? hostPrefix : ''}${roundsName}`;
  addCookies(req.res, [
    serialize(name, String(completedRounds(req) + 1), { ...place, domain: undefined }, roundsSeconds),
  ]);
}

/**
 * Returns all values that the browser sent under a name, from the raw header: a cookie parser would return only one of
 * them.
 */
export function attemptCookieValues(req: Request, name: string): string[] {
  return cookiesOf(req)
    .filter(([each, value]) => each === name && value !== '')
    .map(([, value]) => value)
    .slice(0, maxValuesTried);
}

/** Returns hashes of the values that the browser sent as the cookie of an attempt. */
export function attemptCookieHashes(req: Request, attemptId: string): string[] {
  return cookiesOfAttempt(req, attemptId)
    .slice(0, maxValuesTried)
    .map(([, value]) => hashOf(value));
}

/** Returns the hash of a cookie's value. */
export const hashOf = (value: string): string => hash('sha256', `cookie:${value}`, 'base64url');

/** True if the browser sent the cookie of this attempt, under either name. */
export function hasAttemptCookie(req: Request, attemptId: string): boolean {
  return cookiesOfAttempt(req, attemptId).length > 0;
}

function cookiesOfAttempt(req: Request, attemptId: string): [name: string, value: string][] {
  const end = `${family}${attemptId.slice(0, 10)}`;
  return cookiesOf(req).filter(([name]) => name === end || name === `${hostPrefix}${end}`);
}

function isAttemptCookie(name: string): boolean {
  const rest = name.startsWith(hostPrefix) ? name.slice(hostPrefix.length) : name;
  return rest.startsWith(family) && /^[0-9a-f]{10}$/.test(rest.slice(family.length));
}

function cookiesOf(req: Request): [name: string, value: string][] {
  return (req.headers.cookie ?? '').split(';').map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, Math.max(0, at)).trim(), pair.slice(at + 1).trim()];
  });
}

function serialize(name: string, value: string, place: CookiePlace, maxAgeSeconds: number): string {
  return [
    `${name}=${value}`,
    `Max-Age=${maxAgeSeconds}`,
    'Path=/',
    ...(place.domain === undefined ? [] : [`Domain=${place.domain}`]),
    'HttpOnly',
    ...(place.secure ? ['Secure'] : []),
    `SameSite=${place.sameSite === 'none' ? 'None' : 'Lax'}`,
    ...(place.partitioned ? ['Partitioned'] : []),
  ].join('; ');
}

function addCookies(res: Response, cookies: readonly string[]): void {
  const before = res.getHeader('Set-Cookie') ?? [];
  res.setHeader('Set-Cookie', [before].flat().map(String).concat(cookies));
}
