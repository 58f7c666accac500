import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type IdTokenErrorCode, PolarIdTokenError } from '../../src/errors.js';
import { checkClaims, type ExpectedClaims } from '../../src/id-token/check-claims.js';

const nowSeconds = 1_800_000_000;
const tolerance = 30;
const day = 24 * 60 * 60;

const accessToken = 'polar_at_u_1';
const atHash = createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');

const expected: ExpectedClaims = {
  issuer: 'https://polar.sh',
  clientID: 'polar_ci_1',
  nonce: 'nonce-1',
  accessToken,
  clockToleranceSeconds: tolerance,
  now: nowSeconds * 1000,
};

const good = {
  iss: 'https://polar.sh',
  sub: '11111111-1111-4111-8111-111111111111',
  aud: ['polar_ci_1'],
  exp: nowSeconds + 3600,
  iat: nowSeconds,
  auth_time: nowSeconds - 10,
  nonce: 'nonce-1',
  at_hash: atHash,
  email: 'ada@example.com',
  email_verified: true,
};

type Change = Record<string, unknown>;

/** The claims with changes; those set to undefined are absent, as after JSON.parse. */
const claimsWith = (change: Change): Record<string, unknown> =>
  Object.fromEntries(Object.entries({ ...good, ...change }).filter(([, value]) => value !== undefined));

function codeOf(change: Change, expectedChange: Partial<ExpectedClaims> = {}): IdTokenErrorCode | 'accepted' {
  try {
    checkClaims(claimsWith(change), { ...expected, ...expectedChange });
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(PolarIdTokenError);
    const { code, message, status } = error as PolarIdTokenError;
    expect(status).toBe(502);
    expect(message).toMatch(/^The id_token [a-z].+\.$/);
    // A message may name the expected value, but not the actual one.
    for (const value of Object.values(change))
      if (String(value).length > 5) expect(message.replace(expected.issuer, '')).not.toContain(String(value));
    return code as IdTokenErrorCode;
  }
}

it('checkClaims returns the claims of an id_token as Polar issues it', () => {
  expect(checkClaims(good, expected)).toEqual(good);
});

describe('checkClaims, for valid claims,', () => {
  it.each<[string, Change, Partial<ExpectedClaims>?]>([
    ['aud as a string', { aud: 'polar_ci_1' }],
    ['several audiences with our client as azp', { aud: ['other', 'polar_ci_1'], azp: 'polar_ci_1' }],
    ['our client as azp with one audience', { azp: 'polar_ci_1' }],
    ['azp null', { azp: null }],
    ['no at_hash, which is optional', { at_hash: undefined }],
    ['at_hash null', { at_hash: null }],
    ['at_hash when there is no access token to compare', { at_hash: 'whatever' }, { accessToken: undefined }],
    ['any nonce when none was sent', { nonce: 'whatever' }, { nonce: undefined }],
    ['nonce null when none was sent, as Polar sends it', { nonce: null }, { nonce: undefined }],
    ['no nonce after a refresh', { nonce: undefined }, { subject: good.sub }],
    ['nonce null after a refresh', { nonce: null }, { subject: good.sub }],
    ['the same nonce and user after a refresh', {}, { subject: good.sub }],
    ['a sub of 255 characters', { sub: 'a'.repeat(255) }],
    ['email, email_verified and name null', { email: null, email_verified: null, name: null }],
    ['exp as a fraction', { exp: nowSeconds + 0.5 }],
    ['exp one second inside the tolerance', { exp: nowSeconds - tolerance + 1 }],
    ['exp now', { exp: nowSeconds }],
    ['exp in a hundred years', { exp: nowSeconds + 36_500 * day }],
    ['iat at the edge of the tolerance', { iat: nowSeconds + tolerance }],
    ['iat a day and almost the tolerance ago', { iat: nowSeconds - day - tolerance + 1 }],
    ['nbf at the edge of the tolerance', { nbf: nowSeconds + tolerance }],
    ['nbf long ago', { nbf: 0 }],
    ['nbf null', { nbf: null }],
    [
      'an issuer that ends in a slash, if that is expected',
      { iss: 'https://polar.sh/' },
      { issuer: 'https://polar.sh/' },
    ],
    ['exp in a second, without tolerance', { exp: nowSeconds + 1 }, { clockToleranceSeconds: 0 }],
    ['iat now, without tolerance', { iat: nowSeconds }, { clockToleranceSeconds: 0 }],
  ])('accepts %s', (_what, change, expectedChange = {}) => {
    expect(codeOf(change, expectedChange)).toBe('accepted');
  });
});

