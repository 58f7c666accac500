import { type IncomingMessage, request as send } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import { PolarStrategy, polarTokens, requireScope } from 'passport-polar-sh';
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
/** Opens a page that needs more, and resolves with the authorize page to which that leads. */
async function sentToPolar(browser: Browser, path: string): Promise<URL> {
  const answer = await page(browser, path);
  expect(answer.status).toBe(303);
  return browser.startLogin(answer.headers['location'] as string);
}
const asked = (url: URL) => url.searchParams.get('scope')?.split(' ').sort();
const comeBack = async (browser: Browser, authorizeURL: URL) =>
  browser.get(await browser.visitPolar(authorizeURL));

describe('a page that needs more than was granted', () => {
  it('asks Polar for all that was and for that, and comes back to where it was', async () => {
    const { browser } = await start();
    await browser.logIn();
    const first = await page(browser, '/orders?week=3');
    expect([first.status, first.headers['location']]).toEqual([
      303,
      '/auth/polar?return_to=%2Forders%3Fweek%3D3',
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

  it('has who is not logged in agree to everything at once', async () => {
    const { browser } = await start();
    const polar = await sentToPolar(browser, '/products');
    expect(asked(polar)).toEqual(['email', 'openid', 'orders:read', 'products:read']);
    expect((await comeBack(browser, polar)).headers['location']).toBe('/products');
    expect((await page(browser, '/products')).status).toBe(200);
  });

  it('keeps what a login route asks for', async () => {
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

  it('sends a form post to log in with nothing to come back to', async () => {
    const { browser } = await start();
    await browser.logIn();
    const answer = await browser.post('/orders').set('accept', 'text/html');
    expect([answer.status, answer.headers['location']]).toEqual([303, loginPath]);
    expect(asked(await browser.startLogin())).toContain('orders:read');
  });

  it('has saved what it wants before the browser is sent on', async () => {
    const { app, browser } = await start();
    await browser.logIn();
    const set = app.store.set.bind(app.store);
    let saving = 0;
    app.store.set = (id, value, done) => {
      saving++;
      setTimeout(() => {
        saving--;
        set(id, value, done);
      }, 100);
    };
    const cookie = (
      browser.agent.jar.getCookies({
        domain: '127.0.0.1',
        path: '/',
        script: false,
        secure: false,
      }) as unknown as { toValueString(): string }[]
    ).map((each) => each.toValueString());
    const headers = { accept: 'text/html', cookie: cookie.join('; ') };
    const sent = await new Promise<IncomingMessage>((resolve, reject) => {
      send(`${app.url}/orders`, { headers }, resolve).on('error', reject).end();
    });
    expect([sent.statusCode, saving]).toEqual([303, 0]);
    sent.resume();
  });
});

describe('other requests', () => {
  it('get a 403 that names what is missing, or a 401', async () => {
    const { app, browser } = await start();
    for (const accept of ['application/json', '*/*'])
      expect((await browser.get('/orders').set('accept', accept)).body.code).toBe('not_logged_in');
    await browser.logIn();
    const answer = await browser.get('/customers').set('accept', 'application/json');
    expect([answer.status, answer.body.code]).toEqual([403, 'insufficient_scope']);
    expect(answer.body.message).toMatch(/^This needs the scope customers:read and customers:write,/);
    expect((app.errors.at(-1) as { scopes: string[] }).scopes).toEqual(['customers:read', 'customers:write']);
    expect((await browser.get('/session')).body).not.toHaveProperty('polarWantedScopes');
  });

  it('name only what is missing', async () => {
    const { app, browser } = await start();
    await browser.logIn((await page(browser, '/orders')).headers['location']);
    await browser.get('/products').set('accept', 'application/json').expect(403);
    expect((app.errors.at(-1) as { scopes: string[] }).scopes).toEqual(['products:read']);
  });
});

describe('no redirect loop', () => {
  it('when Polar drops a scope that is not registered for the client', async () => {
    const { app, browser } = await start();
    app.emulator.updateClient(app.client.clientID, { scope: 'openid email products:read' });
    await browser.logIn();
    const polar = await sentToPolar(browser, '/orders');
    expect((await comeBack(browser, polar)).headers['location']).toBe('/orders');
    const answer = await page(browser, '/orders');
    expect([answer.status, answer.body.code]).toEqual([403, 'insufficient_scope']);
    expect(answer.body.message).toContain('register it for the client at Polar');
    // One that was not asked for yet is asked for, once.
    await comeBack(browser, await sentToPolar(browser, '/products'));
    expect((await page(browser, '/products')).status).toBe(403);
    expect((await page(browser, '/orders')).status).toBe(403);
  });

  it('when the person says no, who can log in without the scope afterwards', async () => {
    const { app, browser } = await start();
    await browser.logIn();
    app.emulator.consent = 'deny';
    const polar = await sentToPolar(browser, '/orders');
    expect((await comeBack(browser, polar)).headers['location']).toBe('/failed');
    expect((await browser.get('/failed')).status).toBe(200);
    expect((await browser.get('/session')).body).not.toHaveProperty('polarWantedScopes');
    expect(asked(await browser.startLogin())).toEqual(['email', 'openid']);
    // Their login goes on.
    expect((await browser.get('/me')).body.scopes).toEqual(['openid', 'email']);
  });

  it('when Polar does not know the scope: an error, and logins work as before', async () => {
    const { browser } = await start({
      routes: (server) => server.get('/made-up', requireScope('made:up', { loginPath }), answerScopes),
    });
    await browser.logIn();
    const polar = await sentToPolar(browser, '/made-up');
    expect((await comeBack(browser, polar)).body.code).toBe('authorization_failed');
    expect((await browser.logIn()).headers['location']).toBe('/home');
  });
});

describe('what is wanted', () => {
  it.each([{}, { keepSessionInfo: true }])('is forgotten after the login: %j', async (callback) => {
    const { browser } = await start({ callback });
    await browser.logIn();
    const polar = await sentToPolar(browser, '/orders');
    expect((await browser.get('/session')).body.polarWantedScopes).toHaveProperty('polar');
    await comeBack(browser, polar);
    expect((await browser.get('/session')).body).not.toHaveProperty('polarWantedScopes');
    expect((await page(browser, '/orders')).status).toBe(200);
    expect(asked(await browser.startLogin())).toEqual(['email', 'openid']);
  });

  it('is forgotten after ten minutes', async () => {
    const { app, browser } = await start();
    await browser.logIn();
    await page(browser, '/orders').expect(303);
    app.emulator.advanceTime(599);
    expect(asked(await browser.startLogin())).toContain('orders:read');
    app.emulator.advanceTime(2);
    expect(asked(await browser.startLogin())).toEqual(['email', 'openid']);
    await page(browser, '/products').expect(303);
    expect(asked(await browser.startLogin())).toEqual(['email', 'openid', 'orders:read', 'products:read']);
  });

  it('adds up over tabs, so that the last login to come back has it all', async () => {
    const { browser } = await start();
    await browser.logIn();
    const one = (await page(browser, '/orders')).headers['location'] as string;
    const two = (await page(browser, '/customers')).headers['location'] as string;
    const tabs = [await browser.startLogin(one), await browser.startLogin(two)] as const;
    for (const tab of tabs)
      expect(asked(tab)).toEqual(expect.arrayContaining(['orders:read', 'customers:read']));
    expect((await comeBack(browser, tabs[1])).headers['location']).toBe('/customers');
    expect((await comeBack(browser, tabs[0])).headers['location']).toBe('/orders');
    for (const path of ['/orders', '/customers']) expect((await page(browser, path)).status).toBe(200);
  });

  it('does not grow, whatever an app asks for', async () => {
    const { browser } = await start({
      routes: (server) =>
        server.get('/any/:scope', (req, res, next) =>
          requireScope(
            Array.from({ length: 30 }, (_, index) => `${req.params['scope']}:${index}`),
            { loginPath },
          )(req, res, next),
        ),
    });
    await browser.logIn();
    for (let index = 0; index < 10; index++) await page(browser, `/any/x${index}`).expect(303);
    for (let index = 0; index < 10; index++) await page(browser, '/any/x9').expect(303);
    const { scopes } = (await browser.get('/session')).body.polarWantedScopes.polar;
    expect(scopes).toHaveLength(200);
    expect(scopes).toContain('x9:29');
  });

  it('cannot be smuggled in through the address', async () => {
    const { browser } = await start();
    await browser.logIn();
    const address =
      '/auth/polar?scope=orders:write&polarWantedScopes[polar][scopes][]=orders:write&wanted=orders:write';
    expect(asked(await browser.startLogin(address))).toEqual(['email', 'openid']);
    const sent = await page(browser, '/orders/x?return_to=//evil.example&scope=orders:write');
    const polar = await browser.startLogin(sent.headers['location'] as string);
    expect(asked(polar)).toEqual(['email', 'openid', 'orders:read']);
    expect((await comeBack(browser, polar)).headers['location']).toBe(
      '/orders/x?return_to=//evil.example&scope=orders:write',
    );
    const elsewhere = await page(browser, '//evil.example/orders');
    expect(elsewhere.status).toBe(404);
  });

  it.each([
    7,
    'text',
    [],
    { polar: 7 },
    { polar: { scopes: 'x', at: 1 } },
    { polar: { scopes: [7], at: Date.now() } },
  ])('is left out where the session has something else there: %j', async (value) => {
    const { browser } = await start({
      routes: (server, parts) => {
        server.post(
          '/tamper',
          (req, res) => void res.json(Object.assign(req.session, { polarWantedScopes: value })),
        );
        routes?.(server, parts);
      },
    });
    await browser.logIn();
    await browser.post('/tamper');
    expect(asked(await browser.startLogin())).toEqual(['email', 'openid']);
    expect(asked(await sentToPolar(browser, '/orders'))).toContain('orders:read');
  });
});

describe('with passport.authorize', () => {
  it('links again, with what is needed', async () => {
    const { browser } = await start({
      routes: (server, parts) => {
        routes?.(server, parts);
        server.post('/password', (req, res, next) =>
          req.logIn({ id: 'local' } as Express.User, (error) => (error ? next(error) : res.json({}))),
        );
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
    expect((await browser.get('/session')).body).not.toHaveProperty('polarWantedScopes');
  });
});

describe('two strategies side by side', () => {
  it('each want for themselves', async () => {
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
        server.get('/auth/second', passport.authenticate('second'));
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
    await page(browser, '/orders').expect(303);
    const second = await sentToPolar(browser, '/second');
    expect(asked(second)).toEqual(['email', 'openid', 'products:read']);
    expect(asked(await browser.startLogin())).toEqual(['email', 'openid', 'orders:read']);
    await comeBack(browser, second);
    expect((await page(browser, '/second')).body).toEqual({ scopes: ['email', 'openid', 'products:read'] });
    expect(Object.keys((await browser.get('/session')).body.polarWantedScopes)).toEqual(['polar']);
    await comeBack(browser, await sentToPolar(browser, '/orders'));
    expect((await page(browser, '/orders')).body).toEqual({ scopes: ['email', 'openid', 'orders:read'] });
    expect(app.errors).toEqual([]);
  });
});

describe('when it is set up wrong', () => {
  it('names what it needs', () => {
    for (const scope of ['', ' ', []])
      expect(() => requireScope(scope, { loginPath })).toThrow('requireScope needs a scope');
    for (const scope of [undefined, null, 7, ['a"b'], [7]])
      expect(() => requireScope(scope as never, { loginPath })).toThrow(TypeError);
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
