/** How PolarBearerStrategy asks Polar about tokens: failures, concurrent requests and the cache. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { PolarBearerStrategy } from 'passport-polar-sh';
import { answerUser, type BearerApi, type BearerApiOptions, startBearerApi } from '../support/bearer-api.js';

let api: BearerApi;
const start = async (options?: BearerApiOptions) => {
  api = await startBearerApi(options);
};
afterEach(() => api?.emulator.close());

describe('an introspection that fails', () => {
  it.each([
    ['429', { status: 429 }, 'rate_limited'],
    ['500', { status: 500 }, 'server_error'],
    ['503', { status: 503 }, 'server_error'],
    ['a broken connection', 'reset-before', 'network_error'],
    ['no response', 'hang', 'timeout'],
    ['a response that never ends', { slowBodyMs: 5000 }, 'timeout'],
  ] as const)('with %s leads to a 503 and is not cached', async (_what, fault, code) => {
    await start({ strategy: { timeoutMs: 1000 } });
    const { accessToken } = api.tokens();
    api.emulator.fail('introspect', fault);
    const down = await api.get(accessToken);
    expect([down.status, down.body.code, down.headers['www-authenticate']]).toEqual([503, code, undefined]);
    await api.emulator.heal();
    // Past the time that Polar asks clients to wait.
    api.emulator.advanceTime(60);
    expect((await api.get(accessToken)).status).toBe(200);
  });

  it('because of a wrong secret leads to a 500 that says what to check', async () => {
    await start({ strategy: { clientSecret: 'polar_cs_wrong' } });
    const { status, body } = await api.get(api.tokens().accessToken);
    expect([status, body.code]).toEqual([500, 'invalid_client']);
    expect(body.message).toMatch(/^clientID or clientSecret is wrong/);
    expect(body.message).not.toContain('polar_cs_wrong');
  });

  it('with an HTML page is reported as malformed_response', async () => {
    await start();
    api.emulator.fail('introspect', 'html');
    expect((await api.get(api.tokens().accessToken)).body.code).toBe('malformed_response');
  });
});

describe('concurrent requests with bearer tokens', () => {
  it.each([true, false])('never swap users (by instance: %s)', async (byInstance) => {
    const release: (() => void)[] = [];
    await start({
      byInstance,
      verify: async ({ introspection }) => {
        // The first request waits until the second is done.
        if (release.length === 0) await new Promise<void>((resolve) => release.push(resolve));
        else setTimeout(() => release[0]?.(), 20);
        return { id: introspection.subject } as Express.User;
      },
    });
    const [ada, grace] = ['ada@example.com', 'grace@example.com'].map(
      (user) => api.tokens({ user }).accessToken,
    );
    const slow = api.get(ada ?? '').then(({ body }) => body.user.id);
    while (release.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const fast = (await api.get(grace ?? '')).body.user.id;
    expect(await slow).not.toBe(fast);
    expect((await api.get(ada ?? '')).body.user.id).toBe(await slow);
  });

  it('share one introspection if the token is the same', async () => {
    let arrived = 0;
    let answer = () => {};
    const all = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const asked: string[] = [];
    await start({
      strategy: {
        cacheSeconds: 0,
        fetch: async (input, init) => {
          asked.push(input);
          await all;
          return fetch(input, init);
        },
      },
      routes: (app) =>
        app.use((_req, _res, next) => {
          arrived++;
          if (arrived === 100) setImmediate(() => setImmediate(answer));
          next();
        }),
    });
    const { accessToken } = api.tokens();
    const answers = await Promise.all(Array.from({ length: 100 }, () => api.get(accessToken)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(asked).toHaveLength(1);
  });
});

describe('an introspection response', () => {
  it('is cached for 30 seconds, and never past the expiry of the token', async () => {
    await start();
    const { accessToken, expiresAt } = api.tokens();
    await api.get(accessToken);
    api.emulator.advanceTime(28);
    await api.get(accessToken);
    expect(api.introspections()).toBe(1);
    api.emulator.revokeAll();
    api.emulator.advanceTime(3);
    expect((await api.get(accessToken)).status).toBe(401);
    const other = api.tokens().accessToken;
    api.emulator.advanceTime((expiresAt - api.emulator.now()) / 1000 - 20);
    expect((await api.get(other)).status).toBe(200);
    api.emulator.advanceTime(60);
    expect((await api.get(other)).status).toBe(401);
  });

  it('is not cached with cacheSeconds: 0', async () => {
    await start({ strategy: { cacheSeconds: 0 } });
    const { accessToken } = api.tokens();
    await api.get(accessToken).expect(200);
    api.emulator.revokeAll();
    await api.get(accessToken).expect(401);
  });

  it('for one client is not reused for another: each strategy asks for itself', async () => {
    await start({
      routes: (app, { passport }) => {
        app.get(
          '/other',
          (req, res, next) => passport.authenticate('other', { session: false })(req, res, next),
          answerUser,
        );
        app.set('add', (strategy: PolarBearerStrategy) => passport.use(strategy));
      },
    });
    const client = api.emulator.registerClient({ redirectURIs: ['http://localhost/cb'] });
    const { clientID, clientSecret } = client;
    api.app.get('add')(
      new PolarBearerStrategy({
        clientID,
        clientSecret,
        server: api.emulator.server,
        name: 'other',
        now: api.emulator.now,
      }),
    );
    const { accessToken } = api.tokens();
    expect([(await api.get(accessToken)).status, (await api.get(accessToken, '/other')).status]).toEqual([
      200, 401,
    ]);
    const theirs = api.emulator.issueTokens({ clientID, user: 'ada@example.com' }).accessToken;
    expect([(await api.get(theirs, '/other')).status, (await api.get(theirs)).status]).toEqual([200, 401]);
  });
});
