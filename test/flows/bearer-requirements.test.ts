/** Which tokens PolarBearerStrategy accepts: whose they are, and which scopes and organizations they cover. */
import { afterEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import {
  answerUser,
  type BearerApi,
  type BearerApiOptions,
  challenge,
  startBearerApi,
  unknownToken,
} from '../support/bearer-api.js';

let api: BearerApi;
const start = async (options?: BearerApiOptions) => {
  api = await startBearerApi(options);
};
afterEach(() => api?.emulator.close());

describe('a bearer token', () => {
  it('is refused if it is expired, revoked or unknown', async () => {
    await start();
    const revoked = api.tokens();
    api.emulator.revokeAll();
    for (const token of [api.tokens({ expired: true }).accessToken, revoked.accessToken, 'nonsense'])
      expect(challenge(await api.get(token))).toEqual([401, unknownToken]);
  });

  it('is refused if another client or another server issued it, and userinfo is never asked', async () => {
    await start();
    const other = api.emulator.registerClient({ redirectURIs: ['http://localhost/cb'] });
    const theirs = api.emulator.issueTokens({ clientID: other.clientID, user: 'ada@example.com' });
    expect(challenge(await api.get(theirs.accessToken))).toEqual([401, unknownToken]);
    const first = api;
    await start();
    expect(challenge(await api.get(first.tokens().accessToken))).toEqual([401, unknownToken]);
    for (const { emulator } of [first, api])
      expect(new Set(emulator.requests.map(({ endpoint }) => endpoint))).toEqual(new Set(['introspect']));
    await first.emulator.close();
  });

  it('is refused without a request if it is a refresh token, although Polar calls it active', async () => {
    await start();
    const got = await api.get(api.tokens().refreshToken ?? '');
    expect(challenge(got)).toEqual([
      401,
      'Bearer realm="polar", error="invalid_token", error_description="This is a refresh token, not an access token"',
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

  it('may be limited to an organization whose id a route spells in upper case', async () => {
    const id = 'abcdef00-2222-4222-8222-222222222222';
    const fetch = async () => Response.json({ ...ours, organizations: [id] });
    await start({ strategy: { clientID: 'c', fetch, organizations: id.toUpperCase() } });
    expect((await api.get('token')).status).toBe(200);
  });
});

describe('a route for bearer tokens', () => {
  const lacks = (scope: string) =>
    `Bearer realm="polar", error="insufficient_scope", error_description="The access token lacks a required scope", scope="${scope}"`;
  it('requires all scopes of the strategy and its own', async () => {
    await start({ strategy: { scope: 'openid' }, route: { scope: ['email', 'orders:read products:read'] } });
    const all = 'openid email orders:read products:read';
    expect((await api.get(api.tokens({ scope: all }).accessToken)).status).toBe(200);
    for (const missing of all.split(' ')) {
      const scope = all.replace(missing, '').trim();
      const got = await api.get(api.tokens({ scope }).accessToken);
      expect(challenge(got)).toEqual([403, lacks(all)]);
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
    expect(challenge(await request(api.app).get('/api'))).toEqual([
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
    expect(challenge(await api.get(limited, '/organization'))).toEqual([
      403,
      'Bearer realm="polar", error="insufficient_scope", error_description="The access token is not limited to this organization"',
    ]);
    const { user } = (await api.get(legacy, '/api')).body;
    expect([user.id, user.subType, user.organizations]).toEqual([one.id, 'organization', [one.id]]);
  });

  it('keeps refusals and failures out of caches, and leaves its own responses to the app', async () => {
    const shared = 'public, max-age=600';
    api = await startBearerApi({
      route: { scope: 'openid' },
      routes: (app) =>
        app.use((_req, res, next) => {
          res.set('Cache-Control', shared);
          next();
        }),
    });
    const answers = [
      await request(api.app).get('/api'),
      await api.get('polar_at_u_unknown'),
      await api.get(api.tokens({ scope: 'email' }).accessToken),
      await api.get(api.tokens().accessToken),
    ];
    api.emulator.fail('introspect', { status: 500 });
    answers.push(await api.get(api.tokens().accessToken));
    expect(answers.map(({ status, headers }) => [status, headers['cache-control']])).toEqual([
      [401, 'no-store'],
      [401, 'no-store'],
      [403, 'no-store'],
      [200, shared],
      [503, 'no-store'],
    ]);
  });

  it('cannot drop the organizations that the strategy requires', async () => {
    await start({
      strategy: { organizations: ['22222220-2222-4222-8222-222222222229'] },
      route: { organizations: [] },
    });
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
