import { afterEach, describe, expect, it } from '@jest/globals';
import { logout, PolarOAuthClient, type PolarStrategyOptions } from 'passport-polar-sh';
import type { PolarEmulator } from 'passport-polar-sh/emulator';
import type { Browser } from '../support/browser.js';
import { refreshesAt, requestsTo } from '../support/emulator-requests.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

const scope = ['openid', 'email', 'organizations:read'];
const start = async (options: TestAppOptions = {}) => {
  app = await startTestApp({
    ...options,
    strategy: { scope, ...options.strategy },
    routes: (server, parts) => {
      server.get('/organizations', async (req, res) => void res.json(await req.polar.organizations()));
      server.get('/of/:loginId', async (req, res) => {
        res.json(await parts.polar.tokensFor(req.params.loginId).organizations());
      });
      server.get('/login-id', (req, res) => void res.json(req.polar.loginId ?? null));
      server.get('/refresh', async (req, res) => {
        await req.polar.getTokens({ forceRefresh: true });
        res.json({});
      });
      server.post('/logout', logout(parts.polar, { redirectTo: '/' }));
      options.routes?.(server, parts);
    },
  });
  return app.browser();
};
const introspections = () => requestsTo(app.emulator, 'introspect').length;
const lists = () => app.emulator.requests.filter(({ path }) => path === '/v1/organizations/').length;
const organizations = async (browser: Browser) => (await browser.get('/organizations')).body;
/** Logs in and picks an organization. */
const logIn = async (browser: Browser, ...picked: string[]) => {
  const path = await app.emulator.authorize(await browser.startLogin(), { organizations: picked });
  return browser.get(path);
};

const acme = '22222220-2222-4222-8222-222222222222';
const engines = '22222221-2222-4222-8222-222222222222';
const onlyAcme = { organizations: [{ id: acme, name: 'acme', slug: 'acme' }], isLimited: true };
const all = {
  organizations: [
    { id: acme, name: 'acme', slug: 'acme' },
    { id: engines, name: 'Analytical Engines', slug: 'analytical-engines' },
  ],
  isLimited: false,
};

