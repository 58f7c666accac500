import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { parseIntrospection } from '../../src/client/introspection.js';
import * as tokenResponse from '../../src/client/token-response.js';
import { parseUserInfo } from '../../src/client/user-info.js';
import { PolarResponseError } from '../../src/errors.js';

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

const introspection = {
  active: true,
  client_id: 'polar_ci_1',
  token_type: 'Bearer',
  scope: 'openid email',
  sub_type: 'user',
  sub: 'user-1',
  organizations: ['org-1', 'org-2'],
  aud: 'polar_ci_1',
  iss: 'https://polar.sh',
  exp: 1_800_000_000,
  iat: 1_799_000_000,
};

const userInfo = { sub: 'user-1', email: 'ada@example.com', email_verified: true, name: 'Ada' };

const strings = [7, true, {}, ['polar_at_u_hidden']];
const numbers = ['3600', true, {}, [3600]];
const booleans = ['true', 1, {}, [true]];

function failureOf(parse: (body: unknown) => unknown, body: unknown): unknown {
  try {
    return parse(body);
  } catch (error) {
    expect(error).toBeInstanceOf(PolarResponseError);
    expect(inspect(error)).not.toContain('hidden');
    return error;
  }
}

describe.each([
  ['a token response', 'the token response', parseTokenResponse],
  ['an introspection response', 'the introspection answer', parseIntrospection],
  ['a userinfo response', 'the userinfo answer', parseUserInfo],
] as [string, string, (body: unknown) => unknown][])('%s', (_title, what, parse) => {
  it.each([[undefined], [null], ['polar_at_u_hidden'], [7], [true], [[]], [[tokens]]])(
    'cannot be %j',
    (body) => {
      const error = failureOf(parse, body);
      expect(error).toMatchObject({ code: 'malformed_response', status: 502 });
      expect((error as Error).message.toLowerCase()).toBe(`${what} is not a json object.`);
    },
  );

  it('must have its fields itself, not inherit them', () => {
    const inherited = Object.create({ ...tokens, ...introspection, ...userInfo });
    expect(failureOf(parse, inherited)).toMatchObject({ code: 'malformed_response' });
  });
});

/** One row for each field and each value that it must not have. */
function wrongValues(fields: Record<string, readonly unknown[]>): [string, unknown][] {
  return Object.entries(fields).flatMap(([field, values]) =>
    values.map((value): [string, unknown] => [field, value]),
  );
}

describe('a token response', () => {
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

describe('an introspection response', () => {
  it('is parsed, with times in milliseconds', () => {
    expect(parseIntrospection({ ...introspection, more: 1 })).toEqual({
      active: true,
      clientID: 'polar_ci_1',
      tokenType: 'Bearer',
      scopes: ['openid', 'email'],
      subType: 'user',
      subject: 'user-1',
      organizations: ['org-1', 'org-2'],
      audience: 'polar_ci_1',
      issuer: 'https://polar.sh',
      expiresAt: 1_800_000_000_000,
      issuedAt: 1_799_000_000_000,
      raw: { ...introspection, more: 1 },
    });
  });

  it('for a dead token says only that it is inactive', () => {
    expect(parseIntrospection({ active: false })).toEqual({ active: false, raw: { active: false } });
  });

  it.each(['polar_ci_1', ['polar_ci_1', 'polar_ci_2']])(
    'may have the aud %j (RFC 7662 section 2.2)',
    (aud) => {
      expect(parseIntrospection({ ...introspection, aud }).audience).toEqual(aud);
    },
  );

  it('keeps an empty list of organizations, which means all of them', () => {
    expect(parseIntrospection({ active: true, organizations: [] }).organizations).toEqual([]);
    expect('organizations' in parseIntrospection({ active: true })).toBe(false);
  });

  it.each(
    wrongValues({
      active: [undefined, null, ...booleans],
      client_id: strings,
      token_type: strings,
      scope: strings,
      sub_type: strings,
      sub: strings,
      organizations: ['org-1', 7, {}, [7], ['org-1', null]],
      iss: strings,
      exp: [Number.NaN, 1e308, ...numbers],
      iat: [Number.POSITIVE_INFINITY, ...numbers],
    }),
  )('is refused if the %s is %p', (field, value) => {
    expect(failureOf(parseIntrospection, { ...introspection, [field]: value })).toMatchObject({
      code: 'malformed_response',
      field,
    });
  });

  it.each([[7], [true], [{}], [[7]]])('is refused if the aud is %p', (aud) => {
    expect(failureOf(parseIntrospection, { ...introspection, aud })).toMatchObject({
      code: 'malformed_response',
      field: 'aud',
    });
  });
});

describe('a userinfo response', () => {
  it('is parsed', () => {
    expect(parseUserInfo({ ...userInfo, more: 1 })).toEqual({
      subject: 'user-1',
      email: 'ada@example.com',
      emailVerified: true,
      name: 'Ada',
      raw: { ...userInfo, more: 1 },
    });
  });

  it.each([[undefined], [null]])('needs only a sub (%p)', (value) => {
    const parsed = parseUserInfo({ sub: 'user-1', email: value, email_verified: value, name: value });
    expect(Object.keys(parsed).sort()).toEqual(['raw', 'subject']);
  });

  it.each(
    wrongValues({
      sub: [undefined, null, '', ...strings],
      email: strings,
      email_verified: booleans,
      name: strings,
    }),
  )('is refused if the %s is %p', (field, value) => {
    expect(failureOf(parseUserInfo, { ...userInfo, [field]: value })).toMatchObject({
      code: 'malformed_response',
      field,
    });
  });
});
