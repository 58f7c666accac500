import { describe, expect, it } from '@jest/globals';
import { parseUserInfo } from '../../src/client/user-info.js';
import { booleans, failureOf, refusesOtherBodies, strings, wrongValues } from './malformed-bodies.js';

const userInfo = { sub: 'user-1', email: 'ada@example.com', email_verified: true, name: 'Ada' };

describe('a userinfo response', () => {
  refusesOtherBodies('the userinfo response', parseUserInfo, userInfo);

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
