/** Second pairs of tokens of one generation: kept until something newer is recorded, used when the other one is refused. */
import { beforeEach, expect, it } from '@jest/globals';
import { Spares } from '../../src/refresh/issued-tokens.js';
import type { TokenRecord } from '../../src/tokens/token-record.js';

let revoked: string[];
let spares: Spares;
beforeEach(() => {
  revoked = [];
  spares = new Spares(({ tokens }) => void revoked.push(tokens.accessToken));
});

const pair = (name: string, generation: number): TokenRecord => ({
  generation,
  tokens: { accessToken: name, refreshToken: `refresh-${name}`, scopes: [] },
  issuedAt: 0,
});
const ended = { generation: Number.POSITIVE_INFINITY, tokens: undefined, issuedAt: undefined };

it('a spare takes the place of the recorded pair of its generation once', () => {
  spares.keep('login', pair('spare', 5));
  expect(spares.take('login', pair('recorded', 5))).toEqual(pair('spare', 5));
  expect(spares.take('login', pair('recorded', 5))).toBeUndefined();
  spares.dropAll();
  expect(revoked).toEqual([]);
});

it('a spare is not taken for another login or generation, nor in place of itself', () => {
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
  spares.drop('other', newest);
  expect(revoked).toEqual([]);
  spares.drop('login', newest);
  spares.drop('login', newest);
  expect(revoked).toEqual(['spare']);
  expect(spares.take('login', pair('recorded', 5))).toBeUndefined();
});

it('a spare is kept once, however often it is found', () => {
  expect(spares.keep('login', pair('spare', 5))).toBe(true);
  expect(spares.keep('login', pair('spare', 5))).toBe(false);
  expect(spares.keep('login', pair('another', 5))).toBe(true);
});

it('a spare is kept while its own or an older generation is the newest', () => {
  spares.keep('login', pair('spare', 5));
  for (const generation of [4, 5]) spares.drop('login', pair('recorded', generation));
  expect(revoked).toEqual([]);
});

it('all spares are revoked at a shutdown', () => {
  spares.keep('one', pair('spare-1', 5));
  spares.keep('two', pair('spare-2', 1));
  spares.dropAll();
  spares.dropAll();
  expect(revoked).toEqual(['spare-1', 'spare-2']);
});
