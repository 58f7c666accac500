/** Checks of single option values; each throws a TypeError that names the option and says what it should be. */
import { PolarConfigurationError } from './errors.js';

/**
 * Scopes as a list, `openid` first: without it Polar issues no id_token and nobody could be logged in.
 *
 * @throws TypeError when it is neither a string nor a list of strings
 */
export function resolveScope(scope: unknown = ['openid', 'email']): readonly string[] {
  const list: unknown[] = typeof scope === 'string' ? [scope] : Array.isArray(scope) ? scope : [undefined];
  if (!list.every((item) => typeof item === 'string' && /^[\x20-\x7e]*$/.test(item))) {
    throw new TypeError(
      "scope must be a list of scopes, or one string with spaces between them, such as 'openid email'",
    );
  }
  const scopes = list.flatMap((item) => String(item).split(/[ ,]+/)).filter(Boolean);
  return [...new Set(['openid', ...scopes])];
}

/**
 * Checks a value against a short list.
 *
 * @throws TypeError that lists what is allowed
 */
export function oneOf<const T extends string>(
  value: unknown,
  name: string,
  allowed: readonly T[],
): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((item) => item === value);
  if (found === undefined)
    throw new TypeError(`${name} must be ${allowed.map((item) => `'${item}'`).join(' or ')}`);
  return found;
}

/**
 * Checks a callback address: a path, or an absolute http(s) URL.
 *
 * @throws TypeError
 */
export function callbackURLOf(value: unknown): string {
  const valid =
    typeof value === 'string' &&
    value !== '' &&
    URL.canParse(value, 'http://localhost') &&
    /^https?:$/.test(new URL(value, 'http://localhost').protocol);
  if (!valid) {
    throw new TypeError(
      "callbackURL must be the address that you registered at Polar, or its path, such as '/auth/polar/callback'",
    );
  }
  return value;
}

/** A text that is not empty. */
export function text(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '')
    throw new TypeError(`${name} must be a string that is not empty`);
  return value;
}

/** True or false. */
export function flag(value: unknown, name: string): boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') throw new TypeError(`${name} must be true or false`);
  return value;
}

/** A number of seconds, 0 or more. */
export function seconds(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw new TypeError(`${name} must be a number of seconds, 0 or more`);
  return value;
}

/** An object that has what is needed of it. */
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

/** A clock in milliseconds since the epoch. */
export function clock(now: unknown): () => number {
  if (now !== undefined && typeof now !== 'function')
    throw new TypeError('now must be a function that returns milliseconds since the epoch');
  // Looked up at each call, so that a test that replaces Date.now is honoured.
  return (now as (() => number) | undefined) ?? (() => Date.now());
}

/** An option given for one request was wrong: the same complaint, as an error for `next`. */
export function asConfigurationError(error: unknown): unknown {
  return error instanceof TypeError
    ? new PolarConfigurationError('invalid_option', error.message, { cause: error })
    : error;
}