describe('checkClaims, for invalid claims,', () => {
  it.each<[IdTokenErrorCode, string, Change, Partial<ExpectedClaims>?]>([
    ['id_token_issuer', 'another issuer', { iss: 'https://polar.sh1' }],
    ['id_token_issuer', 'the issuer with a slash more', { iss: 'https://polar.sh/' }],
    ['id_token_issuer', 'the issuer in capitals', { iss: 'https://POLAR.sh' }],
    ['id_token_issuer', 'the issuer in a list', { iss: ['https://polar.sh'] }],
    ['id_token_issuer', 'no issuer', { iss: undefined }],
    ['id_token_issuer', 'issuer null', { iss: null }],

    ['id_token_subject', 'no sub', { sub: undefined }],
    ['id_token_subject', 'sub null', { sub: null }],
    ['id_token_subject', 'an empty sub', { sub: '' }],
    ['id_token_subject', 'a sub that is a number', { sub: 7 }],
    ['id_token_subject', 'a sub that is a list', { sub: ['user-1'] }],
    ['id_token_subject', 'a sub of 256 characters', { sub: 'a'.repeat(256) }],
    ['id_token_subject', 'another user after a refresh', {}, { subject: 'user-2' }],

    ['id_token_audience', 'another audience', { aud: 'polar_ci_11' }],
    ['id_token_audience', 'other audiences', { aud: ['other', 'another'], azp: 'polar_ci_1' }],
    ['id_token_audience', 'an audience that contains our client id', { aud: 'xx polar_ci_1' }],
    ['id_token_audience', 'no audience', { aud: undefined }],
    ['id_token_audience', 'audience null', { aud: null }],
    ['id_token_audience', 'an empty list of audiences', { aud: [] }],
    ['id_token_audience', 'a nested list of audiences', { aud: [['polar_ci_1']] }],
    ['id_token_audience', 'an object for an audience', { aud: { polar_ci_1: true } }],

    [
      'id_token_malformed',
      'a second audience that is no text',
      { aud: ['polar_ci_1', 7], azp: 'polar_ci_1' },
    ],
    [
      'id_token_malformed',
      'email_verified as a text, which would count as true',
      { email_verified: 'false' },
    ],
    ['id_token_malformed', 'email_verified as a number', { email_verified: 0 }],
    ['id_token_malformed', 'an email that is a list', { email: ['ada@example.com'] }],
    ['id_token_malformed', 'a name that is an object', { name: { first: 'Ada' } }],
    ['id_token_malformed', 'auth_time as a text', { auth_time: '2026-01-01' }],
    ['id_token_malformed', 'a nonce that is a number when none was sent', { nonce: 7 }, { nonce: undefined }],
    [
      'id_token_malformed',
      'at_hash as a number when there is no access token to compare',
      { at_hash: 7 },
      { accessToken: undefined },
    ],

    ['id_token_authorized_party', 'several audiences and no azp', { aud: ['polar_ci_1', 'other'] }],
    [
      'id_token_authorized_party',
      'several audiences and an empty azp',
      { aud: ['polar_ci_1', 'other'], azp: '' },
    ],
    [
      'id_token_authorized_party',
      'several audiences and azp null',
      { aud: ['polar_ci_1', 'other'], azp: null },
    ],
    ['id_token_authorized_party', 'azp of another client', { azp: 'other' }],
    [
      'id_token_authorized_party',
      'azp of another client among several',
      { aud: ['polar_ci_1', 'other'], azp: 'other' },
    ],
    ['id_token_authorized_party', 'an empty azp', { azp: '' }],
    ['id_token_authorized_party', 'azp as a list', { azp: ['polar_ci_1'] }],

    ['id_token_expired', 'no exp', { exp: undefined }],
    ['id_token_expired', 'exp null', { exp: null }],
    ['id_token_expired', 'exp as text', { exp: String(nowSeconds + 3600) }],
    ['id_token_expired', 'exp in a list', { exp: [nowSeconds + 3600] }],
    ['id_token_expired', 'exp infinite', { exp: Number.POSITIVE_INFINITY }],
    ['id_token_expired', 'exp at the edge of the tolerance', { exp: nowSeconds - tolerance }],
    ['id_token_expired', 'exp an hour ago', { exp: nowSeconds - 3600 }],
    ['id_token_expired', 'exp 0', { exp: 0 }],
    ['id_token_expired', 'exp negative', { exp: -1 }],
    ['id_token_expired', 'exp now, without tolerance', { exp: nowSeconds }, { clockToleranceSeconds: 0 }],
    [
      'id_token_expired',
      'exp now, plus a millisecond',
      { exp: nowSeconds - tolerance + 1 },
      { now: (nowSeconds + 1) * 1000 + 1 },
    ],

    ['id_token_issued_at', 'no iat', { iat: undefined }],
    ['id_token_issued_at', 'iat null', { iat: null }],
    ['id_token_issued_at', 'iat as text', { iat: String(nowSeconds) }],
    ['id_token_issued_at', 'iat a second beyond the tolerance', { iat: nowSeconds + tolerance + 1 }],
    ['id_token_issued_at', 'iat in milliseconds', { iat: nowSeconds * 1000 }],
    [
      'id_token_issued_at',
      'iat a second ahead, without tolerance',
      { iat: nowSeconds + 1 },
      { clockToleranceSeconds: 0 },
    ],
    ['id_token_issued_at', 'iat a day and the tolerance ago', { iat: nowSeconds - day - tolerance }],
    ['id_token_issued_at', 'iat a week ago, although it has not expired', { iat: nowSeconds - 7 * day }],
    ['id_token_issued_at', 'iat 0', { iat: 0 }],
    ['id_token_issued_at', 'nbf a second beyond the tolerance', { nbf: nowSeconds + tolerance + 1 }],
    ['id_token_issued_at', 'iat of minus infinity', { iat: Number.NEGATIVE_INFINITY }],
    ['id_token_issued_at', 'nbf as text', { nbf: '0' }],
    ['id_token_issued_at', 'nbf of minus infinity', { nbf: Number.NEGATIVE_INFINITY }],

    ['id_token_nonce', 'another nonce', { nonce: 'nonce-11' }],
    ['id_token_nonce', 'no nonce', { nonce: undefined }],
    ['id_token_nonce', 'nonce null', { nonce: null }],
    ['id_token_nonce', 'an empty nonce', { nonce: '' }],
    ['id_token_nonce', 'a nonce in a list', { nonce: ['nonce-1'] }],
    ['id_token_nonce', 'another nonce after a refresh', { nonce: 'nonce-2' }, { subject: good.sub }],
    ['id_token_nonce', 'an empty nonce after a refresh', { nonce: '' }, { subject: good.sub }],

    [
      'id_token_access_token_hash',
      'the hash of another token',
      { at_hash: atHash },
      { accessToken: 'polar_at_u_2' },
    ],
    ['id_token_access_token_hash', 'an empty hash', { at_hash: '' }],
    ['id_token_access_token_hash', 'a hash that is a number', { at_hash: 7 }],
    ['id_token_access_token_hash', 'the start of the hash', { at_hash: atHash.slice(0, 10) }],
    ['id_token_access_token_hash', 'the hash in base64', { at_hash: `${atHash}==` }],
    [
      'id_token_access_token_hash',
      'the whole SHA-256',
      { at_hash: createHash('sha256').update(accessToken).digest('base64url') },
    ],
  ])('throws %s for %s', (code, _what, change, expectedChange = {}) => {
    expect(codeOf(change, expectedChange)).toBe(code);
  });

  it('reports the first check that fails, so that a token always gets the same code', () => {
    expect(codeOf({ iss: 'x', sub: '', aud: 'x', exp: 0, iat: 0, nonce: 'x', at_hash: 'x' })).toBe(
      'id_token_issuer',
    );
    expect(codeOf({ exp: 0, nonce: 'x' })).toBe('id_token_expired');
  });

  it('names the expected issuer, which tells what to set the server option to', () => {
    expect(() => checkClaims(claimsWith({ iss: 'x' }), expected)).toThrow(
      'was not issued by https://polar.sh; check the server option',
    );
  });
});
