/** The app logs people in itself: later in the request of the callback, or in another one, after its terms or a second factor. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { NextFunction, Request, Response } from 'express';
import { requireLogin } from 'passport-polar-sh';
import { until } from '../support/polars.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

const callback = '/auth/polar/callback';
const logIn = (req: Request, res: Response, next: NextFunction, user: object, options = {}): void =>
  req.logIn(user as Express.User, options as never, (error) =>
    error ? next(error) : res.json({ in: true }),
  );
/** Users of the app, whom it finds by the id in its session. */
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

describe('req.logIn in the request of the callback', () => {
  it('after session: false keeps the tokens, as NestJS apps do it', async () => {
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

it('a verify callback that has seen the tokens may have kept them: with session: false they are left alive', async () => {
  app = await startTestApp(terms(withoutSession, { verify: ({ profile }: { profile: object }) => profile }));
  const browser = app.browser();
  await browser.logIn();
  app.emulator.advanceTime(601);
  await browser.get('/me');
  expect((await browser.get('/session')).body).not.toHaveProperty('polar');
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
    'brings the tokens to the person who logged in with Polar %s',
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
      expect((await browser.get('/session')).body.polar).not.toHaveProperty('waiting');
      app.emulator.advanceTime(864_000);
      expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    },
  );

  it('never brings them to anybody else, and they are revoked', async () => {
    app = await startTestApp(terms(way));
    const browser = app.browser();
    await browser.logIn();
    expect((await browser.post('/password')).body).toEqual({ in: true });
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    await until(() => app.emulator.liveTokens().length === 0);
  });

  it.each([599, 601])('brings them for ten minutes: %i s', async (seconds) => {
    app = await startTestApp(terms(way));
    const browser = app.browser();
    await browser.logIn();
    app.emulator.advanceTime(seconds);
    await browser.get('/me');
    if (seconds < 600) {
      await browser.post('/accept');
      expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    } else {
      await until(() => app.emulator.liveTokens().length === 0);
      await browser.post('/accept');
      expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    }
  });

  it('and the next login with Polar ends the one that waits', async () => {
    app = await startTestApp(terms(way));
    const browser = app.browser();
    await browser.logIn();
    const [first] = app.emulator.liveTokens();
    await browser.logIn();
    await until(() => app.emulator.liveTokens().length === 1);
    await browser.post('/accept');
    expect(await browser.token()).not.toBe(first?.accessToken);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });

  it('is told on the diagnostics channel once it has happened', async () => {
    app = await startTestApp(terms(way));
    const browser = app.browser();
    const events: unknown[] = [];
    const note = (message: unknown) => void events.push((message as { event: string }).event);
    subscribe('passport-polar-sh:login', note);
    try {
      await browser.logIn();
      expect(events).toEqual([]);
      await browser.post('/accept');
      expect(events).toEqual(['logged-in']);
    } finally {
      unsubscribe('passport-polar-sh:login', note);
    }
  });

  it('works with encryptionKeys, and no store sees a token', async () => {
    app = await startTestApp(terms(way, { strategy: { encryptionKeys: ['k'.repeat(32)] } }));
    const browser = app.browser();
    await browser.logIn();
    const stored = JSON.stringify(app.store['sessions' as never]);
    expect(stored).toMatch(/waiting\W+revoke/);
    expect(stored).not.toMatch(/polar_[ar]t_u_/);
    await browser.post('/accept');
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });
});

it('where the app puts nothing into the session there is no later request, and the tokens are revoked', async () => {
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

it('where serializeUser fails the response is sent all the same, and the tokens are revoked', async () => {
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
  expect((await browser.get('/session')).body).not.toHaveProperty('polar');
});
