/** The options and the verify callback of PolarBearerStrategy. */
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { PolarBearerStrategy, PolarConfigurationError } from 'passport-polar-sh';
import request from 'supertest';
import { type BearerApi, type BearerApiOptions, challenge, startBearerApi } from '../support/bearer-api.js';

let api: BearerApi;
const start = async (options?: BearerApiOptions) => {
  api = await startBearerApi(options);
};
afterEach(() => api?.emulator.close());

describe('the verify callback of PolarBearerStrategy', () => {
  it('receives token, introspection and request, and chooses the user', async () => {
    const given: unknown[] = [];
    await start({
      verify: async (token) => {
        given.push(token.accessToken, token.introspection.subType, token.req.path);
        return { id: 'mine' } as Express.User;
      },
    });
    const { accessToken } = api.tokens();
    expect((await api.get(accessToken)).body).toEqual({
      user: { id: 'mine' },
      info: { scope: 'openid email', organizations: [] },
    });
    expect(given).toEqual([accessToken, 'user', '/']);
  });

  it('is not called for a token that does not qualify', async () => {
    const verify = jest.fn(() => ({}) as Express.User);
    await start({ verify, route: { scope: 'orders:read' } });
    for (const token of [api.tokens().accessToken, 'unknown', '']) await api.get(token);
    expect(verify).not.toHaveBeenCalled();
  });

  it.each([false, null])('rejects the token by returning %s', async (verdict) => {
    await start({ verify: (() => verdict) as never }); // null does not type-check
    expect(challenge(await api.get(api.tokens().accessToken))).toEqual([
      401,
      'Bearer realm="polar", error="invalid_token", error_description="The access token was rejected"',
    ]);
  });

  it('adds what it passes to done to req.authInfo, or to the challenge', async () => {
    type Done = (error: null, user: object | false, info: unknown) => void;
    const infos: unknown[] = [{ plan: 'pro', scope: 'api' }, undefined, 'of another kind'];
    await start({ verify: ((_token: object, done: Done) => done(null, {}, infos.shift())) as never });
    const infoNow = async () => (await api.get(api.tokens().accessToken)).body.info;
    expect(await infoNow()).toEqual({ plan: 'pro', scope: 'api', organizations: [] });
    expect(await infoNow()).toEqual({ scope: 'openid email', organizations: [] });
    expect(await infoNow()).toEqual({ scope: 'openid email', organizations: [] });
    const reasons: unknown[] = ['Locked', { message: 'Locked' }, { message: 'a"b' }, { message: 7 }, null];
    await api.emulator.close();
    await start({ verify: ((_token: object, done: Done) => done(null, false, reasons.shift())) as never });
    for (const said of ['Locked', 'Locked', ...Array(3).fill('The access token was rejected')])
      expect(challenge(await api.get(api.tokens().accessToken))).toEqual([
        401,
        `Bearer realm="polar", error="invalid_token", error_description="${said}"`,
      ]);
  });

  it('causes an error if it returns nothing, throws or rejects', async () => {
    await start({ verify: (() => undefined) as never, strategy: { timeoutMs: 2000 } });
    expect((await api.get(api.tokens().accessToken)).body.code).toBe('invalid_verify_result');
    const failures = [
      () => {
        throw new Error('database');
      },
      () => Promise.reject(new Error('database')),
    ];
    for (const verify of failures) {
      await api.emulator.close();
      await start({ verify });
      const { status, body } = await api.get(api.tokens().accessToken);
      expect([status, body.message]).toEqual([500, 'database']);
    }
  });

  it.each([undefined, null, 'route'])('authenticates nobody if it rejects with %p', async (reason) => {
    await start({ verify: () => Promise.reject(reason) });
    const { status, body } = await api.get(api.tokens().accessToken);
    expect([status, body.message]).toEqual([500, expect.stringContaining('instead of an error')]);
  });
});

