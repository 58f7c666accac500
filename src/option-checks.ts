/** Checks of single options. Each throws a TypeError that names the option and the expected value. */
import { PolarConfigurationError } from './errors.js';
import { parseURL } from './parse-url.js';
import { shownValue } from './shown-value.js';

/**
 * Returns scopes as a list with `openid` first: without it Polar issues no id_token, and every login would fail.
 *
 * @throws TypeError if it is neither a string nor a list of strings
 */
export function resolveScope(scope: unknown): readonly string[] {
  return [...new Set(['openid', ...list(scope, 'scope')])];
}

/**
 * Parses names given as a list, or as one string separated by spaces or commas. All scopes and ids in this package pass here.
 *
 * @throws TypeError if it is neither a string nor a list of strings
 */
export function list(value: unknown, name: string): readonly string[] {
  const given: unknown[] = Array.isArray(value) ? value : [value];
  // The characters that RFC 6749 section 3.3 allows in a scope; they are safe in a quoted string of a header.
  const isNames = (item: unknown): boolean =>
    typeof item === 'string' && /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(item);
  const wrong = given.findIndex((item) => !isNames(item));
  if (wrong >= 0)
    throw new TypeError(
      `${name} must be a list of strings, or one string with spaces between them: ['a', 'b'] or 'a b', and has ${shownValue(given[wrong])}`,
    );
  return given.flatMap((item) => String(item).split(/[ ,]+/)).filter(Boolean);
}

/**
 * Rejects unknown options: a misspelt one would silently have no effect.
 *
 * @throws TypeError that suggests the option that was probably meant
 */
export function rejectUnknown(options: object, known: readonly string[], who: string): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const meant = closest(name, known);
    const hint = meant === undefined ? `It knows: ${known.join(', ')}.` : `Did you mean ${meant}?`;
    throw new TypeError(`${who} knows no option '${name}'. ${hint}`);
  }
}

/**
 * Rejects options of other strategies, in any letter case.
 *
 * @throws TypeError that names the replacement
 */
export function rejectReplaced(
  options: object,
  replacements: Readonly<Record<string, string>>,
  known: readonly string[],
  who: string,
): void {
  for (const name of Object.keys(options)) {
    const found = Object.keys(replacements).find((each) => each.toLowerCase() === name.toLowerCase());
    const why = found === undefined || known.includes(name) ? undefined : replacements[found];
    if (why !== undefined) throw new TypeError(`${who} knows no option '${name}': ${why}.`);
  }
}

/**
 * Rejects likely misspellings in options that Passport and other packages share, so that unknown names must be allowed.
 *
 * @throws TypeError that suggests the option that was probably meant
 */
export function rejectNearMisses(options: object, known: readonly string[], who: string): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name) || passportOptions.has(name)) continue;
    // Leaves out snake_case parameters: in camel case (loginHint) they may be options of another package.
    const options = [...known, ...passportOptions].filter((each) => !each.includes('_'));
    const meant = closestByDistance(name, options);
    if (meant !== undefined) throw new TypeError(`${who} knows no option '${name}'. Did you mean ${meant}?`);
  }
}

/** Returns the options that are neither in `known` nor known to belong to Passport or a framework around it. */
export function unknownOptions(options: object, known: readonly string[]): string[] {
  return Object.keys(options).filter((name) => !known.includes(name) && !passportOptions.has(name));
}

// Options of Passport and of frameworks around it, which are never taken for misspellings.
const passportOptions = new Set([
  ...['authInfo', 'assignProperty', 'failureFlash', 'failureMessage', 'failureRedirect', 'failWithError'],
  ...[
    'keepSessionInfo',
    'passReqToCallback',
    'pauseStream',
    'property',
    'session',
    'successFlash',
    'successMessage',
  ],
  ...['successRedirect', 'successReturnToOrRedirect', 'userProperty', 'defaultStrategy', 'callback'],
]);

/** Returns the known name that was probably meant: one that differs by a few letters, or shares its beginning or end. */
export function closest(name: string, known: readonly string[]): string | undefined {
  const asked = plain(name);
  const isPart = (other: string): boolean =>
    asked.length > 2 && (other.startsWith(asked) || asked.startsWith(other) || other.endsWith(asked));
  return closestByDistance(name, known) ?? known.find((other) => isPart(plain(other)));
}

function closestByDistance(name: string, known: readonly string[]): string | undefined {
  const asked = plain(name);
  // A name without letters resembles none, although a short edit distance might say so.
  if (asked === '') return undefined;
  const near = known
    .map((other) => ({ other, distance: editDistance(asked, plain(other)) }))
    .filter(({ distance, other }) => distance <= Math.floor(Math.min(asked.length, other.length) / 4))
    .sort((one, two) => one.distance - two.distance);
  return near[0]?.other;
}

const plain = (text: string): string => text.toLowerCase().replace(/[^a-z]/g, '');

