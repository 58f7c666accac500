import { inspect } from 'node:util';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import express5 from 'express';
import passport07 from 'passport';
import { PolarBearerStrategy } from 'passport-polar-sh';
import request from 'supertest';
import {
  answerUser,
  type BearerApi,
  type BearerApiOptions,
  rawGet,
  startBearerApi,
} from '../support/bearer-api.js';
import { startTestApp } from '../support/test-app.js';

const express4 = jest.requireActual<typeof express5>('express4');
const passport06 = jest.requireActual<typeof passport07>('passport06');

let api: BearerApi;
const start = async (options?: BearerApiOptions) => {
  api = await startBearerApi(options);
};
afterEach(() => api?.emulator.close());

const answer = ({ status, headers }: { status: number; headers: Record<string, unknown> }) => [
  status,
  headers['www-authenticate'],
];
const unknownToken =
  'Bearer realm="polar", error="invalid_token", error_description="The access token is expired, revoked or not of this app"';
const twoPlaces =
  'Bearer realm="polar", error="invalid_request", error_description="Send the access token in the Authorization header, and nowhere else"';
const malformed =
  'Bearer realm="polar", error="invalid_request", error_description="The Authorization header has no well-formed access token"';

describe.each([
  ['Express 4, Passport 0.6', express4, passport06],
  ['Express 4, Passport 0.7', express4, passport07],
  ['Express 5, Passport 0.6', express5, passport06],
  ['Express 5, Passport 0.7', express5, passport07],
] as const)('PolarBearerStrategy with %s', (_names, express, passport) => {
  it.each([false, true])(
    'accepts a valid token and refuses everything else (by instance: %s)',
    async (byInstance) => {
      await start({ versions: [express, passport], byInstance, route: { scope: 'openid' } });
      const { accessToken } = api.tokens();
      const good = await api.get(accessToken);
      expect(good.status).toBe(200);
      expect(good.headers).not.toHaveProperty('www-authenticate');
      expect(good.body).toEqual({
        user: {
          provider: 'polar',
          id: expect.stringMatching(/^[\da-f-]{36}$/),
          subType: 'user',
          scopes: ['openid', 'email'],
          organizations: [],
        },
        info: { scope: 'openid email', organizations: [] },
      });
      expect(answer(await request(api.app).get('/api'))).toEqual([
        401,
        'Bearer realm="polar", scope="openid"',
      ]);
      expect(answer(await api.get('polar_at_u_unknown'))).toEqual([401, unknownToken]);
      expect(answer(await api.get(accessToken, `/api?access_token=${accessToken}`))).toEqual([
        400,
        twoPlaces,
      ]);
      expect((await api.get(api.tokens({ scope: 'email' }).accessToken)).status).toBe(403);
      api.emulator.fail('introspect', { status: 500 });
      expect((await api.get('polar_at_u_other')).body.code).toBe('server_error');
    },
  );
});

describe('PolarBearerStrategy', () => {
  it.each(['Bearer', 'bearer', 'BEARER'])('accepts the scheme %s', async (scheme) => {
    await start();
    const { accessToken } = api.tokens();
    const got = await request(api.app).get('/api').set('authorization', `${scheme}  ${accessToken} `);
    expect(got.status).toBe(200);
  });

  it.each([undefined, 'Basic YTpi', 'Digest x', 'polar_at_u_bare', 'BearerX polar_at_u_x'])(
    'asks for a token if the Authorization header is %s',
    async (authorization) => {
      await start();
      const get = request(api.app).get('/api');
      if (authorization !== undefined) get.set('authorization', authorization);
      expect(answer(await get)).toEqual([401, 'Bearer realm="polar"']);
      expect(api.introspections()).toBe(0);
    },
  );

  it.each(['Bearer', 'Bearer a b', 'Bearer a, Bearer b', 'Bearer \u00e9', 'Bearer\tpolar at'])(
    'refuses the malformed Authorization header %j',
    async (authorization) => {
      await start();
      expect(answer(await request(api.app).get('/api').set('authorization', authorization))).toEqual([
        400,
        malformed,
      ]);
      expect(api.introspections()).toBe(0);
    },
  );

  it.each([
    '?access_token=',
    '?a=1&access_token=x',
    '?access%5Ftoken=x',
    '?access_token[]=x',
    '?access_token=&access_token=',
  ])('refuses a token in the query, with or without a header: %s', async (query) => {
    await start();
    expect(answer(await api.get(api.tokens().accessToken, `/api${query}`))).toEqual([400, twoPlaces]);
    expect(answer(await request(api.app).get(`/api${query}`))).toEqual([400, twoPlaces]);
    expect(api.introspections()).toBe(0);
  });

  it('refuses a token in the query of an app without a query parser', async () => {
    await start({ routes: (app) => app.set('query parser', false) });
    expect((await request(api.app).get('/api?access_token=x')).status).toBe(400);
  });

  it.each(['form', 'json'])('refuses a token in a body (%s)', async (type) => {
    await start();
    const { accessToken } = api.tokens();
    const post = () => request(api.app).post('/api').type(type);
    expect(answer(await post().send({ access_token: accessToken }))).toEqual([400, twoPlaces]);
    const both = post().set('authorization', `Bearer ${accessToken}`);
    expect(answer(await both.send({ access_token: accessToken }))).toEqual([400, twoPlaces]);
    const good = post().set('authorization', `Bearer ${accessToken}`);
    expect((await good.send({ access_tokens: '1' })).status).toBe(200);
  });

  it('refuses two Authorization headers, though Node shows only the first', async () => {
    await start();
    const headers = ['Authorization', `Bearer ${api.tokens().accessToken}`];
    expect((await rawGet(api.app, headers)).statusCode).toBe(200);
    const twice = await rawGet(api.app, [...headers, 'authorization', 'Basic YTpi']);
    expect([twice.statusCode, twice.headers['www-authenticate']]).toEqual([
      400,
      'Bearer realm="polar", error="invalid_request", error_description="There is more than one Authorization header"',
    ]);
  });
});

