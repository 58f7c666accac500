import { crc32 } from 'node:zlib';
import { expect } from '@jest/globals';

/** The known values of the placeholders in the recorded cases. */
export type Bindings = Map<string, string>;

const PLACEHOLDER = /<([^<>]+)>/g;

/** The prefixes of random values; 37 random characters and a checksum of 6 follow. */
const PREFIXES: Readonly<Record<string, string>> = {
  client_id: 'polar_ci_',
  client_secret: 'polar_cs_',
  registration_access_token: 'polar_crt_',
  code: 'polar_ac_',
  access_token: 'polar_at_u_',
  refresh_token: 'polar_rt_u_',
};

/** Placeholders of `polar-wire-odd.json` that match another value each time. */
const WILDCARDS: Readonly<Record<string, RegExp>> = {
  '<uuid>': /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
  '<string>': /^/,
  '<polar_ci>': /^polar_ci_[0-9A-Za-z]{43}$/,
  '<polar_cs>': /^polar_cs_[0-9A-Za-z]{43}$/,
  '<polar_crt>': /^polar_crt_[0-9A-Za-z]{43}$/,
};

/** Replaces the placeholders of a recorded text with their values. */
export function fillIn(template: string, bindings: Bindings): string {
  return template.replaceAll(PLACEHOLDER, (placeholder) => {
    const value = bindings.get(placeholder);
    if (value === undefined) throw new Error(`Nothing is bound to ${placeholder}`);
    return value;
  });
}

/** The placeholders of a recorded text. */
export function placeholdersIn(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)].map(([placeholder]) => placeholder);
}

/** Compares a text with a recorded one and binds new placeholders. */
export function expectText(actual: unknown, template: string, bindings: Bindings): void {
  if (typeof actual !== 'string') throw new Error(`${String(actual)} is not a text like ${template}`);
  const names = placeholdersIn(template);
  const pattern = template
    .split(PLACEHOLDER)
    .map((part, index) => (index % 2 === 0 ? escapeRegExp(part) : '(.*)'))
    .join('');
  const match = new RegExp(`^${pattern}$`).exec(actual);
  if (match === null) expect(actual).toBe(template);
  names.forEach((name, index) => {
    bind(name, match?.[index + 1] ?? '', bindings);
  });
}

function bind(placeholder: string, value: string, bindings: Bindings): void {
  const wildcard = WILDCARDS[placeholder];
  if (wildcard !== undefined) {
    expect(value).toMatch(wildcard);
    return;
  }
  const known = bindings.get(placeholder);
  if (known !== undefined) {
    expect(value).toBe(known);
    return;
  }
  expectFormOf(placeholder, value);
  bindings.set(placeholder, value);
}

function expectFormOf(placeholder: string, value: string): void {
  const [kind = ''] = placeholder.slice(1, -1).split(':');
  if (kind === 'modulus') {
    expect(Buffer.from(value, 'base64url')).toHaveLength(256);
    return;
  }
  const prefix = PREFIXES[kind];
  if (prefix === undefined) throw new Error(`No form is known for ${placeholder}`);
  expect(value).toMatch(new RegExp(`^${prefix}[0-9A-Za-z]{43}$`));
  expect(checksumOf(value)).toBe(crc32(value.slice(prefix.length, prefix.length + 37)));
}

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function checksumOf(token: string): number {
  return [...token.slice(-6)].reduce((sum, digit) => sum * 62 + DIGITS.indexOf(digit), 0);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

/** Compares a JSON value with a recorded one: the same fields in the same order and no others. */
export function expectJSON(actual: unknown, template: unknown, bindings: Bindings): void {
  if (typeof template === 'string' && NUMBERS.has(template)) {
    expect(Number.isInteger(actual)).toBe(true);
  } else if (template === '<id_token>') {
    expect(actual).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  } else if (typeof template === 'string') {
    expectText(actual, template, bindings);
  } else if (Array.isArray(template)) {
    expect(actual).toHaveLength(template.length);
    template.forEach((item, index) => {
      expectJSON((actual as unknown[])[index], item, bindings);
    });
  } else if (typeof template === 'object' && template !== null) {
    expect(Object.keys(actual as object)).toEqual(Object.keys(template));
    for (const [name, value] of Object.entries(template)) {
      expectJSON((actual as Record<string, unknown>)[name], value, bindings);
    }
  } else {
    expect(actual).toBe(template);
  }
}

/** Times, which the replay compares with the emulator's clock where they matter. */
const NUMBERS = new Set(['<exp>', '<iat>', '<client_id_issued_at>', '<number>']);
