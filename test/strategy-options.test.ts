import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { PolarConfigurationError } from '../src/errors.js';
import { type PolarStrategyOptions, resolveOptions } from '../src/strategy-options.js';

const needed: PolarStrategyOptions = {
  clientID: 'polar_ci_1',
  clientSecret: 'polar_cs_1',
  callbackURL: '/auth/polar/callback',
};

const resolve = (more: object = {}) => resolveOptions({ ...needed, ...more } as PolarStrategyOptions);

afterEach(() => {
  jest.restoreAllMocks();
});

describe('resolveOptions', () => {
  it('returns the documented defaults', () => {
    const { client, server, elapsedMs: _elapsed, fetch: _fetch, now: _now, ...rest } = resolve();
    expect(rest).toEqual({
      credentials: { clientID: 'polar_ci_1', clientSecret: 'polar_cs_1', method: 'client_secret_post' },
      timeoutMs: 10_000,
      callbackURL: '/auth/polar/callback',
      scope: ['openid', 'email'],
      subType: undefined,
      prompt: undefined,
      name: 'polar',
      sessionKey: 'polar',
      passReqToCallback: false,
      proxy: undefined,
      proxyPrefix: '',
      fetchUserInfo: false,
      clockToleranceSeconds: 30,
      leewaySeconds: 5,
      loginAttemptSeconds: 600,
      storage: undefined,
      maxExchanges: 500,
      maxRememberedLogins: 10_000,
      userKey: undefined,
      apiVersion: '2026-10',
    });
    expect(server.apiURL).toBe('https://api.polar.sh');
    expect(client.isPublic).toBe(false);
  });

  it('makes a client without a secret a public one', () => {
    expect(resolve({ clientSecret: undefined }).credentials).toEqual({
      clientID: 'polar_ci_1',
      clientSecret: undefined,
      method: 'none',
    });
  });

  it('uses the name of the strategy as the session key', () => {
    expect(resolve({ name: 'polar-sandbox' })).toMatchObject({
      name: 'polar-sandbox',
      sessionKey: 'polar-sandbox',
    });
    expect(resolve({ name: 'polar-sandbox', sessionKey: 'mine' })).toMatchObject({ sessionKey: 'mine' });
  });

  it('looks up Date.now and fetch at each use, so that tests and tracing can replace them', async () => {
    const { now, fetch } = resolve();
    jest.spyOn(Date, 'now').mockReturnValue(7);
    expect(now()).toBe(7);
    jest.spyOn(globalThis, 'fetch').mockResolvedValue(new Response('patched'));
    expect(await (await fetch('https://polar.sh', {})).text()).toBe('patched');
  });

  it('keeps every option that is given', () => {
    const given = {
      tokenEndpointAuthMethod: 'client_secret_basic',
      server: 'sandbox',
      timeoutMs: 1,
      fetch: async () => new Response(),
      callbackURL: 'https://app.example/callback',
      scope: 'organizations:read',
      subType: 'organization',
      prompt: 'login',
      passReqToCallback: true,
      proxy: false,
      proxyPrefix: '/shop',
      fetchUserInfo: true,
      clockToleranceSeconds: 0,
      leewaySeconds: 0,
      loginAttemptSeconds: 60,
      storage: { read: async () => undefined, write: async () => true, remove: async () => {} },
      maxExchanges: 7,
      userKey: () => 'key',
      apiVersion: '2026-04',
      now: () => 1,
    };
    const { server: _server, scope: _scope, tokenEndpointAuthMethod: _method, ...same } = given;
    const resolved = resolve(given);
    expect(resolved).toMatchObject(same);
    for (const name of ['fetch', 'now', 'storage', 'userKey'] as const)
      expect(resolved[name]).toBe(given[name]);
    expect(resolved.credentials.method).toBe('client_secret_basic');
    expect(resolved.server.apiURL).toBe('https://sandbox-api.polar.sh');
    expect(resolved.scope).toEqual(['openid', 'organizations:read']);
  });

  it('uses the default for every option that is undefined, as an unset variable of process.env is', () => {
    const unset = {
      clientSecret: undefined,
      server: undefined,
      tokenEndpointAuthMethod: undefined,
      timeoutMs: undefined,
      fetch: undefined,
    };
    const others = [
      'scope',
      'subType',
      'prompt',
      'name',
      'sessionKey',
      'passReqToCallback',
      'proxy',
      'proxyPrefix',
      'fetchUserInfo',
    ];
    const more = [
      'clockToleranceSeconds',
      'leewaySeconds',
      'loginAttemptSeconds',
      'storage',
      'maxExchanges',
      'userKey',
      'apiVersion',
      'now',
    ];
    const all = { ...unset, ...Object.fromEntries([...others, ...more].map((name) => [name, undefined])) };
    const comparable = (options: object): string => JSON.stringify(resolve(options));
    expect(comparable(all)).toBe(comparable({ clientSecret: undefined }));
  });

  it('freezes the result', () => {
    const resolved = resolve();
    expect(Object.isFrozen(resolved)).toBe(true);
    expect(() => Object.assign(resolved, { callbackURL: 'https://evil.example' })).toThrow(TypeError);
  });

  it('accepts a time-out as long as a timer can be', () => {
    expect(resolve({ timeoutMs: 2 ** 31 - 1 }).timeoutMs).toBe(2 ** 31 - 1);
  });

  it('ignores later changes of the given object', () => {
    const given = { ...needed, scope: ['a:read'] };
    const resolved = resolveOptions(given);
    given.scope.push('b:write');
    Object.assign(given, { callbackURL: '/elsewhere' });
    expect(resolved).toMatchObject({ scope: ['openid', 'a:read'], callbackURL: '/auth/polar/callback' });
  });
});