describe('new PolarBearerStrategy', () => {
  const options = { clientID: 'c', clientSecret: 's' };
  const make = (change: object, verify?: unknown) => () =>
    new PolarBearerStrategy({ ...options, ...change } as never, verify as never);

  it('refuses public clients and says why', () => {
    for (const change of [
      { clientSecret: undefined },
      { clientSecret: undefined, tokenEndpointAuthMethod: 'none' },
    ])
      expect(make(change)).toThrow(/needs clientSecret: Polar does not let public clients introspect/);
  });

  it.each([
    [{ realm: 'a"b' }, 'realm'],
    [{ realm: 'a\r\nSet-Cookie: b' }, 'realm'],
    [{ realm: 'a\\' }, 'realm'],
    [{ realm: '' }, 'realm'],
    [{ scope: 'a"b' }, 'scope'],
    [{ scope: ['a\nb'] }, 'scope'],
    [{ organizations: [7] }, 'organizations'],
    [{ scopes: ['openid'] }, "no option 'scopes'. Did you mean scope?"],
    [{ organization: 'x' }, "no option 'organization'. Did you mean organizations?"],
    [{ cacheSeconds: -1 }, 'cacheSeconds'],
    [{ cacheSeconds: Number.NaN }, 'cacheSeconds'],
    [{ unknownTokensPerMinute: 0 }, 'unknownTokensPerMinute'],
    [{ unknownTokensPerMinute: 1.5 }, 'unknownTokensPerMinute'],
    [{ unknownTokensPerMinute: Number.POSITIVE_INFINITY }, 'unknownTokensPerMinute'],
    [{ unknownTokensPerMinute: '50' }, 'unknownTokensPerMinute'],
    [{ unknownTokens: 5 }, 'Did you mean unknownTokensPerMinute?'],
    [{ passReqToCallback: true }, "no option 'passReqToCallback': the verify callback receives one object"],
    [{ session: false }, "no option 'session': pass it to passport.authenticate('polar-bearer'"],
    [{ audience: 'x' }, "no option 'audience': only tokens issued to clientID"],
    [{ issuer: 'https://polar.sh' }, "no option 'issuer': use server, which"],
    [{ jwksURI: 'https://polar.sh' }, "no option 'jwksURI': Polar's access tokens are not JWTs"],
    [{ callbackUrl: '/cb' }, "no option 'callbackUrl'. Did you mean callbackURL?"],
    [{ organisations: ['x'] }, "no option 'organisations'. Did you mean organizations?"],
    [{ name: '' }, 'name'],
    [{ now: 7 }, 'now'],
    [{ clientID: '' }, 'clientID'],
    [{ server: 'staging' }, 'server'],
  ])('names the invalid option: %j', (change, message) => {
    expect(make(change)).toThrow(PolarConfigurationError);
    expect(make(change)).toThrow(message);
  });

  it.each([7, (_a: unknown, _b: unknown, _c: unknown) => false])(
    'requires a verify callback with one parameter: %s',
    (verify) => {
      expect(make({}, verify)).toThrow('verify callback of PolarBearerStrategy');
    },
  );

  it('requires options', () => {
    expect(() => new PolarBearerStrategy(undefined as never)).toThrow('needs an options object');
  });

  it('accepts the options of the login strategy, a name and a realm', async () => {
    await start({
      strategy: {
        callbackURL: '/cb',
        passReqToCallback: false,
        name: 'tokens',
        realm: 'orders of Ada',
      } as never,
    });
    expect(api.strategy.name).toBe('tokens');
    expect(challenge(await request(api.app).get('/api'))).toEqual([401, 'Bearer realm="orders of Ada"']);
  });

  it('hides its secret', () => {
    const strategy = make({ clientSecret: 'polar_cs_hidden' })();
    expect(inspect(strategy, { depth: 9, showHidden: true }) + JSON.stringify(strategy)).not.toContain(
      'hidden',
    );
  });
});
