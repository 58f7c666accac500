/** The app logs people in itself: later in the callback request or in another one, after its terms or a second factor. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { NextFunction, Request, Response } from 'express';
import { type LoginEnded, PolarStrategy, polarTokens, requireLogin, requireScope } from 'passport-polar-sh';
import { Browser } from '../support/browser.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
afterEach(() => app.close());

const callback = '/auth/polar/callback';
const logIn = (req: Request, res: Response, next: NextFunction, user: object, options = {}): void =>
  req.logIn(user as Express.User, options as never, (error) =>
    error ? next(error) : res.json({ in: true }),
  );
/** The app's users, found by the id in the session. */
const users = new Map<string, object>();
const remember = (req: Request, user: Express.User): void => {
  const { id } = user as { id: string };
  users.set(id, user);
  Object.assign(req.session, { waitingFor: id });
};
const terms = (ways: TestAppOptions['routes'], more: TestAppOptions = {}): TestAppOptions => ({
  ...more,
  routes: (server, parts) => {
    ways?.(server, parts);
    server.post('/accept', (req, res, next) => {
      const { waitingFor } = req.session as never as { waitingFor: string };
      logIn(req, res, next, users.get(waitingFor) ?? { id: 'nobody' }, req.query);
    });
    server.post('/password', (req, res, next) => logIn(req, res, next, { id: 'somebody else' }));
    server.get(
      '/page',
      requireLogin({ loginPath: '/auth/polar' }),
      (_req, res) => void res.json({ page: true }),
    );
  },
});
const withoutSession: TestAppOptions['routes'] = (server, { passport }) => {
  server.get(callback, passport.authenticate('polar', { session: false }), (req, res) => {
    remember(req, req.user as Express.User);
    res.redirect('/terms');
  });
};
const withOwnCallback: TestAppOptions['routes'] = (server, { passport }) => {
  server.get(callback, (req, res, next) => {
    passport.authenticate('polar', (error: unknown, user: Express.User) => {
      if (error) return next(error);
      remember(req, user);
      res.redirect('/terms');
    })(req, res, next);
  });
};

describe('req.logIn in the callback request', () => {
  it('after session: false keeps the tokens, as in NestJS apps', async () => {
    app = await startTestApp({
      routes: (server, { passport }) => {
        server.get(callback, passport.authenticate('polar', { session: false }), (req, res, next) =>
          logIn(req, res, next, req.user as object),
        );
        server.get(
          '/page',
          requireLogin({ loginPath: '/auth/polar' }),
          (_req, res) => void res.json({ page: true }),
        );
      },
    });
    const browser = app.browser();
    expect((await browser.logIn()).body).toEqual({ in: true });
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect((await browser.get('/page').set('accept', 'text/html')).body).toEqual({ page: true });
  });
});

it('tokens that a verify callback has seen stay alive with session: false, as it may have kept them', async () => {
  app = await startTestApp(terms(withoutSession, { verify: ({ profile }: { profile: object }) => profile }));
  const browser = await app.loggedInBrowser();
  app.emulator.advanceTime(601);
  await browser.get('/me');
  expect((await browser.get('/session')).body).not.toHaveProperty('polar (waiting)');
  await browser.logIn();
  await browser.post('/password');
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(app.emulator.liveTokens()).toHaveLength(2);
  await browser.logIn();
  await browser.post('/accept');
  expect(await browser.token()).toBe(app.emulator.liveTokens().at(-1)?.accessToken);
});

