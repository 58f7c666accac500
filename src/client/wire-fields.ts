/** Reads fields of parsed JSON: `unknown` values are checked, never cast. */
import { PolarResponseError } from '../errors.js';
import { isAccessToken, isRefreshToken } from '../text/token-characters.js';

/** A JSON object whose fields are still unknown. */
export type WireObject = Readonly<Record<string, unknown>>;

/** Returns the body as an object, or throws `malformed_response`. */
export function wireObject(body: unknown, what: string): WireObject {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as WireObject;
  throw new PolarResponseError('malformed_response', `${what} is not a JSON object.`);
}

/** A string that must be present and not empty. */
export function requiredString(object: WireObject, field: string, what: string): string {
  const value = optionalString(object, field, what);
  if (value === undefined || value === '') throw malformed(field, what, 'is missing');
  return value;
}

/** A string, or undefined if the field is absent or null. */
export function optionalString(object: WireObject, field: string, what: string): string | undefined {
  return optional(object, field, what, 'string', (value) => typeof value === 'string');
}

/** A number of seconds, or undefined if the field is absent or null. It must stay finite in milliseconds. */
export function optionalNumber(object: WireObject, field: string, what: string): number | undefined {
  return optional(
    object,
    field,
    what,
    'number',
    (value) => typeof value === 'number' && Number.isFinite(value * 1000),
  );
}

/** A boolean, or undefined if the field is absent or null. */
export function optionalBoolean(object: WireObject, field: string, what: string): boolean | undefined {
  return optional(object, field, what, 'boolean', (value) => typeof value === 'boolean');
}

/** A boolean that must be present. */
export function requiredBoolean(object: WireObject, field: string, what: string): boolean {
  const value = optionalBoolean(object, field, what);
  if (value === undefined) throw malformed(field, what, 'is missing');
  return value;
}

/** A list of strings, or undefined if the field is absent or null. */
export function optionalStrings(object: WireObject, field: string, what: string): string[] | undefined {
  return optional(object, field, what, 'list of strings', isListOfStrings);
}

/** A string or a list of strings, or undefined if the field is absent or null. */
export function optionalStringOrStrings(
  object: WireObject,
  field: string,
  what: string,
): string | string[] | undefined {
  const fits = (value: unknown): boolean => typeof value === 'string' || isListOfStrings(value);
  return optional(object, field, what, 'string or a list of strings', fits);
}

/** A token that must be present and fit for a header. */
export function requiredAccessToken(object: WireObject, field: string, what: string): string {
  const value = optionalAccessToken(object, field, what);
  if (value === undefined) throw malformed(field, what, 'is missing');
  return value;
}

/** A token fit for a header; undefined if the field is absent, null or empty. */
export function optionalAccessToken(object: WireObject, field: string, what: string): string | undefined {
  return optionalToken(object, field, what, isAccessToken);
}

/** A refresh token; undefined if the field is absent, null or empty. */
export function optionalRefreshToken(object: WireObject, field: string, what: string): string | undefined {
  return optionalToken(object, field, what, isRefreshToken);
}

function optionalToken(
  object: WireObject,
  field: string,
  what: string,
  isToken: (value: unknown) => boolean,
): string | undefined {
  const value = optionalString(object, field, what);
  if (value === undefined || value === '') return undefined;
  if (!isToken(value)) throw malformed(field, what, 'has invalid characters');
  return value;
}

const isListOfStrings = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

function optional<T>(
  object: WireObject,
  field: string,
  what: string,
  kind: string,
  fits: (value: unknown) => boolean,
) {
  const value = Object.hasOwn(object, field) ? object[field] : undefined;
  if (value === undefined || value === null) return undefined;
  if (!fits(value)) throw malformed(field, what, `is not a ${kind}`);
  return value as T;
}

function malformed(field: string, what: string, problem: string): PolarResponseError {
  return new PolarResponseError('malformed_response', `${what}: ${field} ${problem}.`, { field });
}