describe('a wrong value', () => {
  const storage = { read: () => {}, write: () => {}, remove: () => {} };

  it.each<[string, unknown]>([
    ['clientID', undefined],
    ['clientID', ''],
    ['clientID', null],
    ['clientID', 7],
    ['clientSecret', ''],
    ['clientSecret', null],
    ['clientSecret', 7],
    ['server', 'staging'],
    ['server', null],
    ['server', {}],
    ['tokenEndpointAuthMethod', 'private_key_jwt'],
    ['tokenEndpointAuthMethod', ''],
    ['tokenEndpointAuthMethod', 'toString'],
    ['tokenEndpointAuthMethod', 'none'], // there is a secret
    ['timeoutMs', 0],
    ['timeoutMs', -1],
    ['timeoutMs', Number.NaN],
    ['timeoutMs', Number.POSITIVE_INFINITY],
    ['timeoutMs', 2 ** 31], // setTimeout would fire at once
    ['timeoutMs', '5000'],
    ['timeoutMs', null],
    ['fetch', 'node-fetch'],
    ['fetch', {}],
    ['fetch', null],
    ['callbackURL', undefined],
    ['callbackURL', ''],
    ['callbackURL', null],
    ['callbackURL', 7],
    ['callbackURL', new URL('https://app.example/')],
    ['callbackURL', 'ftp://app.example/'],
    ['callbackURL', 'javascript:alert(1)'],
    ['callbackURL', 'https://'],
    ['scope', 7],
    ['scope', null],
    ['scope', {}],
    ['scope', ['email', 7]],
    ['scope', [undefined]],
    ['scope', 'email\nopenid'],
    ['scope', ['ümail']],
    ['subType', 'organisation'],
    ['subType', ''],
    ['subType', null],
    ['prompt', 'select_account'],
    ['prompt', null],
    ['name', ''],
    ['name', 7],
    ['name', null],
    ['sessionKey', ''],
    ['sessionKey', 7],
    ['sessionKey', 'cookie'],
    ['sessionKey', 'passport'],
    ['sessionKey', 'returnTo'],
    ['sessionKey', 'messages'],
    ['sessionKey', 'save'],
    ['sessionKey', 'id'],
    ['sessionKey', 'flash'],
    ['sessionKey', '__proto__'],
    ['sessionKey', 'constructor'],
    ['sessionKey', 'prototype'],
    ['passReqToCallback', 'true'],
    ['passReqToCallback', 1],
    ['passReqToCallback', null],
    ['proxy', 'yes'],
    ['proxyPrefix', ''],
    ['proxyPrefix', '/'],
    ['proxyPrefix', 'app'],
    ['proxyPrefix', '/app/'],
    ['proxyPrefix', '//evil.example'],
    ['proxyPrefix', '/\\\\evil.example'],
    ['proxyPrefix', '/app/..'],
    ['proxyPrefix', '/app?x=1'],
    ['proxyPrefix', '/app\n/b'],
    ['proxyPrefix', '/app\n'],
    ['proxyPrefix', 'https://app.example/app'],
    ['proxyPrefix', null],
    ['proxyPrefix', 7],
    ['fetchUserInfo', '1'],
    ['clockToleranceSeconds', -1],
    ['clockToleranceSeconds', '30'],
    ['clockToleranceSeconds', Number.NaN],
    ['clockToleranceSeconds', Number.POSITIVE_INFINITY],
    ['leewaySeconds', -1],
    ['leewaySeconds', '5'],
    ['leewaySeconds', Number.NaN],
    ['loginAttemptSeconds', 0],
    ['loginAttemptSeconds', -1],
    ['loginAttemptSeconds', '600'],
    ['loginAttemptSeconds', 600_000],
    ['loginAttemptSeconds', 86_401],
    ['loginAttemptSeconds', Number.NaN],
    ['loginAttemptSeconds', null],
    ['storage', null],
    ['storage', 'redis://localhost'],
    ['storage', { ...storage, read: undefined }],
    ['storage', { ...storage, write: true }],
    ['storage', { read: storage.read, write: storage.write }],
    ['maxExchanges', 0],
    ['maxExchanges', -1],
    ['maxExchanges', 1.5],
    ['maxExchanges', '500'],
    ['maxExchanges', Number.POSITIVE_INFINITY],
    ['maxExchanges', null],
    ['userKey', 'id'],
    ['userKey', null],
    ['apiVersion', 'v1'],
    ['apiVersion', ''],
    ['apiVersion', 2026],
    ['apiVersion', null],
    ['apiVersion', '2026-4'],
    ['apiVersion', '2026-10-01'],
    ['apiVersion', '2026-10\n'],
    ['apiVersion', '2026-10\r\nx: y'],
    ['apiVersion', new Date(0)],
    ['now', 7],
    ['now', null],
  ])('of %s is refused by name: %p', (name, value) => {
    const attempt = (): unknown => resolve({ [name]: value });
    expect(attempt).toThrow(PolarConfigurationError);
    expect(attempt).toThrow(new RegExp(`^${name}\\b`));
  });

  it.each<[string, unknown, string]>([
    ['callbackURL', undefined, 'undefined'],
    ['callbackURL', 'localhost:3000/callback', "'localhost:3000/callback'"],
    ['callbackURL', 'https://me:hunter2@app.example/', "'https://…@app.example/'"],
    ['proxyPrefix', '/app/', "'/app/'"],
    ['prompt', 'always', "'always'"],
    ['fetchUserInfo', 'yes', "'yes'"],
    ['leewaySeconds', '5', "'5'"],
    ['timeoutMs', '10000', "'10000'"],
    ['maxExchanges', 0, '0'],
    ['tokenEndpointAuthMethod', 'post', "'post'"],
  ])('of %s is shown in the message: %p', (name, value, shown) => {
    expect(() => resolve({ [name]: value })).toThrow(
      expect.objectContaining({ message: expect.stringContaining(`, not ${shown}`) }),
    );
  });

  it.each([['client_secret_post'], ['client_secret_basic']])(
    'of tokenEndpointAuthMethod is refused: %s without a secret',
    (method) => {
      expect(() => resolve({ clientSecret: undefined, tokenEndpointAuthMethod: method })).toThrow(
        expect.objectContaining({
          code: 'invalid_option',
          message: `tokenEndpointAuthMethod '${method}' needs a clientSecret`,
        }),
      );
    },
  );

  it('of sessionKey is refused as well when it comes from name', () => {
    expect(() => resolve({ name: 'passport' })).toThrow(/^sessionKey must not be 'passport'/);
    expect(resolve({ name: 'passport', sessionKey: 'polar' }).name).toBe('passport');
  });

  it('is not shown when it may be a secret', () => {
    for (const more of [
      { clientSecret: 'polar_cs_hidden', tokenEndpointAuthMethod: 'none' },
      { clientSecret: ['polar_cs_hidden'] },
    ]) {
      expect(() => resolve(more)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('hidden') }),
      );
    }
  });

  it.each([[undefined], [null], ['polar_ci_1'], [7]])('in place of the options is refused: %p', (options) => {
    expect(() => resolveOptions(options as never)).toThrow(/^PolarStrategy needs an options object/);
  });
});