describe.each([
  ['session: false', withoutSession],
  ['a custom callback', withOwnCallback],
])('req.logIn in a later request, after %s', (_how, way) => {
  it.each(['', '?keepSessionInfo=true'])(
    'gives the tokens to the person who logged in with Polar (query: %j)',
    async (query) => {
      app = await startTestApp(terms(way));
      const browser = app.browser();
      expect((await browser.logIn()).headers['location']).toBe('/terms');
      // Until then nobody is logged in, whatever waits in the session.
      expect((await browser.get('/token')).body.code).toBe('not_logged_in');
      expect((await browser.get('/page').set('accept', 'text/html')).status).toBe(303);
      expect(app.emulator.liveTokens()).toHaveLength(1);
      expect((await browser.post(`/accept${query}`)).body).toEqual({ in: true });
      expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
      expect((await browser.get('/page').set('accept', 'text/html')).body).toEqual({ page: true });
      expect(Object.keys((await browser.get('/session')).body)).not.toContain('polar (waiting)');
      app.emulator.advanceTime(864_000);
      expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    },
  );

  it('revokes the tokens if another person logs in', async () => {
    app = await startTestApp(terms(way));
    const browser = await app.loggedInBrowser();
    expect((await browser.post('/password')).body).toEqual({ in: true });
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    await until(() => app.emulator.liveTokens().length === 0);
  });

  it.each([599, 601])('gives the tokens for ten minutes: after %i s', async (seconds) => {
    const reasons: string[] = [];
    const onLoginEnded = ({ reason }: LoginEnded): void => void reasons.push(reason);
    app = await startTestApp({ ...terms(way), strategy: { onLoginEnded } });
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(seconds);
    await browser.get('/me');
    if (seconds < 600) {
      await browser.post('/accept');
      expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
      expect(reasons).toEqual([]);
    } else {
      await until(() => app.emulator.liveTokens().length === 0);
      await until(() => reasons.length > 0);
      expect(reasons).toEqual(['abandoned']);
      await browser.post('/accept');
      expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    }
  });

  it('gives the newest tokens, as a second login with Polar ends the waiting one', async () => {
    app = await startTestApp(terms(way));
    const browser = await app.loggedInBrowser();
    const [first] = app.emulator.liveTokens();
    await browser.logIn();
    await until(() => app.emulator.liveTokens().length === 1);
    await browser.post('/accept');
    expect(await browser.token()).not.toBe(first?.accessToken);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });

  it('publishes the login on the diagnostics channel only once it happens', async () => {
    app = await startTestApp(terms(way));
    const browser = app.browser();
    const events: unknown[] = [];
    const note = (message: unknown) => void events.push((message as { event: string }).event);
    subscribe('passport-polar-sh:login', note);
    try {
      await browser.logIn();
      expect(events).toEqual(['login-started']);
      await browser.post('/accept');
      expect(events).toEqual(['login-started', 'logged-in']);
    } finally {
      unsubscribe('passport-polar-sh:login', note);
    }
  });

  it('works with encryptionKeys, and no store sees a token', async () => {
    app = await startTestApp(terms(way, { strategy: { encryptionKeys: ['k'.repeat(32)] } }));
    const browser = await app.loggedInBrowser();
    const stored = JSON.stringify(app.store['sessions' as never]);
    expect(stored).toContain('polar (waiting)');
    expect(stored).not.toMatch(/polar_[ar]t_u_/);
    await browser.post('/accept');
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });
});

it('tokens are revoked if the app puts nothing into the session, as no later request can use them', async () => {
  app = await startTestApp({
    routes: (server, { passport }) =>
      server.get(
        callback,
        passport.authenticate('polar', { session: false }),
        (_req, res) => void res.json({}),
      ),
  });
  const browser = app.browser();
  const answer = await browser.logIn();
  expect(answer.status).toBe(200);
  await until(() => app.emulator.liveTokens().length === 0);
  expect((await browser.get('/session')).body).toEqual({ cookie: expect.anything() });
});

it('a failing serializeUser does not stop the response, and the tokens are revoked', async () => {
  app = await startTestApp(
    terms((server, parts) => {
      (parts.passport as never as { _serializers: unknown[] })._serializers.unshift(
        (_user: unknown, done: (error: Error) => void) => done(new Error('no such table')),
      );
      withoutSession?.(server, parts);
    }),
  );
  const browser = app.browser();
  expect((await browser.logIn()).headers['location']).toBe('/terms');
  await until(() => app.emulator.liveTokens().length === 0);
  expect((await browser.get('/session')).body).not.toHaveProperty('polar (waiting)');
});

describe('a waiting login', () => {
  it('is useless to an attacker who planted the session in the browser', async () => {
    app = await startTestApp(
      terms((server, parts) => {
        server.get('/cart', (req, res) => void res.json(Object.assign(req.session, { cart: 1 })));
        withOwnCallback?.(server, parts);
      }),
    );
    const attacker = app.browser();
    await attacker.get('/cart');
    const planted = cookieOf(attacker, 'connect.sid');
    const victim = app.browser();
    victim.agent.jar.setCookie(`connect.sid=${planted}; Path=/`, '127.0.0.1', '/');
    await victim.logIn();
    await attacker.post('/accept');
    expect((await attacker.get('/token')).body.code).toBe('not_logged_in');
    await until(() => app.emulator.liveTokens().length === 0);
  });

  it('replaces the current login of the same person: more scopes after another terms page', async () => {
    app = await startTestApp(
      terms((server, parts) => {
        server.get(
          '/orders',
          requireScope('orders:read', { loginPath: '/auth/polar' }),
          (_req, res) => void res.json({ orders: [] }),
        );
        withOwnCallback?.(server, parts);
      }),
    );
    const browser = await app.loggedInBrowser();
    await browser.post('/accept');
    const guarded = await browser.get('/orders').set('accept', 'text/html');
    expect((await browser.logIn(guarded.headers['location'] as string)).headers['location']).toBe('/terms');
    // Until then the current login goes on.
    expect((await browser.get('/me')).body.scopes).toEqual(['openid', 'email']);
    await browser.post('/accept');
    expect((await browser.get('/orders').set('accept', 'text/html')).body).toEqual({ orders: [] });
    await until(() => app.emulator.liveTokens().length === 1);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });

  it('keeps the page to return to', async () => {
    app = await startTestApp(terms(withOwnCallback));
    const browser = app.browser();
    await browser.logIn('/auth/polar?return_to=/reports');
    await browser.post('/accept');
    expect((await browser.get('/session')).body.returnTo).toBe('/reports');
  });
});