describe('req.polar.organizations()', () => {
  it('lists those to which the login is limited, and asks Polar once for all requests', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    expect(await Promise.all(Array.from({ length: 20 }, () => organizations(browser)))).toEqual(
      Array.from({ length: 20 }, () => onlyAcme),
    );
    expect([lists(), introspections()]).toEqual([1, 1]);
    app.emulator.advanceTime(31);
    await organizations(browser);
    expect([lists(), introspections()]).toEqual([2, 2]);
  });

  it('lists all organizations of the person if the login is not limited', async () => {
    const [limited, unlimited] = [await start(), app.browser()];
    await logIn(limited, 'acme');
    await logIn(unlimited);
    expect(await organizations(unlimited)).toEqual(all);
    expect(await organizations(limited)).toEqual(onlyAcme);
    const nobody = app.browser();
    await nobody.get(
      await app.emulator.authorize(await nobody.startLogin(), { user: 'katherine@example.com' }),
    );
    expect(await organizations(nobody)).toEqual({ organizations: [], isLimited: false });
  });

  it('reads every page', async () => {
    const many = Array.from({ length: 230 }, (_, index) => ({ slug: `org-${index}`, name: `No. ${index}` }));
    const browser = await start({
      emulator: { users: [{ email: 'ada@example.com', organizations: many }] },
    });
    await browser.logIn();
    const found = await organizations(browser);
    expect(found.organizations.map(({ slug }: { slug: string }) => slug).sort()).toEqual(
      many.map(({ slug }) => slug).sort(),
    );
    expect(lists()).toBe(3);
  });

  it('evicts its cache at the next login, the next token and the logout', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    expect(await organizations(browser)).toEqual(onlyAcme);
    await logIn(browser);
    expect(await organizations(browser)).toEqual(all);
    await browser.get('/refresh').expect(200);
    app.emulator.enforceSSO('acme');
    expect((await organizations(browser)).organizations).toEqual(all.organizations.slice(1));
    await browser.post('/logout');
    expect((await organizations(browser)).code).toBe('not_logged_in');
  });

  it('works after a refresh', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    await organizations(browser);
    app.emulator.advanceTime(864_000);
    expect(await organizations(browser)).toEqual(onlyAcme);
    expect([lists(), introspections()]).toEqual([2, 2]);
  });

  it('works for a public client, which Polar does not tell whether the login is limited', async () => {
    const browser = await start({ publicClient: true });
    expect((await organizations(browser)).code).toBe('not_logged_in');
    await logIn(browser, 'acme');
    expect(await organizations(browser)).toEqual({ organizations: onlyAcme.organizations });
    expect(introspections()).toBe(0);
  });

  it('names the scope that is missing', async () => {
    const browser = await start({ strategy: { scope: ['openid'] } });
    await browser.logIn();
    const { status, body } = await browser.get('/organizations');
    expect([status, body.code]).toEqual([403, 'insufficient_scope']);
    expect(body.message).toContain('organizations:read');
  });

  it('works with tokens that Polar has not committed yet', async () => {
    const browser = await start({ emulator: { realistic: { commitLagMs: 300 } } });
    await logIn(browser, 'acme');
    expect(await organizations(browser)).toEqual(onlyAcme);
    expect(introspections()).toBeLessThanOrEqual(2);
  });

  it('refreshes a token that Polar no longer knows', async () => {
    const answers: object[] = [{ active: false }];
    const browser = await start({
      strategy: {
        fetch: async (input, init) => {
          const forged = input.endsWith('/introspect') ? answers.shift() : undefined;
          return forged === undefined ? fetch(input, init) : Response.json(forged);
        },
      },
    });
    await logIn(browser, 'acme');
    const first = await browser.token();
    app.emulator.advanceTime(10);
    expect(await organizations(browser)).toEqual(onlyAcme);
    expect(await browser.token()).not.toBe(first);
    expect(introspections()).toBe(1);
  });

  it('requires a new login once Polar has ended it', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    app.emulator.advanceTime(60);
    app.emulator.revokeAll();
    const { status, body } = await browser.get('/organizations');
    expect([status, body.code]).toEqual([401, 'login_expired']);
    expect((await organizations(browser)).code).toBe('login_expired');
  });

  it.each(['/introspect', '/v1/organizations/?limit=100&page=1'])(
    'reports an error if %s keeps refusing good tokens, without a refresh for each request',
    async (refusing) => {
      const browser = await start({
        strategy: {
          fetch: async (input, init) => {
            if (!input.endsWith(refusing)) return fetch(input, init);
            const isIntrospection = refusing === '/introspect';
            return Response.json({ active: false }, { status: isIntrospection ? 200 : 401 });
          },
        },
      });
      await logIn(browser);
      const refreshes = () => refreshesAt(app.emulator);
      // A token this young may only be uncommitted, unless it is refused twice.
      expect((await organizations(browser)).code).toBe('login_expired');
      expect(refreshes()).toHaveLength(0);
      for (let index = 0; index < 5; index++)
        expect((await organizations(browser)).code).toBe('login_expired');
      expect(refreshes()).toHaveLength(1);
      app.emulator.advanceTime(10);
      expect((await organizations(browser)).code).toBe('login_expired');
      expect(refreshes()).toHaveLength(1);
    },
  );

  it.each([
    ['introspect', { status: 500 }, 503, 'server_error'],
    ['api', { status: 500 }, 503, 'server_error'],
    ['api', { status: 429, retryAfterSeconds: 7 }, 503, 'rate_limited'],
    ['api', 'half-body', 503, 'network_error'],
    ['api', 'huge-body', 502, 'response_too_large'],
    ['api', 'html', 502, 'malformed_response'],
  ] as const)(
    'reports an error while the endpoint %s fails with %j, and caches nothing',
    async (endpoint, fault, expected, code) => {
      const browser = await start();
      await logIn(browser, 'acme');
      app.emulator.fail(endpoint, fault);
      const { status, body } = await browser.get('/organizations');
      expect([status, body.code]).toEqual([expected, code]);
      app.emulator.advanceTime(10);
      expect(await organizations(browser)).toEqual(onlyAcme);
    },
  );

  it.each([
    ['no list', { items: 'x', pagination: { max_page: 1 } }],
    ['no pagination', { items: [] }],
    ['an organization without a name', { items: [{ id: acme, slug: 'acme' }], pagination: { max_page: 1 } }],
    ['a million pages', { items: [], pagination: { max_page: 1_000_000 } }],
  ])('reports a malformed response with %s', async (_what, body) => {
    const browser = await start({
      strategy: {
        fetch: async (input, init) =>
          input.includes('/v1/organizations/') ? Response.json(body) : fetch(input, init),
      },
    });
    await logIn(browser);
    const answer = await browser.get('/organizations');
    expect([answer.status, answer.body.code]).toEqual([502, 'malformed_response']);
  });

  it('times out on a response that does not end', async () => {
    const browser = await start({
      strategy: {
        timeoutMs: 2000,
        fetch: async (input, init) => {
          if (!input.includes('/v1/organizations/')) return fetch(input, init);
          const endless = new ReadableStream({ pull: () => new Promise(() => {}) });
          return new Response(endless, { headers: { 'content-type': 'application/json' } });
        },
      },
    });
    await logIn(browser);
    const { status, body } = await browser.get('/organizations');
    expect([status, body.code]).toEqual([503, 'timeout']);
  });

  it('returns a new list each time', async () => {
    const browser = await start({
      routes: (server) =>
        server.get('/greedy', async (req, res) => {
          const found = await req.polar.organizations();
          (found.organizations as unknown[]).push('everywhere');
          (found.organizations[0] as { name: string }).name = 'mine';
          res.json({});
        }),
    });
    await logIn(browser, 'acme');
    await browser.get('/greedy').expect(200);
    expect(await organizations(browser)).toEqual(onlyAcme);
  });
});

