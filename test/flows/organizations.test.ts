import { afterEach, describe, expect, it } from '@jest/globals';
import { PolarOAuthClient, type PolarStrategyOptions } from 'passport-polar-sh';
import type { PolarEmulator } from 'passport-polar-sh/emulator';
import type { Browser } from '../support/browser.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

const start = async (options: TestAppOptions = {}) => {
  app = await startTestApp({
    ...options,
    routes: (server, parts) => {
      server.get('/organizations', async (req, res) => void res.json(await req.polar.organizations()));
      server.get('/of/:loginId', async (req, res) => {
        res.json(await parts.polar.tokensFor(req.params.loginId).organizations());
      });
      server.get('/login-id', (req, res) => void res.json(req.polar.loginId ?? null));
      options.routes?.(server, parts);
    },
  });
  return app.browser();
};
const introspections = () => app.emulator.requests.filter(({ endpoint }) => endpoint === 'introspect').length;
const organizations = async (browser: Browser) => (await browser.get('/organizations')).body;
/** Logs in and picks an organization. */
const logIn = async (browser: Browser, ...picked: string[]) => {
  const path = await app.emulator.authorize(await browser.startLogin(), { organizations: picked });
  return browser.get(path);
};

const acme = '22222220-2222-4222-8222-222222222222';

describe('req.polar.organizations()', () => {
  it('names those to which the login is limited, and asks Polar once for all requests', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    expect(await Promise.all(Array.from({ length: 20 }, () => organizations(browser)))).toEqual(
      Array.from({ length: 20 }, () => [acme]),
    );
    expect(introspections()).toBe(1);
    app.emulator.advanceTime(31);
    await organizations(browser);
    expect(introspections()).toBe(2);
  });

  it('is empty for a login that is not limited, and per person', async () => {
    const [limited, unlimited] = [await start(), app.browser()];
    await logIn(limited, 'acme');
    await logIn(unlimited);
    expect(await organizations(unlimited)).toEqual([]);
    expect(await organizations(limited)).toEqual([acme]);
  });

  it('goes on after a refresh', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    await organizations(browser);
    app.emulator.advanceTime(864_000);
    expect(await organizations(browser)).toEqual([acme]);
    expect(introspections()).toBe(2);
  });

  it('says what is wrong to a public client, and to whoever is not logged in', async () => {
    const browser = await start({ publicClient: true });
    expect((await organizations(browser)).code).toBe('not_logged_in');
    await logIn(browser);
    const { status, body } = await browser.get('/organizations');
    expect([status, body.code]).toEqual([500, 'invalid_option']);
    expect(body.message).toMatch(/introspection only to clients with a clientSecret/);
    expect(introspections()).toBe(0);
  });

  it('works with tokens that Polar has not committed yet', async () => {
    const browser = await start({ emulator: { realistic: { commitLagMs: 300 } } });
    await logIn(browser, 'acme');
    expect(await organizations(browser)).toEqual([acme]);
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
    expect(await organizations(browser)).toEqual([acme]);
    expect(await browser.token()).not.toBe(first);
    expect(introspections()).toBe(1);
  });

  it('wants a new login once Polar has ended it', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    app.emulator.advanceTime(60);
    app.emulator.revokeAll();
    const { status, body } = await browser.get('/organizations');
    expect([status, body.code]).toEqual([401, 'login_expired']);
    expect((await organizations(browser)).code).toBe('login_expired');
  });

  it('that goes on calling good tokens inactive ends in an error, not in a refresh for each request', async () => {
    const browser = await start({
      strategy: {
        fetch: async (input, init) =>
          input.endsWith('/introspect') ? Response.json({ active: false }) : fetch(input, init),
      },
    });
    await logIn(browser);
    const refreshes = () => app.emulator.requests.filter(({ grantType }) => grantType === 'refresh_token');
    // A token this young may only be uncommitted; refused twice, it is not.
    expect((await organizations(browser)).code).toBe('login_expired');
    expect(refreshes()).toHaveLength(0);
    for (let index = 0; index < 5; index++) expect((await organizations(browser)).code).toBe('login_expired');
    expect(refreshes()).toHaveLength(1);
    app.emulator.advanceTime(10);
    expect((await organizations(browser)).code).toBe('login_expired');
    expect(refreshes()).toHaveLength(1);
  });

  it('is a 503 while Polar is down, and nobody is logged out', async () => {
    const browser = await start();
    await logIn(browser, 'acme');
    app.emulator.fail('introspect', { status: 500 });
    const { status, body } = await browser.get('/organizations');
    expect([status, body.code]).toEqual([503, 'server_error']);
    expect(await organizations(browser)).toEqual([acme]);
  });

  it('hands out a list of its own each time', async () => {
    const browser = await start({
      routes: (server) =>
        server.get('/greedy', async (req, res) => {
          ((await req.polar.organizations()) as string[]).push('everywhere');
          res.json({});
        }),
    });
    await logIn(browser, 'acme');
    await browser.get('/greedy').expect(200);
    expect(await organizations(browser)).toEqual([acme]);
  });
});

describe('outside a request', () => {
  it('tokensFor(loginId).organizations() tells the same', async () => {
    const strategy = { storage: inMemoryStorage(), encryptionKeys: ['k'.repeat(32)] };
    const browser = await start({ strategy });
    await logIn(browser, 'acme');
    const loginId = (await browser.get('/login-id')).body;
    expect((await app.browser().get(`/of/${loginId}`)).body).toEqual([acme]);
    expect((await app.browser().get('/of/unknown')).body.code).toBe('not_logged_in');
  });
});

describe('a legacy token of an organization itself', () => {
  const owner = { email: 'solo@example.com', organizations: [{ id: acme, slug: 'solo', name: 'Solo Inc.' }] };
  /** A strategy whose next refresh brings a legacy token, as old logins have one. */
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

  it('is one organization, and a refresh turns it into a token of the user, limited to that', async () => {
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
    expect(await organizations(browser)).toEqual([acme]);
    expect((await browser.get('/me')).body.scopes).toContain('organizations:read');
    app.emulator.advanceTime(3600);
    expect(await browser.token()).toMatch(/^polar_at_u_/);
    expect(await organizations(browser)).toEqual([acme]);
    app.emulator.advanceTime(3600);
    expect(await browser.token()).toMatch(/^polar_at_u_/);
  });

  it('has a profile with the name of the organization', async () => {
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
      displayName: 'Solo Inc.',
      _json: { sub: acme, name: 'Solo Inc.' },
    });
    const client = new PolarOAuthClient({ clientID, clientSecret, server: app.emulator.server });
    expect(await client.introspect(accessToken)).toMatchObject({
      active: true,
      subType: 'organization',
      subject: acme,
    });
    expect(await client.userInfo(accessToken)).toMatchObject({ subject: acme, name: 'Solo Inc.' });
  });
});
