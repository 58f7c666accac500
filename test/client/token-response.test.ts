import { describe, expect, it } from '@jest/globals';
import * as tokenResponse from '../../src/client/token-response.js';
import { failureOf, numbers, refusesOtherBodies, strings, wrongValues } from './malformed-bodies.js';

const sentAt = Date.parse('2026-08-22T10:00:00Z');
const parseTokenResponse = (body: unknown) => tokenResponse.parseTokenResponse(body, sentAt);
const tokens = {
  token_type: 'Bearer',
  access_token: 'polar_at_u_hidden',
  expires_in: 864_000,
  refresh_token: 'polar_rt_u_hidden',
  scope: 'openid email',
  id_token: 'hidden.hidden.hidden',
};

describe('a token response', () => {
  refusesOtherBodies('the token response', parseTokenResponse, tokens);

  it('is parsed', () => {
    expect(parseTokenResponse({ ...tokens, more: 1 })).toEqual({
      accessToken: 'polar_at_u_hidden',
      tokenType: 'Bearer',
      expiresAt: sentAt + 864_000_000,
      refreshToken: 'polar_rt_u_hidden',
      scopes: ['openid', 'email'],
      idToken: 'hidden.hidden.hidden',
    });
  });

  it('keeps unknown fields, hidden from logs', () => {
    const response = parseTokenResponse({ ...tokens, more: 'unknown' });
    expect(response.raw['more']).toBe('unknown');
    expect(Object.keys(response)).not.toContain('raw');
    expect(JSON.stringify(response)).not.toContain('unknown');
  });

  it.each([[undefined], [null]])(
    'may lack a lifetime, a refresh token, a scope and an id_token (%p)',
    (value) => {
      const sparse = { ...tokens, expires_in: value, refresh_token: value, scope: value, id_token: value };
      const parsed = parseTokenResponse(sparse);
      expect(Object.keys(parsed).sort()).toEqual(['accessToken', 'tokenType']);
    },
  );

  it('with an empty refresh token has none', () => {
    expect('refreshToken' in parseTokenResponse({ ...tokens, refresh_token: '' })).toBe(false);
  });

  it.each([' ', 'a b', ' a', 'a ', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'])(
    'may have a refresh token of any printable ASCII (RFC 6749 A.17): %j',
    (token) => {
      expect(parseTokenResponse({ ...tokens, refresh_token: token }).refreshToken).toBe(token);
    },
  );

  it.each([
    ['', []],
    [' ', []],
    ['openid', ['openid']],
    [' openid  email ', ['openid', 'email']],
  ])('lists the granted scopes, even if there are none: %j', (scope, scopes) => {
    expect(parseTokenResponse({ ...tokens, scope }).scopes).toEqual(scopes);
  });

  it.each(['Bearer', 'bearer', 'BEARER'])(
    'may have token_type %s, since case does not matter (RFC 6749 section 5.1)',
    (type) => {
      expect(parseTokenResponse({ ...tokens, token_type: type }).tokenType).toBe('Bearer');
    },
  );

  it('may have a lifetime of zero, and of a fraction of a second', () => {
    expect(parseTokenResponse({ ...tokens, expires_in: 0 }).expiresAt).toBe(sentAt);
    expect(parseTokenResponse({ ...tokens, expires_in: 1.5 }).expiresAt).toBe(sentAt + 1500);
  });

  it.each(
    wrongValues({
      access_token: [undefined, null, '', ...strings],
      token_type: [undefined, null, '', 'DPoP', 'mac', 'Bearer ', ...strings],
      expires_in: [-1, 1e308, Number.NaN, Number.POSITIVE_INFINITY, ...numbers],
      refresh_token: strings,
      scope: strings,
      id_token: strings,
    }),
  )('is refused if the %s is %p', (field, value) => {
    const error = failureOf(parseTokenResponse, { ...tokens, [field]: value });
    expect(error).toMatchObject({ code: 'malformed_response', field });
    expect((error as Error).message).toContain(field);
  });

  it.each(
    wrongValues({
      access_token: ['hidden\n', 'hidden\r\nx: y', 'hidden hidden', 'hiddenü', 'hidden\u0000'],
      refresh_token: ['hidden\n', 'hidden\thidden', 'hiddenü', 'hidden\u007f'],
    }),
  )('is refused if the %s has characters that no token has (RFC 6749 A.12 and A.17): %j', (field, value) => {
    expect(failureOf(parseTokenResponse, { ...tokens, [field]: value })).toMatchObject({
      code: 'malformed_response',
      field,
    });
  });
});
