/** Several strategies in one app: a login ends with the session, whichever strategy it came from. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type express from 'express';
import { logout, PolarStrategy, type PolarStrategyOptions, polarTokens } from 'passport-polar-sh';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import type { Browser } from '../support/browser.js';
import { keepSessions } from '../support/keep-sessions.js';
import { siblingStrategy } from '../support/sibling.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
let second: PolarEmulator;
afterEach(async () => {
  await app.close();
  await second.close();
});

const strategyOf = (name: string, emulator: PolarEmulator, url: string): PolarStrategy => {
  const { clientID, clientSecret } = emulator.registerClient({
    redirectURIs: [`${url}/auth/${name}/callback`, `${url}/connect/${name}/callback`],
  });
  const options: PolarStrategyOptions = {
    clientID,
    clientSecret,
    callbackURL: `/auth/${name}/callback`,
    server: emulator.server,
    now: emulator.now,
    name,
  };
  return new PolarStrategy(options);
};

/** The usual app with a second strategy for another Polar, such as a sandbox beside the real one. */
async function start(callback: TestAppOptions['callback'] = {}): Promise<Browser> {
  second = await startPolarEmulator({ consent: 'auto' });
  app = await startTestApp({
    callback,
    routes: (server, { passport: authenticator, polar, url }) => {
      const other = strategyOf('sandbox', second, url);
      authenticator.use(other);
      server.get('/auth/sandbox', authenticator.authenticate('sandbox'));
      server.get(
        '/auth/sandbox/callback',
        authenticator.authenticate('sandbox', { successRedirect: '/', ...callback }),
      );
      const link = authenticator.authorize('sandbox', {
        callbackURL: '/connect/sandbox/callback',
      }) as express.RequestHandler;
      server.get('/connect/sandbox', link);
      server.get('/connect/sandbox/callback', link, (_req, res) => void res.json({}));
      server.get('/sandbox/token', polarTokens(other), async (req, res) => {
        res.json({ accessToken: await req.polar.getAccessToken() });
      });
      server.post('/logout', logout(polar, { redirectTo: '/' }));
      server.post('/logout/sandbox', logout(other, { redirectTo: '/' }));
    },
  });
  return app.loggedInBrowser();
}

/** Logs in with both strategies in one session: the second account is linked. */
async function startWithBoth(): Promise<Browser> {
  const browser = await start();
  expect((await browser.logIn('/connect/sandbox')).status).toBe(200);
  expect((await browser.get('/token')).status).toBe(200);
  expect((await browser.get('/sandbox/token')).body.accessToken).toBe(second.liveTokens()[0]?.accessToken);
  return browser;
}

describe('a logout', () => {
  it.each(['/logout', '/logout/sandbox'])(
    'with %s ends the logins of both strategies, and revokes the tokens of both',
    async (path) => {
      const browser = await startWithBoth();
      const bringBack = keepSessions(app.store, browser);
      await browser.post(path).expect(302);
      expect(app.emulator.liveTokens()).toEqual([]);
      expect(second.liveTokens()).toEqual([]);
      // A session that is written back restores neither of them.
      bringBack();
      expect((await browser.get('/me')).body.user).not.toBeNull();
      for (const token of ['/token', '/sandbox/token']) {
        const { status, body } = await browser.get(token);
        expect([status, body.code]).toEqual([401, 'logged_out']);
      }
    },
  );
});

it('two strategies can share a callback route, which tries them in turn', async () => {
  second = await startPolarEmulator({ consent: 'auto' });
  app = await startTestApp({
    routes: (server, { passport: authenticator, url }) => {
      const { clientID, clientSecret } = second.registerClient({
        redirectURIs: [`${url}/auth/polar/callback`],
      });
      const shared = { callbackURL: '/auth/polar/callback', server: second.server, now: second.now };
      const other = new PolarStrategy({ clientID, clientSecret, name: 'sandbox', ...shared });
      authenticator.use(other);
      server.get('/auth/sandbox', authenticator.authenticate('sandbox'));
      const both = authenticator.authenticate(['polar', 'sandbox'], { successRedirect: '/' });
      server.get('/auth/polar/callback', both);
      server.get('/sandbox/token', polarTokens(other), async (req, res) => {
        res.json({ accessToken: await req.polar.getAccessToken() });
      });
    },
  });
  const browser = app.browser();
  expect((await browser.logIn('/auth/polar')).headers['location']).toBe('/');
  await browser.get('/token').expect(200);
  expect((await browser.logIn('/auth/sandbox')).headers['location']).toBe('/');
  await browser.get('/sandbox/token').expect(200);
});

describe('a new login', () => {
  it.each([{}, { keepSessionInfo: true }])(
    'with one strategy ends that of the other, and leaves nothing of it in the session (%j)',
    async (callback) => {
      const browser = await start(callback);
      const before = await browser.token();
      const bringBack = keepSessions(app.store, browser);
      await browser.logIn('/auth/sandbox');
      await until(() => app.emulator.liveTokens().length === 0);
      expect((await browser.get('/session')).body).not.toHaveProperty('polar');
      expect((await browser.get('/token')).body.code).toBe('not_logged_in');
      expect((await browser.get('/sandbox/token')).body.accessToken).toBe(
        second.liveTokens()[0]?.accessToken,
      );
      bringBack();
      const { status, body } = await browser.get('/token');
      expect([status, body.code]).toEqual([401, 'logged_out']);
      expect(before).toMatch(/^polar_at_/);
    },
  );
});

describe('many strategies', () => {
  it('may be created, one for each tenant, and a logout still ends the login of one that is in use', async () => {
    const browser = await startWithBoth();
    for (let tenant = 0; tenant < 1500; tenant++) {
      new PolarStrategy({
        clientID: `tenant-${tenant}`,
        clientSecret: 's',
        callbackURL: '/cb',
        server: second.server,
      });
    }
    // The end is recorded even if the strategy of the login is evicted or gone.
    const bringBack = keepSessions(app.store, browser);
    await browser.post('/logout/sandbox').expect(302);
    expect(second.liveTokens()).toEqual([]);
    bringBack();
    expect((await browser.get('/sandbox/token')).body.code).toBe('logged_out');
    // The other strategy notices like another process: within a minute.
    app.emulator.advanceTime(60);
    await browser.get('/token');
    await until(async () => (await browser.get('/token')).body.code === 'logged_out');
  });

  it('of one client with different session keys end only their own logins', async () => {
    second = await startPolarEmulator();
    app = await startTestApp({
      routes: (server, parts) => {
        const { passport: authenticator, polar } = parts;
        const admin = siblingStrategy(parts, { name: 'admin' });
        authenticator.use(admin);
        server.get('/auth/admin', authenticator.authenticate('admin'));
        server.get('/admin/token', polarTokens(admin), async (req, res) => {
          res.json({ accessToken: await req.polar.getAccessToken() });
        });
        server.post('/logout', logout(polar, { redirectTo: '/' }));
      },
    });
    const browser = await app.loggedInBrowser();
    const bringBack = keepSessions(app.store, browser);
    await browser.post('/logout').expect(302);
    bringBack();
    // At once, as it was this strategy's own login.
    expect((await browser.get('/token')).body.code).toBe('logged_out');
    expect((await browser.get('/admin/token')).body.code).toBe('not_logged_in');
  });
});