describe('a limit to organizations', () => {
  it('survives a refresh, and ends with a login without a page of Polar', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    await browser.get('/refresh').expect(200);
    expect(await organizations(browser)).toEqual(onlyAcme);
    app.emulator.consent = 'ask';
    await browser.logIn();
    expect(await organizations(browser)).toEqual(all);
  });
});

describe('tokensFor(loginId).organizations()', () => {
  it('returns the same outside a request', async () => {
    const strategy = { storage: inMemoryStorage(), encryptionKeys: ['k'.repeat(32)] };
    const browser = await start({ strategy });
    await logIn(browser, 'acme');
    const loginId = (await browser.get('/login-id')).body;
    expect((await app.browser().get(`/of/${loginId}`)).body).toEqual(onlyAcme);
    expect((await app.browser().get('/of/unknown')).body.code).toBe('not_logged_in');
  });
});

describe('a legacy token of an organization', () => {
  const owner = { email: 'solo@example.com', organizations: [{ id: acme, slug: 'solo', name: 'Solo Inc.' }] };
  const solo = { organizations: [{ id: acme, slug: 'solo', name: 'Solo Inc.' }], isLimited: true };
  /** Options whose next refresh returns a legacy token, as old logins have one. */
  const legacyAtRefresh = (
    emulator: () => PolarEmulator,
    clientID: () => string,
  ): Partial<PolarStrategyOptions> => {
    let hasOne = false;
    return {
      fetch: async (input, init) => {
        const isRefresh = String(init.body).includes('grant_type=refresh_token');
        if (!isRefresh || hasOne) return fetch(input, init);
        hasOne = true;
        const { accessToken, refreshToken, scope } = emulator().issueTokens({
          clientID: clientID(),
          user: owner.email,
          scope: 'openid email organizations:read',
          subType: 'organization',
        });
        return Response.json({
          token_type: 'Bearer',
          access_token: accessToken,
          refresh_token: refreshToken,
          expires_in: 3600,
          scope,
        });
      },
    };
  };

  it('counts as one organization, and a refresh turns it into a user token limited to that', async () => {
    const browser = await start({
      emulator: { users: [owner] },
      strategy: legacyAtRefresh(
        () => app.emulator,
        () => app.client.clientID,
      ),
    });
    await browser.logIn();
    app.emulator.advanceTime(864_000);
    expect(await browser.token()).toMatch(/^polar_at_o_/);
    expect(await organizations(browser)).toEqual(solo);
    expect((await browser.get('/me')).body.scopes).toContain('organizations:read');
    app.emulator.advanceTime(3600);
    expect(await browser.token()).toMatch(/^polar_at_u_/);
    expect(await organizations(browser)).toEqual(solo);
    app.emulator.advanceTime(3600);
    expect(await browser.token()).toMatch(/^polar_at_u_/);
  });

  it('has a profile with the slug of the organization, which Polar sends as its name', async () => {
    await start({ emulator: { users: [owner] } });
    const { clientID, clientSecret } = app.client;
    const { accessToken } = app.emulator.issueTokens({
      clientID,
      user: owner.email,
      subType: 'organization',
    });
    const profile = await new Promise((resolve, reject) =>
      app.polar.userProfile(accessToken, (error, found) => (error ? reject(error) : resolve(found))),
    );
    expect(profile).toEqual({
      provider: 'polar',
      id: acme,
      displayName: 'solo',
      _json: { sub: acme, name: 'solo' },
    });
    const client = new PolarOAuthClient({ clientID, clientSecret, server: app.emulator.server });
    expect(await client.introspect(accessToken)).toMatchObject({
      active: true,
      subType: 'organization',
      subject: acme,
    });
    expect(await client.userInfo(accessToken)).toMatchObject({ subject: acme, name: 'solo' });
  });
});