it('a second req.logIn in the callback request, for another person, gets no tokens', async () => {
  app = await startTestApp({
    callback: { successReturnToOrRedirect: undefined } as never,
    routes: (server, { passport }) =>
      server.get(callback, passport.authenticate('polar'), (req, res, next) =>
        logIn(req, res, next, { id: 'somebody else', provider: 'password' }),
      ),
  });
  const browser = app.browser();
  expect((await browser.logIn()).body).toEqual({ in: true });
  expect((await browser.get('/token')).body.code).toBe('not_logged_in');
  await until(() => app.emulator.liveTokens().length === 0);
});

it('polarTokens before passport.session() keeps the tokens too', async () => {
  const { default: session } = await import('express-session');
  const { Passport } = await import('passport');
  app = await startTestApp();
  const { default: express } = await import('express');
  const { createServer } = await import('node:http');
  const authenticator = new Passport();
  const server = express();
  const listening = createServer(server);
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(listening.address() as { port: number }).port}`;
  const { clientID, clientSecret } = app.emulator.registerClient({ redirectURIs: [`${url}${callback}`] });
  const polar = new PolarStrategy({
    clientID,
    clientSecret,
    callbackURL: callback,
    server: app.emulator.server,
  });
  authenticator.use(polar);
  authenticator.serializeUser((user, done) => done(null, user));
  authenticator.deserializeUser((user, done) => done(null, user as Express.User));
  server.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false }));
  server.use(polarTokens(polar), authenticator.session());
  server.get('/auth/polar', authenticator.authenticate('polar'));
  server.get(callback, authenticator.authenticate('polar', { successRedirect: '/' }));
  server.post('/again', (req, res, next) => {
    const update = { ...(req.user as object), displayName: 'Ada L.' } as Express.User;
    req.login(update, (error) => (error ? next(error) : res.json({})));
  });
  server.get('/token', async (req, res) => void res.json({ accessToken: await req.polar.getAccessToken() }));
  try {
    const browser = new Browser(url);
    await browser.logIn();
    await browser.post('/again').expect(200);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  } finally {
    listening.closeAllConnections();
    listening.close();
  }
});

function cookieOf(browser: Browser, name: string): string {
  const access = { domain: '127.0.0.1', path: '/', script: false, secure: false };
  const cookies = browser.agent.jar.getCookies(access) as unknown as { name: string; value: string }[];
  return cookies.find((each) => each.name === name)?.value ?? '';
}

describe('req.logIn for the same person', () => {
  const called = (logIn: (done: (error?: unknown) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => logIn((error) => (error ? reject(error) : resolve())));
  const ways: Record<string, (req: Request, user: Express.User) => Promise<void>> = {
    bound: (req, user) => called((done) => req.logIn.bind(req)(user, done)),
    promisified: (req, user) => promisify<Express.User, void>(req.login).call(req, user),
    'of a request that inherits from another': (req, user) =>
      called((done) => Object.create(req).logIn(user, done)),
    'of a proxy': (req, user) => called((done) => new Proxy(req, {}).login(user, done)),
    wrapped(req, user) {
      const { logIn: inner } = req;
      req.logIn = function logIn(this: Request, ...given: unknown[]) {
        inner.apply(this, given as never);
      };
      return called((done) => req.logIn(user, done));
    },
  };

  it.each(Object.keys(ways))('keeps the login (%s)', async (way) => {
    app = await startTestApp({
      routes: (server) =>
        server.post('/again', (req, res, next) => {
          ways[way]?.(req, req.user as Express.User).then(() => res.json({ in: true }), next);
        }),
    });
    const browser = await app.loggedInBrowser();
    const token = await browser.token();
    expect((await browser.post('/again')).body).toEqual({ in: true });
    expect(await browser.token()).toBe(token);
  });
});