/** Counts the letters to insert, delete, change, or swap with their neighbour. */
function editDistance(one: string, two: string): number {
  const rows = [Array.from({ length: two.length + 1 }, (_none, index) => index)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= two.length; j++) {
      const [above = [], before = []] = [rows[i - 1], rows[i - 2]];
      const changed = (above[j - 1] ?? 0) + (one[i - 1] === two[j - 1] ? 0 : 1);
      const isSwap = one[i - 1] === two[j - 2] && one[i - 2] === two[j - 1];
      const swapped = isSwap ? (before[j - 2] ?? Infinity) + 1 : Infinity;
      row.push(Math.min(changed, swapped, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    rows.push(row);
  }
  return rows[one.length]?.[two.length] ?? Infinity;
}

/**
 * Checks a value against a short list.
 *
 * @throws TypeError that lists the allowed values
 */
export function oneOf<const T extends string>(
  value: unknown,
  name: string,
  allowed: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((item) => item === value);
  if (found === undefined) throw wrong(name, allowed.map((item) => `'${item}'`).join(' or '), value);
  return found;
}

/**
 * Checks a callback URL: a path, or an absolute URL that Polar would register.
 *
 * @throws TypeError
 */
export function callbackURLOf(value: unknown): string {
  const base = 'http://localhost';
  const url = typeof value === 'string' ? parseURL(value, base) : undefined;
  const isAbsolute = parseURL(String(value)) !== undefined;
  const valid =
    url !== undefined &&
    // A relative URL would resolve to a different address on each page that starts a login.
    (isAbsolute || String(value).startsWith('/')) &&
    !/^$|^\/\/|#/.test(String(value)) &&
    (!isAbsolute || url.protocol === 'https:' || isLocalHTTP(url)) &&
    url.username + url.password === '';
  if (!valid) {
    throw wrong(
      'callbackURL',
      "the address that you registered at Polar (https, or http on localhost), or its path, such as '/auth/polar/callback'",
      value,
    );
  }
  return String(value);
}

/** True if Polar accepts this redirect URI with plain http: on this machine or in a private network. */
export function isLocalHTTP(url: URL): boolean {
  const { hostname, protocol } = url;
  const isLocal =
    /^(?:(?:.+\.)?localhost|\[::1\]|127(?:\.\d+){3}|10(?:\.\d+){3}|192\.168(?:\.\d+){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d+){2})$/;
  return protocol === 'http:' && isLocal.test(hostname);
}

/** The error for a wrong value, which it quotes: not for secrets. */
export function wrong(name: string, should: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${should}, not ${shownValue(value)}`);
}

/** Checks a non-empty string. */
export function text(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') throw wrong(name, 'a string that is not empty', value);
  return value;
}

/** Checks a path prefix: it starts with a slash and does not end with one. */
export function pathPrefix(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^(?:\/[\w.~-]*[\w~-])+$/.test(value))
    throw wrong(name, "the front of a path without a slash at its end, such as '/app'", value);
  return value;
}

/** Checks a dated version of Polar's API, which is sent in a header. */
export function apiVersionOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^\d{4}-\d{2}$/.test(value))
    throw new TypeError("apiVersion must be a version of Polar's API, year and month, such as '2026-10'");
  return value;
}

/** Checks a boolean. */
export function flag(value: unknown, name: string): boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') throw wrong(name, 'true or false', value);
  return value;
}

/** Checks a number of seconds, 0 or more. */
export function seconds(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw wrong(name, 'a number of seconds, 0 or more', value);
  return value;
}

/** Checks a number of seconds above 0 and within a day; the limit also catches most values in milliseconds. */
export function secondsOfADay(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !(value > 0 && value <= 86_400))
    throw wrong(name, 'a number of seconds above 0, at most 86400', value);
  return value;
}

/** Checks a whole number, 1 or more. */
export function count(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
    throw wrong(name, 'a whole number, 1 or more', value);
  return value;
}

/** Checks a list of keys, each long enough not to be guessed. */
export function keys(value: unknown, name: string): readonly [string, ...string[]] | undefined {
  if (value === undefined) return undefined;
  const isList = Array.isArray(value) && value.length > 0;
  if (!isList || !value.every((key) => typeof key === 'string' && key.length >= 32)) {
    throw new TypeError(
      `${name} must be a list of keys, each of at least 32 characters, such as \`openssl rand -base64 32\` prints`,
    );
  }
  return [value[0], ...value.slice(1)];
}

/** Checks an object with the given methods. */
export function methods<T extends object>(
  value: T | undefined,
  name: string,
  needed: readonly (keyof T & string)[],
): T | undefined {
  if (value === undefined) return undefined;
  const has =
    typeof value === 'object' &&
    value !== null &&
    needed.every((method) => typeof value[method] === 'function');
  if (!has) throw new TypeError(`${name} must be an object with the methods ${needed.join(' and ')}`);
  return value;
}

/** Checks a function of the app. */
export function func<T>(value: T | undefined, name: string): T | undefined {
  if (value !== undefined && typeof value !== 'function') throw wrong(name, 'a function', value);
  return value;
}

/** Checks a clock, in milliseconds since the epoch. */
export function clock(now: unknown): () => number {
  if (now !== undefined && typeof now !== 'function')
    throw wrong('now', 'a function that returns milliseconds since the epoch', now);
  // Looks Date.now up at each call, for tests that replace it.
  return (now as (() => number) | undefined) ?? (() => Date.now());
}

/**
 * Runs checks of the options of one request, whose errors go to `next`.
 *
 * @throws PolarConfigurationError `invalid_option`
 */
export function forOneRequest<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new PolarConfigurationError('invalid_option', error.message, { cause: error });
  }
}
