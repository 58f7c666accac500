import { describe, expect, it } from '@jest/globals';
import { UserIdentities } from '../../src/tokens/user-identity.js';

const identities = new UserIdentities(undefined);
const of = (user: unknown) => identities.of(user);

describe('the identity of a user', () => {
  it('does not depend on the order of keys at any depth', () => {
    const one = { id: 1, name: 'Ada', roles: [{ a: 1, b: { c: 1, d: 2 } }] };
    const other = { roles: [{ b: { d: 2, c: 1 }, a: 1 }], name: 'Ada', id: 1 };
    expect(of(one)).toBe(of(other));
  });

  it('survives a trip through a session store', () => {
    const user = { id: 1, seen: new Date(0), gone: undefined, __proto__: { x: 1 } };
    expect(of(JSON.parse(JSON.stringify(user)))).toBe(of(user));
  });

  it('differs for each user', () => {
    const users = [
      undefined,
      'undefined',
      null,
      'null',
      0,
      '0',
      1,
      '1',
      '',
      false,
      [],
      {},
      [1],
      ['1'],
      { id: 1 },
      { id: '1' },
      { id: 2 },
      { ID: 1 },
      { id: 1, admin: true },
      { provider: 'polar', id: 'a' },
      { provider: 'polar', id: 'b' },
      { provider: 'github', id: 'a' },
      { provider: 'polar', id: 1 },
      { provider: 'polar', sub: 'a' },
      { subject: 'a' },
      'a',
      { id: [1] },
      [{ id: 1 }],
      { a: { b: 1 } },
      { a: 1, b: 1 },
      ['a', 'b'],
      ['b', 'a'],
      JSON.parse('{"__proto__":1}'),
    ];
    expect(new Set(users.map(of)).size).toBe(users.length);
  });

  it('does not show the user', () => {
    expect(of('ada@example.com')).toMatch(/^[\w-]{43}$/);
  });

  it('is the subject for a Polar profile, whatever its other fields', () => {
    const user = { provider: 'polar', id: 'subject', displayName: 'Ada' };
    const identity = identities.of(user, 'subject');
    expect(identities.isOf(identity, { ...user, displayName: 'Countess', plan: 'pro' })).toBe(true);
    expect(identities.isOf(identity, { ...user, id: 'other' })).toBe(false);
    expect(identities.isOf(identity, { ...user, provider: 'github' })).toBe(false);
    expect(identities.isOf(identity, 'subject')).toBe(false);
  });

  it('is the whole value of an object that only looks like a Polar profile', () => {
    const user = { provider: 'polar', id: 'row 7', plan: 'free' };
    const identity = identities.of(user, 'subject');
    expect(identities.isOf(identity, { ...user })).toBe(true);
    expect(identities.isOf(identity, { ...user, plan: 'pro' })).toBe(false);
    expect(identities.isOf(identity, { provider: 'polar', id: 'subject' })).toBe(false);
    // The user whose subject at Polar is "row 7".
    expect(identities.isOf(identities.of({ provider: 'polar', id: 'row 7' }, 'row 7'), user)).toBe(true);
    expect(identity).not.toBe(identities.of(user, 'row 7'));
  });

  it.each(['id', '_id', 'sub', 'email'])('is not guessed from %s', (field) => {
    expect(of({ [field]: 1, name: 'Ada' })).not.toBe(of({ [field]: 1, name: 'Countess' }));
  });
});

describe('a userKey', () => {
  it('alone decides who a user is', () => {
    const keyed = new UserIdentities((user) => (user as { account: string }).account);
    const identity = keyed.of({ account: 'a', provider: 'polar', id: 'x' }, 'x');
    expect(keyed.isOf(identity, { account: 'a', other: 1 })).toBe(true);
    expect(keyed.isOf(identity, { account: 'b', provider: 'polar', id: 'x' })).toBe(false);
    expect(identity).not.toBe(of('a'));
  });

  it.each([[''], [undefined], [null], [7], [{}], [Promise.resolve('a')]])(
    'is refused if it returns %p',
    (key) => {
      const keyed = new UserIdentities(() => key as never);
      expect(() => keyed.of('user')).toThrow(
        expect.objectContaining({
          code: 'invalid_option',
          message: expect.stringContaining('serializeUser'),
        }),
      );
      expect(() => keyed.isOf('identity', 'user')).toThrow(
        expect.objectContaining({ code: 'invalid_option' }),
      );
    },
  );
});
