/** Spares, the second pairs of a generation: kept until a newer generation is recorded, used if Polar refuses the other pair. */
import { beforeEach, expect, it } from '@jest/globals';
import { Spares } from '../../src/refresh/issued-tokens.js';
import type { TokenRecord } from '../../src/tokens/token-record.js';

let revoked: string[];
let spares: Spares;
beforeEach(() => {
  revoked = [];
  spares = new Spares((_loginId, { tokens }) => void revoked.push(tokens.accessToken));
});

const pair = (name: string, generation: number): TokenRecord => ({
  generation,
  tokens: { accessToken: name, refreshToken: `refresh-${name}`, scopes: [] },
  issuedAt: 0,
});
const ended = { generation: Number.POSITIVE_INFINITY, tokens: undefined, issuedAt: undefined };

it('a spare replaces the recorded pair of its generation once', () => {
  spares.keep('login', pair('spare', 5));
  expect(spares.take('login', pair('recorded', 5))).toEqual(pair('spare', 5));
  expect(spares.take('login', pair('recorded', 5))).toBeUndefined();
  spares.revokeAll();
  expect(revoked).toEqual([]);
});

it('a spare does not replace itself, nor a pair of another login or generation', () => {
  spares.keep('login', pair('spare', 5));
  expect(spares.take('other', pair('recorded', 5))).toBeUndefined();
  expect(spares.take('login', pair('recorded', 4))).toBeUndefined();
  expect(spares.take('login', pair('recorded', 6))).toBeUndefined();
  expect(spares.take('login', pair('spare', 5))).toBeUndefined();
  expect(spares.take('login', pair('recorded', 5))).toBeDefined();
});

it.each([
  ['a newer generation is read', pair('newer', 6)],
  ['the login has ended', ended],
])('a spare is revoked once when %s', (_what, newest) => {
  spares.keep('login', pair('spare', 5));
  spares.revokeIfSuperseded('other', newest);
  expect(revoked).toEqual([]);
  spares.revokeIfSuperseded('login', newest);
  spares.revokeIfSuperseded('login', newest);
  expect(revoked).toEqual(['spare']);
  expect(spares.take('login', pair('recorded', 5))).toBeUndefined();
});

it('a spare is kept once, however often it turns up', () => {
  expect(spares.keep('login', pair('spare', 5))).toBe(true);
  expect(spares.keep('login', pair('spare', 5))).toBe(false);
  expect(spares.keep('login', pair('another', 5))).toBe(true);
});

it('a spare is kept while its own or an older generation is the newest', () => {
  spares.keep('login', pair('spare', 5));
  for (const generation of [4, 5]) spares.revokeIfSuperseded('login', pair('recorded', generation));
  expect(revoked).toEqual([]);
});

it('all spares are revoked at shutdown', () => {
  spares.keep('one', pair('spare-1', 5));
  spares.keep('two', pair('spare-2', 1));
  spares.revokeAll();
  spares.revokeAll();
  expect(revoked).toEqual(['spare-1', 'spare-2']);
});