describe('an unknown option', () => {
  it.each([
    ['clientId', 'clientID'],
    ['client_id', 'clientID'],
    ['clientsecret', 'clientSecret'],
    ['client_secret', 'clientSecret'],
    ['secret', 'clientSecret'],
    ['callbackUrl', 'callbackURL'],
    ['callback_url', 'callbackURL'],
    ['callback', 'callbackURL'],
    ['scopes', 'scope'],
    ['sub_type', 'subType'],
    ['timeout', 'timeoutMs'],
    ['leeway', 'leewaySeconds'],
    ['clockTolerance', 'clockToleranceSeconds'],
    ['fetchUserinfo', 'fetchUserInfo'],
    ['session_key', 'sessionKey'],
    ['passReqToCallBack', 'passReqToCallback'],
    ['api_version', 'apiVersion'],
  ])('%s is refused with the suggestion %s', (name, meant) => {
    expect(() => resolve({ [name]: 'x' })).toThrow(
      expect.objectContaining({
        code: 'invalid_option',
        message: `PolarStrategy has no option '${name}'. Did you mean ${meant}?`,
      }),
    );
  });

  it.each(['toString', 'hasOwnProperty', 'certificates'])(
    '%s is refused with a list of all options',
    (name) => {
      expect(() => resolve({ [name]: true })).toThrow(
        new RegExp(
          `^PolarStrategy has no option '${name}'\\. Options: clientID, clientSecret, .*callbackURL`,
        ),
      );
    },
  );

  it.each([
    ['clientSecrt', 'clientSecret'],
    ['cleintID', 'clientID'],
    ['passReqToCallbak', 'passReqToCallback'],
    ['callbakURL', 'callbackURL'],
    ['encryptonKeys', 'encryptionKeys'],
    ['loginAttemptSecond', 'loginAttemptSeconds'],
    ['timeout', 'timeoutMs'],
    ['scopes', 'scope'],
  ])('%s is refused with the suggestion %s', (name, meant) => {
    expect(() => resolve({ [name]: true })).toThrow(
      `PolarStrategy has no option '${name}'. Did you mean ${meant}?`,
    );
  });

  it.each([
    ['redirectURI', 'callbackURL'],
    ['tokenURL', 'server'],
    ['authorizationURL', 'server'],
    ['userProfileURL', 'server'],
    ['state', 'appState'],
    ['pkce', 'always used'],
    ['store', 'storage'],
    ['customHeaders', 'fetch'],
    ['organizations', 'per login, to passport.authenticate'],
    ['returnTo', 'per login, to passport.authenticate'],
    ['authorizationParams', 'per login, to passport.authenticate'],
    ['realm', 'PolarBearerStrategy'],
    ['cacheSeconds', 'PolarBearerStrategy'],
  ])('%s, which belongs elsewhere, is refused with its replacement: %s', (name, instead) => {
    expect(() => resolve({ [name]: true })).toThrow(
      new RegExp(`^PolarStrategy has no option '${name}': .*${instead}`),
    );
  });

  it('is refused even when its value is undefined', () => {
    expect(() => resolve({ clientId: undefined })).toThrow(/has no option 'clientId'/);
  });

  it.each(['tokenRecords', 'refreshLock'])(
    '%s is refused with a reference to storage, which replaced it',
    (name) => {
      for (const value of [{}, undefined])
        expect(() => resolve({ [name]: value })).toThrow(
          /^PolarStrategy has no option '\w+': use storage, such as/,
        );
    },
  );

  it.each(['7', '_', 'ü'])('%p is refused without a suggestion', (name) => {
    expect(() => resolve({ [name]: 1 })).toThrow(/Options: /);
  });
});

describe('the scope option', () => {
  it.each<[unknown, string[]]>([
    [undefined, ['openid', 'email']],
    [[], ['openid']],
    ['', ['openid']],
    ['email', ['openid', 'email']],
    ['email organizations:read', ['openid', 'email', 'organizations:read']],
    [' email,organizations:read ', ['openid', 'email', 'organizations:read']],
    [
      ['email', 'organizations:read'],
      ['openid', 'email', 'organizations:read'],
    ],
    [['email organizations:read'], ['openid', 'email', 'organizations:read']],
    [
      ['email', 'openid', 'email'],
      ['openid', 'email'],
    ],
  ])('of %j requests the scopes %j', (scope, resolved) => {
    expect(resolve({ scope }).scope).toEqual(resolved);
  });
});
