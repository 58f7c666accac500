import { describe, expect, it } from '@jest/globals';
import { parseIntrospection } from '../../src/client/introspection.js';
import {
  booleans,
  failureOf,
  numbers,
  refusesOtherBodies,
  strings,
  wrongValues,
} from './malformed-bodies.js';

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

describe('an introspection response', () => {
  refusesOtherBodies('the introspection response', parseIntrospection, introspection);

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
