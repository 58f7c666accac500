/** Scopes are a list, or one string with spaces between them, wherever the package accepts them. */
import { describe, expect, it } from '@jest/globals';
import {
  PolarBearerStrategy,
  PolarConfigurationError,
  type PolarScopes,
  PolarStrategy,
  requireScope,
} from 'passport-polar-sh';
import { CALLBACK, failureOf, PolarWorld } from './support/polar-world.js';

const world = new PolarWorld();
const METADATA = { clientName: 'My app', redirectURIs: [CALLBACK] };
const LOGIN = { redirectURI: CALLBACK, state: 's', nonce: 'n', codeChallenge: 'c' };

/** Every call that accepts scopes; each resolves with what Polar has received. */
const calls: Readonly<Record<string, (scope: PolarScopes) => Promise<unknown>>> = {
  authorizationURL: async (scope) => {
    const url = await world.as(world.own).authorizationURL({ ...LOGIN, scope });
    return new URL(url).searchParams.get('scope');
  },
  refresh: async (scope) => {
    await world.as(world.own).refresh({ ...world.tokens(), scope });
    return world.emulator.requests.at(-1)?.form['scope'];
  },
  exchangeWebSession: async (scope) => {
    await world.as(world.own).exchangeWebSession({ sessionToken: world.session(), scope });
    return world.emulator.requests.at(-1)?.form['scope'];
  },
  register: async (scope) => (await world.registrations.register({ ...METADATA, scope })).raw['scope'],
  updateRegistration: async (scope) =>
    (await world.registrations.updateRegistration(world.own, { ...METADATA, scope })).raw['scope'],
  registerClient: async (scope) =>
    world.emulator.registerClient({ redirectURIs: [CALLBACK], scope: scope as string }).scope,
  updateClient: async (scope) =>
    world.emulator.updateClient(world.own.clientID, { scope: scope as string }).scope,
  issueTokens: async (scope) => {
    const { clientID } = world.own;
    return world.emulator.issueTokens({ clientID, user: 'ada@example.com', scope: scope as string }).scope;
  },
};
const names = Object.keys(calls);
const call = (name: string, scope: unknown) =>
  (calls[name] as (scope: PolarScopes) => Promise<unknown>)(scope as PolarScopes);

describe.each(names)('%s', (name) => {
  it.each([['openid email'], [['openid', 'email']], [['openid email']]])(
    'accepts the scope %j',
    async (scope) => {
      expect(await call(name, scope)).toBe('openid email');
    },
  );

  it.each([[7], [{}], [['openid', 7]], [[['openid']]], [Symbol('x')]])(
    'explains the format if scope is %p, and sends nothing',
    async (scope) => {
      const error = await failureOf(call(name, scope));
      expect(error).toMatchObject({ message: expect.stringMatching(/^scope must be a list\b/) });
      expect(world.emulator.requests).toEqual([]);
    },
  );
});

it.each(names.slice(0, 5))('%s rejects with invalid_option for scopes that cannot be sent', async (name) => {
  for (const scope of [7, null]) {
    const error = await failureOf(call(name, scope));
    expect(error).toBeInstanceOf(PolarConfigurationError);
    expect(error).toMatchObject({ code: 'invalid_option' });
  }
});

/** Everything that is created with scopes. */
const makers: Readonly<Record<string, (scope: PolarScopes) => unknown>> = {
  PolarStrategy: (scope) => new PolarStrategy({ clientID: 'c', callbackURL: '/cb', scope }),
  PolarBearerStrategy: (scope) => new PolarBearerStrategy({ clientID: 'c', clientSecret: 's', scope }),
  requireScope: (scope) => requireScope(scope, { loginPath: '/login' }),
};

describe.each(Object.keys(makers))('%s', (name) => {
  const make = (scope: unknown) => (makers[name] as (scope: PolarScopes) => unknown)(scope as PolarScopes);

  it('accepts a list and a string', () => {
    expect(() => make('openid email')).not.toThrow();
    expect(() => make(['openid', 'email'])).not.toThrow();
  });

  it.each<[unknown, string]>([
    [7, '7'],
    [null, 'null'],
    [{}, 'an object'],
    [['openid', 7], '7'],
    [[['openid']], 'a list'],
    ['a"b', "'a\"b'"],
    [['openid', 'a\nb'], "'a\uFFFDb'"],
  ])('throws for the scope %j, and shows what is wrong', (scope, shown) => {
    expect(() => make(scope)).toThrow(
      `scope must be a list of strings or one space-separated string, ['a', 'b'] or 'a b', not ${shown}`,
    );
  });
});
