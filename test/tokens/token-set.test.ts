import { describe, expect, it } from '@jest/globals';
import { isUsable, parseStoredTokens, tokenSetOf } from '../../src/tokens/token-set.js';

const now = Date.parse('2026-08-22T10:00:00Z');

describe('granted tokens', () => {
  const granted = {
    accessToken: 'a',
    refreshToken: 'r',
    expiresAt: now,
    scopes: ['openid', 'email'],
    idToken: 'i',
  };

  it('become a token set with an absolute time of expiry', () => {
    expect(tokenSetOf(granted, { scopes: ['asked:for'] })).toEqual({
      accessToken: 'a',
      refreshToken: 'r',
      expiresAt: now,
      scopes: ['openid', 'email'],
      idToken: 'i',
    });
  });

  it('keep earlier values that the response leaves out', () => {
    expect(tokenSetOf({ accessToken: 'a' }, { scopes: ['openid'], refreshToken: 'old' })).toEqual({
      accessToken: 'a',
      refreshToken: 'old',
      scopes: ['openid'],
    });
    const sparse = tokenSetOf({ accessToken: 'a' }, { scopes: ['openid'] });
    expect(Object.keys(sparse)).toEqual(['accessToken', 'scopes']);
  });

  it('include the new refresh token, but not the expiry of the old access token', () => {
    const before = { accessToken: 'old', refreshToken: 'old', expiresAt: now + 1, scopes: ['openid'] };
    const after = tokenSetOf({ accessToken: 'a', refreshToken: 'new' }, before);
    expect(after).toEqual({ accessToken: 'a', refreshToken: 'new', scopes: ['openid'] });
  });

  it('have the scopes of the response, even if there are none', () => {
    expect(tokenSetOf({ accessToken: 'a', scopes: [] }, { scopes: ['before'] }).scopes).toEqual([]);
  });
});

describe('an access token', () => {
  const tokens = { accessToken: 'a', scopes: [], expiresAt: now };

  it.each([
    [now - 1, 0, true],
    [now, 0, false],
    [now + 1, 0, false],
    [now - 5001, 5000, true],
    [now - 5000, 5000, false],
  ])('at %i with a leeway of %i ms is usable: %p', (at, leewayMs, usable) => {
    expect(isUsable(tokens, at, leewayMs)).toBe(usable);
  });

  it('is usable forever without an expiry', () => {
    expect(isUsable({ accessToken: 'a', scopes: [] }, Number.MAX_SAFE_INTEGER, 5000)).toBe(true);
  });

  it('is usable to its end without a leeway', () => {
    expect([isUsable(tokens, now - 1), isUsable(tokens, now)]).toEqual([true, false]);
  });
});

describe('stored tokens', () => {
  const stored = { accessToken: 'a', refreshToken: 'r', expiresAt: now, scopes: ['openid', 'email'] };

  it('are parsed as they were written', () => {
    expect(parseStoredTokens(JSON.parse(JSON.stringify(stored)))).toEqual(stored);
    expect(parseStoredTokens({ accessToken: 'a', scopes: [] })).toStrictEqual({
      accessToken: 'a',
      scopes: [],
    });
  });

  it('have no id_token and no unknown fields', () => {
    expect(parseStoredTokens({ ...stored, idToken: 'i', more: 1 })).toEqual(stored);
  });

  it('have no empty refresh token', () => {
    const { refreshToken: _none, ...others } = stored;
    expect(parseStoredTokens({ ...stored, refreshToken: '' })).toStrictEqual(others);
  });

  it.each([' ', 'a b', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'])(
    'may have a refresh token of any printable ASCII (RFC 6749 A.17): %j',
    (refreshToken) => {
      expect(parseStoredTokens({ ...stored, refreshToken })).toEqual({ ...stored, refreshToken });
    },
  );

  it('may have expired at the epoch', () => {
    expect(parseStoredTokens({ ...stored, expiresAt: 0 })?.expiresAt).toBe(0);
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['text', 'a'],
    ['a list', []],
    ['nothing', {}],
    ['no access token', { ...stored, accessToken: undefined }],
    ['an empty access token', { ...stored, accessToken: '' }],
    ['an access token that is not a string', { ...stored, accessToken: ['a'] }],
    ['an access token that no header can carry', { ...stored, accessToken: 'a b' }],
    ['a refresh token of two lines', { ...stored, refreshToken: 'a\nb' }],
    ['a refresh token that is not ASCII', { ...stored, refreshToken: 'é' }],
    ['a refresh token that is not a string', { ...stored, refreshToken: 7 }],
    ['a refresh token null', { ...stored, refreshToken: null }],
    ['an expiry that is text', { ...stored, expiresAt: String(now) }],
    ['an expiry null', { ...stored, expiresAt: null }],
    ['no scopes', { ...stored, scopes: undefined }],
    ['scopes that are text', { ...stored, scopes: 'openid email' }],
    ['a scope that is not a string', { ...stored, scopes: ['openid', 7] }],
  ])('are invalid (%s)', (_what, value) => {
    expect(parseStoredTokens(value)).toBeUndefined();
  });
});
