/** Checks of single options. Each throws an error that names the option and the expected value. */
import { invalidOption, type PolarConfigurationError } from '../errors.js';
import { parseOrganizationId } from '../text/organization-id.js';
import { parseURL } from '../text/parse-url.js';
import { shownValue } from '../text/shown-value.js';

/**
 * Returns scopes as a list with `openid` first: without it Polar issues no id_token, and every login would fail.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` if it is neither a string nor a list of strings
 */
export function checkScope(scope: unknown): readonly string[] {
  return [...new Set(['openid', ...checkList(scope, 'scope')])];
}

/**
 * Parses names given as a list, or as one string separated by spaces or commas. All scopes and ids in this package pass here.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` if it is neither a string nor a list of strings
 */
export function checkList(value: unknown, name: string): readonly string[] {
  const given: unknown[] = Array.isArray(value) ? value : [value];
  // The characters that RFC 6749 section 3.3 allows in a scope; they are safe in a quoted string of a header.
  const isNames = (item: unknown): boolean =>
    typeof item === 'string' && /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(item);
  const wrong = given.findIndex((item) => !isNames(item));
  if (wrong >= 0)
    throw invalidOption(
      `${name} must be a list of strings or one space-separated string, ['a', 'b'] or 'a b', not ${shownValue(given[wrong])}`,
    );
  return [...new Set(given.flatMap((item) => String(item).split(/[ ,]+/)).filter(Boolean))];
}

/**
 * Returns ids of organizations in Polar's spelling. Polar knows no slugs there: they would reject every token, or end every login
 * on Polar's error page.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` if one is not a UUID
 */
export function checkOrganizations(value: unknown): readonly string[] {
  return checkList(value, 'organizations').map((item) => {
    const id = parseOrganizationId(item);
    if (id === undefined) throw wrong('organizations', 'a list of ids, which are UUIDs', item);
    return id;
  });
}

/** True if a list, or an item of it, is an empty text: a requirement from an unset variable would require nothing. */
export function hasEmptyText(value: unknown): boolean {
  return [value].flat().some((item) => typeof item === 'string' && /^[ ,]*$/.test(item));
}

/**
 * Checks a value against a short list.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` that lists the allowed values
 */
export function checkOneOf<const T extends string>(
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
 * @throws {@link PolarConfigurationError} `invalid_option`
 */
export function checkCallbackURL(value: unknown): string {
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
      "the redirect URI registered at Polar (https, or http on localhost), or its path, such as '/auth/polar/callback'",
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
export function wrong(name: string, should: string, value: unknown): PolarConfigurationError {
  return invalidOption(`${name} must be ${should}, not ${shownValue(value)}`);
}

/** Checks a non-empty string. */
export function checkText(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') throw wrong(name, 'a non-empty string', value);
  return value;
}

/**
 * Checks a string of a method's parameters, which may be empty. In JavaScript, or behind a cast, it can be anything: a form
 * would carry the text `undefined`.
 */
export function checkString(value: unknown, name: string): void {
  if (typeof value !== 'string') throw wrong(name, 'a string', value);
}

/** Checks the parameters or options of a method. */
export function checkObject(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null) throw wrong(name, 'an object', value);
}

/** Checks a path prefix: it starts with a slash and does not end with one. */
export function checkPathPrefix(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^(?:\/[\w.~-]*[\w~-])+$/.test(value))
    throw wrong(name, "a path prefix without a trailing slash, such as '/app'", value);
  return value;
}

/** Checks a dated version of Polar's API, which is sent in a header. */
export function checkAPIVersion(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^\d{4}-\d{2}$/.test(value))
    throw invalidOption("apiVersion must be a version of Polar's API in the form YYYY-MM, such as '2026-10'");
  return value;
}

/** Checks a boolean. */
export function checkFlag(value: unknown, name: string): boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') throw wrong(name, 'true or false', value);
  return value;
}

/** Checks a number of seconds, 0 or more. */
export function checkSeconds(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw wrong(name, 'a number of seconds, 0 or more', value);
  return value;
}

/** Checks a number of seconds above 0 and within a day; the limit also catches most values in milliseconds. */
export function checkSecondsOfADay(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !(value > 0 && value <= 86_400))
    throw wrong(name, 'a number of seconds above 0, at most 86400', value);
  return value;
}

/** Checks a whole number, 1 or more. */
export function checkCount(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
    throw wrong(name, 'a whole number, 1 or more', value);
  return value;
}

/** Checks a list of keys, each long enough not to be guessed. */
export function checkKeys(value: unknown, name: string): readonly [string, ...string[]] | undefined {
  if (value === undefined) return undefined;
  const isList = Array.isArray(value) && value.length > 0;
  if (!isList || !value.every((key) => typeof key === 'string' && key.length >= 32)) {
    throw invalidOption(
      `${name} must be a list of keys of at least 32 characters each; \`openssl rand -base64 32\` prints one`,
    );
  }
  return [value[0], ...value.slice(1)];
}

/** Checks an object with the given methods. */
export function checkMethods<T extends object>(
  value: T | undefined,
  name: string,
  needed: readonly (keyof T & string)[],
): T | undefined {
  if (value === undefined) return undefined;
  const has =
    typeof value === 'object' &&
    value !== null &&
    needed.every((method) => typeof value[method] === 'function');
  if (!has) throw invalidOption(`${name} must be an object with the methods ${needed.join(' and ')}`);
  return value;
}

/** Checks a function of the app. */
export function checkFunction<T>(value: T | undefined, name: string): T | undefined {
  if (value !== undefined && typeof value !== 'function') throw wrong(name, 'a function', value);
  return value;
}

/** Checks a clock, in milliseconds since the epoch. */
export function checkClock(now: unknown): () => number {
  if (now !== undefined && typeof now !== 'function')
    throw wrong('now', 'a function that returns milliseconds since the epoch', now);
  // Looks Date.now up at each call, for tests that replace it.
  return (now as (() => number) | undefined) ?? (() => Date.now());
}
