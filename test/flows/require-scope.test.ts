import { afterEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import { PolarConfigurationError, PolarStrategy, polarTokens, requireScope } from 'passport-polar-sh';
import request from 'supertest';
import type { Browser } from '../support/browser.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

const loginPath = '/auth/polar';
const answerScopes: express.RequestHandler = (req, res) =>
  void res.json({ scopes: [...req.polar.scopes].sort() });
const routes: TestAppOptions['routes'] = (server) => {
  server.use('/orders', requireScope('orders:read', { loginPath }), answerScopes);
  server.use('/products', requireScope(['products:read', 'orders:read'], { loginPath }), answerScopes);
  server.use('/customers', requireScope('customers:read customers:write', { loginPath }), answerScopes);
};
const start = async (options: TestAppOptions = {}) => {
  app = await startTestApp({ routes, ...options });
  return { app, browser: app.browser() };
};

const page = (browser: Browser, path: string) => browser.get(path).set('accept', 'text/html,*/*');
/** Opens a page that needs more scopes, and returns the authorize page to which it leads. */
async function sentToPolar(browser: Browser, path: string): Promise<URL> {
  const answer = await page(browser, path);
  expect(answer.status).toBe(303);
  return browser.startLogin(answer.headers['location'] as string);
}
const asked = (url: URL) => url.searchParams.get('scope')?.split(' ').sort();
const comeBack = async (browser: Browser, authorizeURL: URL) =>
  browser.get(await browser.visitPolar(authorizeURL));

describe('a page that needs more scopes than granted', () => {
  it('asks Polar for the granted and the needed scopes, and returns to where it was', async () => {
    const { browser } = await start();
    await browser.logIn();
    const first = await page(browser, '/orders?week=3');
    expect([first.status, first.headers['location']]).toEqual([
      303,
      '/auth/polar?return_to=%2Forders%3Fweek%3D3&scope=orders%3Aread',
    ]);
    const polar = await browser.startLogin(first.headers['location'] as string);
    expect(asked(polar)).toEqual(['email', 'openid', 'orders:read']);
    expect((await comeBack(browser, polar)).headers['location']).toBe('/orders?week=3');
    expect((await page(browser, '/orders?week=3')).body).toEqual({
      scopes: ['email', 'openid', 'orders:read'],
    });

    const more = await sentToPolar(browser, '/customers');
    expect(asked(more)).toEqual(['customers:read', 'customers:write', 'email', 'openid', 'orders:read']);
    await comeBack(browser, more);
    expect((await page(browser, '/customers')).status).toBe(200);
    expect((await page(browser, '/orders')).status).toBe(200);
    expect(app?.emulator.liveTokens()).toHaveLength(1);
  });

  it('asks a visitor who is not logged in to grant everything at once', async () => {
    const { browser } = await start();
    const polar = await sentToPolar(browser, '/products');
    expect(asked(polar)).toEqual(['email', 'openid', 'orders:read', 'products:read']);
    expect((await comeBack(browser, polar)).headers['location']).toBe('/products');
    expect((await page(browser, '/products')).status).toBe(200);
  });

  it('keeps the scopes that a login route asks for', async () => {
    const { browser } = await start({
      routes: (server, parts) => {
        server.get('/less', parts.passport.authenticate('polar', { scope: ['wallets:read'] }));
        routes?.(server, parts);
      },
    });
    await browser.logIn('/less');
    const polar = await sentToPolar(browser, '/orders');
    expect(asked(polar)).toEqual(['email', 'openid', 'orders:read', 'wallets:read']);
  });

  it('sends a form post to log in, without a page to return to', async () => {
    const { browser } = await start();
    await browser.logIn();
    const answer = await browser.post('/orders').set('accept', 'text/html');
    expect([answer.status, answer.headers['location']]).toEqual([303, `${loginPath}?scope=orders%3Aread`]);
    expect(asked(await browser.startLogin(answer.headers['location']))).toContain('orders:read');
  });

  it('writes nothing to the session, whether somebody is logged in or not', async () => {
    const { app, browser } = await start();
    const stored = () => JSON.stringify(app.store['sessions' as never]);
    const answer = await page(browser, '/orders');
    expect([answer.status, answer.headers['set-cookie']]).toEqual([303, undefined]);
    expect(stored()).toBe('{}');
    await browser.logIn();
    const before = stored();
    expect((await page(browser, '/orders')).status).toBe(303);
    expect(stored()).toBe(before);
  });
});

describe('a program that needs more scopes than granted', () => {
  it('gets a 403 that names the missing scopes, or a 401', async () => {
    const { app, browser } = await start();
    for (const accept of ['application/json', '*/*'])
      expect((await browser.get('/orders').set('accept', accept)).body.code).toBe('not_logged_in');
    await browser.logIn();
    const answer = await browser.get('/customers').set('accept', 'application/json');
    expect([answer.status, answer.body.code]).toEqual([403, 'insufficient_scope']);
    expect(answer.body.message).toMatch(/^Access requires the scope customers:read and customers:write,/);
    expect((app.errors.at(-1) as { scopes: string[] }).scopes).toEqual(['customers:read', 'customers:write']);
    expect((await browser.get('/session')).body).not.toHaveProperty('polarWantedScopes');
  });

  it('is told only the missing scopes', async () => {
    const { app, browser } = await start();
    await browser.logIn((await page(browser, '/orders')).headers['location']);
    await browser.get('/products').set('accept', 'application/json').expect(403);
    expect((app.errors.at(-1) as { scopes: string[] }).scopes).toEqual(['products:read']);
  });
});

describe('a page that needs a scope causes no redirect loop', () => {
  it('when Polar drops a scope that is not registered for the client', async () => {
    const { app, browser } = await start();
    app.emulator.updateClient(app.client.clientID, { scope: 'openid email products:read' });
    await browser.logIn();
    const polar = await sentToPolar(browser, '/orders');
    expect((await comeBack(browser, polar)).headers['location']).toBe('/orders');
    const answer = await page(browser, '/orders');
    expect([answer.status, answer.body.code]).toEqual([403, 'insufficient_scope']);
    expect(answer.body.message).toContain('register it for the client at Polar');
    // A scope that was not asked for yet is asked for, once.
    await comeBack(browser, await sentToPolar(browser, '/products'));
    expect((await page(browser, '/products')).status).toBe(403);
    expect((await page(browser, '/orders')).status).toBe(403);
  });

  it('when the person refuses, who can then log in without the scope', async () => {
    const { app, browser } = await start();
    await browser.logIn();
    app.emulator.consent = 'deny';
    const polar = await sentToPolar(browser, '/orders');
    expect((await comeBack(browser, polar)).headers['location']).toBe('/failed');
    expect((await browser.get('/failed')).status).toBe(200);
    expect(asked(await browser.startLogin())).toEqual(['email', 'openid']);
    // The login goes on.
    expect((await browser.get('/me')).body.scopes).toEqual(['openid', 'email']);
  });

  it('when Polar does not know the scope: an error follows, and logins work as before', async () => {
    const { browser } = await start({
      routes: (server) => server.get('/made-up', requireScope('made:up', { loginPath }), answerScopes),
    });
    await browser.logIn();
    const polar = await sentToPolar(browser, '/made-up');
    expect((await comeBack(browser, polar)).body.code).toBe('authorization_failed');
    expect((await browser.logIn()).headers['location']).toBe('/home');
  });
});

describe('a scope that a page needs', () => {
  it.each([{}, { keepSessionInfo: true }])('is asked for at one login only: %j', async (callback) => {
    const { browser } = await start({ callback });
    await browser.logIn();
    await comeBack(browser, await sentToPolar(browser, '/orders'));
    expect((await page(browser, '/orders')).status).toBe(200);
    expect(asked(await browser.startLogin())).toEqual(['email', 'openid']);
  });

  it('is asked for in each tab, and again if another tab came back later with less', async () => {
    const { browser } = await start();
    await browser.logIn();
    const tabs = [await sentToPolar(browser, '/orders'), await sentToPolar(browser, '/customers')] as const;
    expect((await comeBack(browser, tabs[0])).headers['location']).toBe('/orders');
    expect((await comeBack(browser, tabs[1])).headers['location']).toBe('/customers');
    const again = await sentToPolar(browser, '/orders');
    expect(asked(again)).toEqual(['customers:read', 'customers:write', 'email', 'openid', 'orders:read']);
    await comeBack(browser, again);
    for (const path of ['/orders', '/customers']) expect((await page(browser, path)).status).toBe(200);
  });

  it('is asked for only if a guard of the app names it, whatever the address says', async () => {
    const { browser } = await start();
    await browser.logIn();
    const address = '/auth/polar?scope=orders:write%20wallets:read&scope=members:read';
    expect(asked(await browser.startLogin(address))).toEqual(['email', 'openid']);
    expect(asked(await browser.startLogin('/auth/polar?scope=orders:write%20orders:read'))).toEqual([
      'email',
      'openid',
      'orders:read',
    ]);
    const sent = await page(browser, '/orders/x?return_to=//evil.example&scope=orders:write');
    const polar = await browser.startLogin(sent.headers['location'] as string);
    expect(asked(polar)).toEqual(['email', 'openid', 'orders:read']);
    expect((await comeBack(browser, polar)).headers['location']).toBe(
      '/orders/x?return_to=//evil.example&scope=orders:write',
    );
    const elsewhere = await page(browser, '//evil.example/orders');
    expect(elsewhere.status).toBe(404);
  });
});

describe('requireScope with passport.authorize', () => {
  it('links the account again with the needed scope', async () => {
    const { browser } = await start({
      routes: (server, parts) => {
        routes?.(server, parts);
        server.post('/password', (req, res, next) =>
          req.logIn({ id: 'local' } as Express.User, (error) => (error ? next(error) : res.json({}))),
        );
        server.get('/auth/polar', parts.passport.authorize('polar') as express.RequestHandler);
        server.get(
          '/auth/polar/callback',
          parts.passport.authorize('polar', { failureRedirect: '/failed' }) as express.RequestHandler,
          (req, res) => res.redirect((req.session as { returnTo?: string }).returnTo ?? '/'),
        );
      },
    });
    await browser.post('/password');
    await comeBack(browser, await browser.startLogin());
    const polar = await sentToPolar(browser, '/orders');
    expect(asked(polar)).toContain('orders:read');
    expect((await comeBack(browser, polar)).headers['location']).toBe('/orders');
    expect((await page(browser, '/orders')).status).toBe(200);
    expect((await browser.get('/me')).body.user.id).toBe('local');
  });
});

describe('two strategies side by side', () => {
  it('ask only for their own scopes', async () => {
    const { app, browser } = await start({
      callback: { keepSessionInfo: true },
      routes: (server, parts) => {
        routes?.(server, parts);
        const { emulator, passport, url } = parts;
        const { clientID, clientSecret } = emulator.registerClient({
          redirectURIs: [`${url}/auth/second/callback`],
        });
        const second = new PolarStrategy({
          name: 'second',
          clientID,
          clientSecret,
          callbackURL: '/auth/second/callback',
          server: emulator.server,
          now: emulator.now,
        });
        passport.use(second);
        server.get('/auth/second', passport.authorize('second') as express.RequestHandler);
        server.get(
          '/auth/second/callback',
          passport.authorize('second') as express.RequestHandler,
          (_req, res) => res.redirect('/'),
        );
        server.get(
          '/second',
          polarTokens(second),
          requireScope('products:read', { loginPath: '/auth/second' }),
          answerScopes,
        );
      },
    });
    await browser.logIn();
    await comeBack(browser, await browser.startLogin('/auth/second'));
    const second = await sentToPolar(browser, '/second');
    expect(asked(second)).toEqual(['email', 'openid', 'products:read']);
    await comeBack(browser, second);
    expect((await page(browser, '/second')).body).toEqual({ scopes: ['email', 'openid', 'products:read'] });
    await comeBack(browser, await sentToPolar(browser, '/orders'));
    expect((await page(browser, '/orders')).body).toEqual({ scopes: ['email', 'openid', 'orders:read'] });
    expect(app.errors).toEqual([]);
  });
});

describe('requireScope', () => {
  it('names what is missing in its options', () => {
    for (const scope of ['', ' ', []])
      expect(() => requireScope(scope, { loginPath })).toThrow('requireScope needs a scope');
    for (const scope of [undefined, null, 7, ['a"b'], [7]])
      expect(() => requireScope(scope as never, { loginPath })).toThrow(PolarConfigurationError);
    for (const options of [
      undefined,
      {},
      { loginPath: '//evil.example' },
      { loginPath: 'https://evil.example' },
    ])
      expect(() => requireScope('openid', options as never)).toThrow('requireScope needs loginPath');
  });

  it('says that polarTokens or the session is missing', async () => {
    const { app } = await start();
    const bare = (...before: express.RequestHandler[]) => {
      const server = express();
      server.get('/', ...before, requireScope('openid', { loginPath }));
      server.use(
        ((error, _req, res, _next) =>
          void res.status(500).json(error.message)) as express.ErrorRequestHandler,
      );
      return request(server).get('/').set('accept', 'text/html');
    };
    expect((await bare()).body).toMatch(/polarTokens/);
    expect((await bare(polarTokens(app.polar))).body).toMatch(/express-session/);
  });
});