describe('a bearer token', () => {
  it('is refused if it is expired, revoked or unknown', async () => {
    await start();
    const revoked = api.tokens();
    api.emulator.revokeAll();
    for (const token of [api.tokens({ expired: true }).accessToken, revoked.accessToken, 'nonsense'])
      expect(answer(await api.get(token))).toEqual([401, unknownToken]);
  });

  it('is refused if another client or another server issued it, and userinfo is never asked', async () => {
    await start();
    const other = api.emulator.registerClient({ redirectURIs: ['http://localhost/cb'] });
    const theirs = api.emulator.issueTokens({ clientID: other.clientID, user: 'ada@example.com' });
    expect(answer(await api.get(theirs.accessToken))).toEqual([401, unknownToken]);
    const first = api;
    await start();
    expect(answer(await api.get(first.tokens().accessToken))).toEqual([401, unknownToken]);
    for (const { emulator } of [first, api])
      expect(new Set(emulator.requests.map(({ endpoint }) => endpoint))).toEqual(new Set(['introspect']));
    await first.emulator.close();
  });

  it('is refused without a request if it is a refresh token, although Polar calls it active', async () => {
    await start();
    const got = await api.get(api.tokens().refreshToken ?? '');
    expect(answer(got)).toEqual([
      401,
      'Bearer realm="polar", error="invalid_token", error_description="This is a refresh token"',
    ]);
    expect(api.introspections()).toBe(0);
  });

  // A server other than Polar may respond with anything.
  const ours = { active: true, client_id: 'c', sub: 'x', scope: 'openid' };
  it.each([
    ['of this client', {}, 200],
    ['of another client', { client_id: 'other' }, 401],
    ['of no client', { client_id: undefined }, 401],
    ['without a subject', { sub: undefined }, 401],
    ['inactive', { active: false }, 401],
    ['expired', { exp: 1000 }, 401],
    ['not yet expired', { exp: 1001 }, 200],
    ['a refresh token', { token_type: 'refresh_token' }, 401],
    ['an access token', { token_type: 'bearer' }, 200],
    ['without active', { active: undefined }, 502],
    ['with scopes that are not a string', { scope: ['openid'] }, 502],
  ])('is checked against the introspection response: %s', async (_what, change, status) => {
    const fetch = async () => Response.json({ ...ours, ...change });
    await start({ strategy: { clientID: 'c', fetch, now: () => 1_000_000 } });
    expect((await api.get('token')).status).toBe(status);
  });
});

