/** Reads fields of parsed JSON: `unknown` is checked, never cast. */
import { PolarResponseError } from '../errors.js';

/** A JSON object whose fields are still unknown. */
export type WireObject = Readonly<Record<string, unknown>>;

/** The body as an object, or `malformed_response`. */
export function wireObject(body: unknown, what: string): WireObject {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as WireObject;
  throw new PolarResponseError('malformed_response', `${what} is not a JSON object.`);
}

/** A string that must be there and not be empty. */
export function requiredString(object: WireObject, field: string, what: string): string {
  const value = optionalString(object, field, what);
  if (value === undefined || value === '') throw malformed(field, what, 'is missing');
  return value;
}

/** A string, or undefined where the field is absent or null. */
export function optionalString(object: WireObject, field: string, what: string): string | undefined {
  return optional(object, field, what, 'string', (value) => typeof value === 'string');
}

/** A number, or undefined where the field is absent or null. Seconds all of them, so that milliseconds have to be finite, too. */
export function optionalNumber(object: WireObject, field: string, what: string): number | undefined {
  return optional(
    object,
    field,
    what,
    'number',
    (value) => typeof value === 'number' && Number.isFinite(value * 1000),
  );
}

/** A boolean, or undefined where the field is absent or null. */
export function optionalBoolean(object: WireObject, field: string, what: string): boolean | undefined {
  return optional(object, field, what, 'boolean', (value) => typeof value === 'boolean');
}

/** A boolean that must be there. */
export function requiredBoolean(object: WireObject, field: string, what: string): boolean {
  const value = optionalBoolean(object, field, what);
  if (value === undefined) throw malformed(field, what, 'is missing');
  return value;
}

/** A list of strings, or undefined where the field is absent or null. */
export function optionalStrings(object: WireObject, field: string, what: string): string[] | undefined {
  return optional(object, field, what, 'list of strings', isListOfStrings);
}

/** A string or a list of strings, or undefined where the field is absent or null. */
export function optionalStringOrStrings(
  object: WireObject,
  field: string,
  what: string,
): string | string[] | undefined {
  const fits = (value: unknown): boolean => typeof value === 'string' || isListOfStrings(value);
  return optional(object, field, what, 'string or a list of strings', fits);
}

/** A token that must be there, as it can stand in a header. */
export function requiredToken(object: WireObject, field: string, what: string): string {
  const value = optionalToken(object, field, what);
  if (value === undefined) throw malformed(field, what, 'is missing');
  return value;
}

/** A token, as it can stand in a header; undefined where the field is absent, null or empty. */
export function optionalToken(object: WireObject, field: string, what: string): string | undefined {
  const value = optionalString(object, field, what);
  if (value === undefined || value === '') return undefined;
  if (!isToken(value)) throw malformed(field, what, 'has characters that no token has');
  return value;
}

/** True for RFC 6749 A.12 without its blank, at which the token would end in a header (RFC 6750 section 2.1). */
export function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
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