describe('a route for bearer tokens', () => {
  const lacks = (scope: string) =>
    `Bearer realm="polar", error="insufficient_scope", error_description="The access token lacks a scope", scope="${scope}"`;
  it('requires all scopes of the strategy and its own', async () => {
    await start({ strategy: { scope: 'openid' }, route: { scope: ['email', 'orders:read products:read'] } });
    const all = 'openid email orders:read products:read';
    expect((await api.get(api.tokens({ scope: all }).accessToken)).status).toBe(200);
    for (const missing of all.split(' ')) {
      const scope = all.replace(missing, '').trim();
      const got = await api.get(api.tokens({ scope }).accessToken);
      expect(answer(got)).toEqual([403, lacks(all)]);
      expect(got.body).not.toHaveProperty('user');
    }
    // A scope with a similar name does not count.
    const similar = api.tokens({ scope: `${all.replace('orders:read', 'orders:write')}` });
    expect((await api.get(similar.accessToken)).status).toBe(403);
  });

  it.each([
    ['openid, email', 'openid email'],
    [['openid', 'email', 'openid'], 'openid email'],
  ])('takes its scopes as a string or a list: %j', async (scope, said) => {
    await start({ route: { scope } });
    expect(answer(await request(api.app).get('/api'))).toEqual([
      401,
      `Bearer realm="polar", scope="${said}"`,
    ]);
    expect((await api.get(api.tokens().accessToken)).status).toBe(200);
    expect((await api.get(api.tokens({ scope: 'openid' }).accessToken)).status).toBe(403);
  });

  const organization = (app: BearerApi, slug: string) =>
    app.tokens({ subType: 'organization', organization: slug });
  const slugs = async () => {
    const { accessToken } = api.tokens({ scope: 'organizations:read' });
    const found = await fetch(`${api.emulator.apiURL}/v1/organizations/`, {
      headers: { authorization: `Bearer ${accessToken}` },
    });
    const { items } = (await found.json()) as { items: { id: string; slug: string }[] };
    return items;
  };

  it('that names organizations accepts only tokens that are limited to them', async () => {
    let needed: string | string[] = [];
    await start({
      routes: (app, { passport }) =>
        app.get(
          '/organization',
          (req, res, next) =>
            passport.authenticate('polar-bearer', { session: false, organizations: needed })(req, res, next),
          answerUser,
        ),
    });
    const [one, two] = await slugs();
    if (one === undefined || two === undefined) throw new Error('ada has two organizations');
    const limited = api.tokens({ organization: one.slug }).accessToken;
    const unlimited = api.tokens().accessToken;
    const legacy = organization(api, one.slug).accessToken;
    const statuses = async (wanted: string | string[]) => {
      needed = wanted;
      return Promise.all(
        [limited, legacy, unlimited].map(async (token) => (await api.get(token, '/organization')).status),
      );
    };
    expect(await statuses(one.id)).toEqual([200, 200, 403]);
    expect(await statuses([one.id])).toEqual([200, 200, 403]);
    expect(await statuses(two.id)).toEqual([403, 403, 403]);
    expect(await statuses([one.id, two.id])).toEqual([403, 403, 403]);
    expect(await statuses([])).toEqual([200, 200, 200]);
    needed = two.id;
    expect(answer(await api.get(limited, '/organization'))).toEqual([
      403,
      'Bearer realm="polar", error="insufficient_scope", error_description="The access token is not limited to this organization"',
    ]);
    const { user } = (await api.get(legacy, '/api')).body;
    expect([user.id, user.subType, user.organizations]).toEqual([one.id, 'organization', [one.id]]);
  });

  it('cannot drop the organizations that the strategy requires', async () => {
    await start({ strategy: { organizations: ['somewhere'] }, route: { organizations: [] } });
    expect((await api.get(api.tokens().accessToken)).status).toBe(403);
  });

  it.each([
    { scope: 'a"b' },
    { scope: ['a\r\nSet-Cookie: x'] },
    { scope: 7 },
    { scope: null },
    { scopes: 'openid' },
    { organization: 'x' },
    { organizations: {} },
  ])('with an invalid requirement rejects every request: %j', async (route) => {
    await start({ route });
    expect((await api.get(api.tokens().accessToken)).body.code).toBe('invalid_option');
    expect((await request(api.app).get('/api')).status).toBe(500);
  });

  it('does not see what an earlier request did to its user', async () => {
    await start({
      routes: (app, { passport }) =>
        app.post('/greedy', passport.authenticate('polar-bearer', { session: false }), (req, res) => {
          const { organizations, scopes } = req.user as never as Record<string, string[]>;
          scopes?.push('orders:write');
          organizations?.push('everywhere');
          res.json({});
        }),
      route: { scope: 'orders:write' },
    });
    const { accessToken } = api.tokens();
    await request(api.app).post('/greedy').set('authorization', `Bearer ${accessToken}`).expect(200);
    expect((await api.get(accessToken)).status).toBe(403);
    expect(api.introspections()).toBe(1);
  });
});

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
    expect(body.message).toMatch(/Check clientID and clientSecret/);
    expect(body.message).not.toContain('polar_cs_wrong');
  });

  it('with an HTML page is reported as malformed_response', async () => {
    await start();
    api.emulator.fail('introspect', 'html');
    expect((await api.get(api.tokens().accessToken)).body.code).toBe('malformed_response');
  });
});

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
    expect(answer(await api.get(api.tokens().accessToken))).toEqual([
      401,
      'Bearer realm="polar", error="invalid_token", error_description="The access token was refused"',
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
    expect([status, body.message]).toEqual([500, expect.stringContaining('is no error')]);
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

describe('PolarBearerStrategy beside session logins', () => {
  const startBoth = (route: object = {}, shared: object = {}) =>
    startTestApp({
      routes: (server, { client, emulator, passport }) => {
        const { clientID, clientSecret } = client;
        passport.use(
          new PolarBearerStrategy({ clientID, clientSecret, server: emulator.server, now: emulator.now }),
        );
        server.get('/api', passport.authenticate('polar-bearer', route), answerUser);
        const bearer = passport.authenticate('polar-bearer', { session: false });
        server.get(
          '/either',
          (req, res, next) => (req.isAuthenticated() ? next() : bearer(req, res, next)),
          answerUser,
        );
        server.get('/shared', passport.authenticate(['polar-bearer', 'polar'], shared), answerUser);
        server.get('/array', passport.authenticate(['polar-bearer', 'polar']), answerUser);
        server.get(
          '/callback-form',
          (req, res, next) =>
            passport.authenticate('polar-bearer', (error: unknown, user: Express.User) =>
              error ? next(error) : req.logIn(user, next),
            )(req, res, next),
          answerUser,
        );
        server.get('/throws', (req, res, next) =>
          passport.authenticate('polar-bearer', (error: Error | null) => {
            if (error) return next(error);
            throw new Error('thrown by the app');
          })(req, res, next),
        );
      },
    });
  const bearerOf = (app: Awaited<ReturnType<typeof startBoth>>) =>
    `Bearer ${app.emulator.issueTokens({ clientID: app.client.clientID, user: 'grace@example.com' }).accessToken}`;

  it('serves routes that accept either, and sends people without a token to log in', async () => {
    const app = await startBoth();
    const browser = app.browser();
    const token = bearerOf(app);
    for (const path of ['/either', '/array']) {
      const got = await request(app.url).get(path).set('authorization', token);
      expect([got.status, got.body.user.provider, got.headers['set-cookie']]).toEqual([
        200,
        'polar',
        undefined,
      ]);
    }
    expect((await browser.get('/either')).status).toBe(401);
    expect((await browser.get('/array')).headers['location']).toContain('/oauth2/authorize?');
    await browser.logIn();
    expect((await browser.get('/either')).body.user.emails[0].value).toBe('ada@example.com');
    await app.close();
  });

  it.each<[string, object]>([
    ['scope', { scope: ['openid', 'email'] }],
    ['session', { session: false }],
    ['subType', { subType: 'organization' }],
    ['prompt', { prompt: 'login' }],
    ['callbackURL', { callbackURL: '/auth/polar/callback' }],
    ['returnTo', { returnTo: '/page' }],
    ['appState', { appState: { cart: 7 } }],
    ['state', { state: { cart: 7 } }],
    ['login_hint', { login_hint: 'ada@example.com' }],
    ['authorizationParams', { authorizationParams: { ui_locales: 'de' } }],
    ['failWithError', { failWithError: true }],
  ])('accepts the option %s of the login strategy on a shared route', async (_name, options) => {
    const app = await startBoth({}, options);
    const got = await request(app.url).get('/shared').set('authorization', bearerOf(app));
    expect(got.status).toBe(200);
    const login = await app.browser().startLogin('/shared');
    expect(login.pathname).toBe('/oauth2/authorize');
    await app.close();
  });

  it('requires tokens limited to the organizations of a shared route, and suggests these to people', async () => {
    const shared = { organizations: [] as string[] };
    const app = await startBoth({}, shared);
    const tokenOf = (organization?: string) => {
      const { clientID } = app.client;
      const wanted = { clientID, user: 'ada@example.com', ...(organization && { organization }) };
      return `Bearer ${app.emulator.issueTokens(wanted).accessToken}`;
    };
    const at = (path: string, token: string) => request(app.url).get(path).set('authorization', token);
    const limited = tokenOf('acme');
    shared.organizations = (await at('/api', limited)).body.user.organizations;
    expect(shared.organizations).toHaveLength(1);
    expect((await at('/shared', limited)).status).toBe(200);
    expect((await at('/shared', tokenOf())).status).toBe(302);
    shared.organizations = [...shared.organizations, 'another'];
    const login = await app.browser().startLogin('/shared');
    expect(login.searchParams.get('organizations')).toBe(shared.organizations.join(','));
    await app.close();
  });

  it.each<[object, RegExp]>([
    [{ organization: 'id' }, /'organization': its name is organizations/],
    [{ scopes: 'orders:read' }, /'scopes'.*scope/],
    [{ organisations: ['id'] }, /'organisations'\. Did you mean organizations\?/],
    [{ scpoe: 'orders:read' }, /'scpoe'\. Did you mean scope\?/],
    [{ organizations: 7 }, /organizations must be a list/],
    [{ organizations: '' }, /organizations must not be empty/],
  ])('rejects a route requirement that would protect nothing: %j', async (route, message) => {
    const app = await startBoth(route);
    const got = await request(app.url).get('/api').set('authorization', bearerOf(app));
    expect([got.status, got.body.code]).toEqual([500, 'invalid_option']);
    expect(got.body.message).toMatch(message);
    await app.close();
  });

  it('starts no session unless the route asks for one', async () => {
    const app = await startBoth();
    const got = await request(app.url).get('/api').set('authorization', bearerOf(app));
    expect([got.status, got.headers['set-cookie']]).toEqual([200, undefined]);
    expect(Object.keys(app.store['sessions' as never])).toHaveLength(0);
    const asked = await request(app.url).get('/callback-form').set('authorization', bearerOf(app));
    expect(asked.headers['set-cookie']).toBeDefined();
    await app.close();
    const other = await startBoth({ session: true });
    const wanted = await request(other.url).get('/api').set('authorization', bearerOf(other));
    expect(wanted.headers['set-cookie']).toBeDefined();
    await other.close();
  });

  it('passes on what the app throws in a custom callback', async () => {
    const app = await startBoth();
    const got = await request(app.url).get('/throws').set('authorization', bearerOf(app));
    expect([got.status, got.body.message]).toEqual([500, 'thrown by the app']);
    await app.close();
  });

  it('does not cache the refusal of a token that Polar has not committed yet', async () => {
    const app = await startTestApp({
      emulator: { realistic: { commitLagMs: 900 } },
      routes: (server, { client, emulator, passport }) => {
        const { clientID, clientSecret } = client;
        passport.use(new PolarBearerStrategy({ clientID, clientSecret, server: emulator.server }));
        server.get('/api', passport.authenticate('polar-bearer', { session: false }), answerUser);
      },
    });
    const browser = await app.loggedInBrowser();
    const token = await browser.token();
    const status = async () =>
      (await request(app.url).get('/api').set('authorization', `Bearer ${token}`)).status;
    const statuses = [await status()];
    for (const giveUpAt = Date.now() + 4000; statuses.at(-1) !== 200 && Date.now() < giveUpAt; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      statuses.push(await status());
    }
    expect([statuses[0], statuses.at(-1)]).toEqual([401, 200]);
    await app.close();
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
      expect(make(change)).toThrow(/needs clientSecret: Polar lets public clients introspect nothing/);
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
    [{ passReqToCallback: true }, "no option 'passReqToCallback': the verify callback gets one object"],
    [{ session: false }, "no option 'session': give it to passport.authenticate('polar-bearer'"],
    [{ audience: 'x' }, "no option 'audience': only tokens of the clientID"],
    [{ issuer: 'https://polar.sh' }, "no option 'issuer': server names"],
    [{ jwksURI: 'https://polar.sh' }, "no option 'jwksURI': Polar's access tokens are not JWTs"],
    [{ callbackUrl: '/cb' }, "no option 'callbackUrl'. Did you mean callbackURL?"],
    [{ organisations: ['x'] }, "no option 'organisations'. Did you mean organizations?"],
    [{ name: '' }, 'name'],
    [{ now: 7 }, 'now'],
    [{ clientID: '' }, 'clientID'],
    [{ server: 'staging' }, 'server'],
  ])('names the invalid option: %j', (change, message) => {
    expect(make(change)).toThrow(TypeError);
    expect(make(change)).toThrow(message);
  });

  it.each([7, (_a: unknown, _b: unknown, _c: unknown) => false])(
    'requires a verify callback with one parameter: %s',
    (verify) => {
      expect(make({}, verify)).toThrow('verify callback of PolarBearerStrategy');
    },
  );

  it('requires options', () => {
    expect(() => new PolarBearerStrategy(undefined as never)).toThrow('needs an object of options');
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
    expect(answer(await request(api.app).get('/api'))).toEqual([401, 'Bearer realm="orders of Ada"']);
  });

  it('hides its secret', () => {
    const strategy = make({ clientSecret: 'polar_cs_hidden' })();
    expect(inspect(strategy, { depth: 9, showHidden: true }) + JSON.stringify(strategy)).not.toContain(
      'hidden',
    );
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
