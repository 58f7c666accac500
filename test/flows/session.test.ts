/** The tokens of a login in the session of the user: when they are stored, who can use them, and what a session must offer. */
import { afterEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import passport from 'passport';
import { PolarStrategy } from 'passport-polar-sh';
import request from 'supertest';
import { fieldsOf, textOf } from '../support/entry-fields.js';
import { isRowId } from '../support/stored-rows.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
afterEach(() => app.close());

/** Replaces the usual callback route. */
const callbackRoute = (
  handlers: (authenticator: passport.Authenticator) => express.RequestHandler[],
): TestAppOptions => ({
  routes: (server, { passport: authenticator }) => {
    server.get(
      '/auth/polar/callback',
      ...handlers(authenticator),
      (req, res) =>
        void res.json({ user: req.user ?? null, returnTo: (req.session as never)['returnTo'] ?? null }),
    );
    server.post('/other-login', (req, res, next) =>
      req.logIn({ id: 'somebody', via: 'password' } as Express.User, (error) =>
        error ? next(error) : res.json({}),
      ),
    );
    server.post('/other-login-keeping', (req, res, next) =>
      req.logIn({ id: 'somebody' } as Express.User, { keepSessionInfo: true } as never, (error) =>
        error ? next(error) : res.json({}),
      ),
    );
    server.post('/passport-logout-keeping', (req, res, next) =>
      req.logout({ keepSessionInfo: true }, (error) => (error ? next(error) : res.json({}))),
    );
  },
});
const usual = callbackRoute((authenticator) => [
  authenticator.authenticate('polar', { failureRedirect: '/failed' }),
]);

describe('the regenerated session contains the tokens', () => {
  const styles: Record<string, TestAppOptions> = {
    successRedirect: callbackRoute((authenticator) => [
      authenticator.authenticate('polar', { successRedirect: '/home' }),
    ]),
    successReturnToOrRedirect: callbackRoute((authenticator) => [
      authenticator.authenticate('polar', { successReturnToOrRedirect: '/home' }),
    ]),
    'a next handler': usual,
    keepSessionInfo: callbackRoute((authenticator) => [
      authenticator.authenticate('polar', { keepSessionInfo: true }),
    ]),
    'a custom callback with req.logIn': callbackRoute((authenticator) => [
      (req, res, next) =>
        authenticator.authenticate('polar', (error: unknown, user: Express.User) =>
          error ? next(error) : req.logIn(user, next),
        )(req, res, next),
    ]),
    'a custom callback that awaits before req.login': callbackRoute((authenticator) => [
      (req, res, next) =>
        authenticator.authenticate('polar', async (error: unknown, user: Express.User) => {
          if (error) return next(error);
          await new Promise((resolve) => setTimeout(resolve, 20));
          req.login(user, { session: true } as never, next);
        })(req, res, next),
    ]),
  };
  it.each(Object.keys(styles))('with %s', async (style) => {
    app = await startTestApp(styles[style]);
    const browser = app.browser();
    const before = (await browser.get('/auth/polar')).headers['set-cookie'];
    const answer = await browser.logIn();
    expect(answer.headers['set-cookie']).toBeDefined();
    expect(answer.headers['set-cookie']).not.toEqual(before);
    const [live] = app.emulator.liveTokens();
    expect(await browser.token()).toBe(live?.accessToken);
    expect(Object.keys(app.store['sessions' as never]).filter((id) => !isRowId(id))).toHaveLength(1);
  });

  it.each(['keepSessionInfo', 'a next handler'])('of the second login, with %s', async (style) => {
    app = await startTestApp(styles[style]);
    const browser = await app.loggedInBrowser();
    const first = await browser.token();
    await browser.logIn();
    const second = await browser.token();
    expect(second).not.toBe(first);
    expect(app.emulator.liveTokens().map(({ accessToken }) => accessToken)).toContain(second);
  });

  it('with a serializeUser that saves the session itself, also after a later req.login', async () => {
    app = await startTestApp({
      routes: (server, { passport: authenticator }) => {
        const saving = (
          req: express.Request,
          user: Express.User,
          done: (error: unknown, id?: unknown) => void,
        ) => req.session.save((error) => done(error, user));
        // Passport asks its serializers in order: this one comes before that of the test app.
        authenticator.serializeUser(saving as never);
        (authenticator as never as { _serializers: unknown[] })._serializers.reverse();
        server.post('/again', (req, res, next) =>
          req.login(req.user as Express.User, (error) => (error ? next(error) : res.json({}))),
        );
      },
    });
    const browser = await app.loggedInBrowser();
    const { accessToken } = (await browser.get('/token').expect(200)).body;
    await browser.post('/again').expect(200);
    expect((await browser.get('/token').expect(200)).body).toEqual({ accessToken });
  });

  it('at once, in the request that logs in', async () => {
    app = await startTestApp(
      callbackRoute((authenticator) => [
        authenticator.authenticate('polar'),
        async (req, res) => void res.json({ accessToken: await req.polar.getAccessToken() }),
      ]),
    );
    expect((await app.browser().logIn()).body.accessToken).toMatch(/^polar_at_u_/);
  });

  it('beside what the app put into the session, with keepSessionInfo', async () => {
    app = await startTestApp({
      callback: { keepSessionInfo: true },
      routes: (server) =>
        server.get('/cart', (req, res) => void res.json(Object.assign(req.session, { cart: ['book'] }))),
    });
    const browser = app.browser();
    await browser.get('/cart');
    await browser.logIn();
    expect((await browser.get('/session')).body.cart).toEqual(['book']);
  });
});

describe('the session contains no tokens', () => {
  it('with session: false', async () => {
    app = await startTestApp(
      callbackRoute((authenticator) => [authenticator.authenticate('polar', { session: false })]),
    );
    const browser = app.browser();
    expect((await browser.logIn()).body.user.id).toBeDefined();
    expect((await browser.get('/session')).body).not.toHaveProperty('polar');
    expect((await browser.get('/token')).status).toBe(401);
  });

  it('with req.logIn(user, { session: false })', async () => {
    app = await startTestApp(
      callbackRoute((authenticator) => [
        (req, res, next) =>
          authenticator.authenticate('polar', (_error: unknown, user: Express.User) =>
            req.logIn(user, { session: false } as never, next),
          )(req, res, next),
      ]),
    );
    const browser = app.browser();
    expect((await browser.logIn()).body.user.id).toBeDefined();
    expect((await browser.get('/session')).body).not.toHaveProperty('polar');
  });

  it('when a custom callback logs nobody in', async () => {
    app = await startTestApp(
      callbackRoute((authenticator) => [
        (req, res, next) => authenticator.authenticate('polar', () => next())(req, res, next),
      ]),
    );
    const browser = await app.loggedInBrowser();
    expect((await browser.get('/session')).body).not.toHaveProperty('polar');
  });

  it('when the app destroys it during the login, and they are revoked', async () => {
    app = await startTestApp({
      strategy: { passReqToCallback: true } as never,
      verify: ({ req, profile }: { req: express.Request; profile: Express.User }) =>
        new Promise((resolve) => req.session.destroy(() => resolve(profile))),
    });
    const { status, body } = await app.browser().logIn();
    expect([status, body.code]).toEqual([500, 'missing_session']);
    await until(() => app.emulator.liveTokens().length === 0);
  });

  it('when serializeUser fails', async () => {
    app = await startTestApp({
      routes: (server, { passport: authenticator }) => {
        const failing = new passport.Passport();
        failing.use(authenticator['_strategies' as never]['polar']);
        failing.serializeUser((_user, done) => done(new Error('cannot serialize')));
        server.get('/auth/polar/callback', failing.authenticate('polar'));
      },
    });
    const browser = app.browser();
    expect((await browser.logIn()).body.message).toBe('cannot serialize');
    expect((await browser.get('/session')).body).not.toHaveProperty('polar');
  });
});

describe('nobody can use the tokens', () => {
  it('after req.logout({ keepSessionInfo: true })', async () => {
    app = await startTestApp(usual);
    const browser = await app.loggedInBrowser();
    await browser.post('/passport-logout-keeping');
    expect((await browser.get('/session')).body).toHaveProperty('polar');
    expect([(await browser.get('/token')).status, (await browser.get('/token')).body.code]).toEqual([
      401,
      'not_logged_in',
    ]);
    expect((await browser.get('/me')).body.scopes).toEqual([]);
  });

  it.each(['/other-login', '/other-login-keeping'])(
    'after another user logs in by other means (%s)',
    async (path) => {
      app = await startTestApp(usual);
      const browser = await app.loggedInBrowser();
      await browser.post(path).expect(200);
      expect((await browser.get('/me')).body.user.id).toBe('somebody');
      expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    },
  );

  it('when deserializeUser finds no user', async () => {
    app = await startTestApp(usual);
    const browser = await app.loggedInBrowser();
    (app.passport as never as { _deserializers: unknown[] })._deserializers.unshift(
      (_user: unknown, done: (e: null, u: false) => void) => done(null, false),
    );
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
  });

  it('while the request has no user, whatever the session says', async () => {
    app = await startTestApp({
      routes: (server) =>
        server.get('/nobody', async (req, res) => {
          delete req.user;
          res.json({ accessToken: await req.polar.getAccessToken() });
        }),
    });
    const browser = await app.loggedInBrowser();
    expect((await browser.get('/nobody')).body.code).toBe('not_logged_in');
  });

  it('through a strategy of another client or server, as the entry names both', async () => {
    app = await startTestApp(usual);
    const browser = await app.loggedInBrowser();
    const { polar } = (await browser.get('/session')).body;
    expect(fieldsOf(polar)).toMatchObject({
      v: '1',
      clientID: app.client.clientID,
      server: `https://polar.sh ${app.emulator.apiURL}`,
    });
  });

  it.each([
    ['v', 2],
    ['loginId', '../x'],
    ['accessToken', ''],
    ['accessToken', undefined],
    ['scopes', undefined],
    ['user', 'me'],
    ['server', 'https://polar.sh https://evil.example'],
    ['recordKey', 7],
    ['issuedAt', 'yesterday'],
  ])('after the session entry was tampered with: %s', async (field, value) => {
    app = await startTestApp({
      routes: (server) =>
        server.post('/tamper', (req, res) => {
          const session = req.session as unknown as { polar: string };
          session.polar = textOf({ ...fieldsOf(session.polar), [field]: value });
          res.json({});
        }),
    });
    const browser = await app.loggedInBrowser();
    await browser.post('/tamper').expect(200);
    expect((await browser.get('/token')).status).toBe(401);
  });
});

describe('account linking with passport.authorize', () => {
  const linking: TestAppOptions = {
    ...usual,
    routes: (server, parts) => {
      server.get('/connect', parts.passport.authorize('polar') as express.RequestHandler);
      server.get(
        '/auth/polar/callback',
        parts.passport.authorize('polar', { failureRedirect: '/failed' }) as express.RequestHandler,
        (req, res) => void res.json({ user: req.user ?? null, account: (req as never)['account'] }),
      );
      usual.routes?.(server, parts);
    },
  };

  it('gives the tokens to the user who is logged in', async () => {
    app = await startTestApp(linking);
    const browser = app.browser();
    await browser.post('/other-login').expect(200);
    const { body } = await browser.logIn('/connect');
    expect([body.user.id, body.account.provider]).toEqual(['somebody', 'polar']);
    expect((await browser.get('/me')).body.user.id).toBe('somebody');
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });

  it('stores nothing if nobody is logged in', async () => {
    app = await startTestApp(linking);
    const browser = app.browser();
    expect((await browser.logIn('/connect')).body.account.provider).toBe('polar');
    expect((await browser.get('/session')).body).not.toHaveProperty('polar');
  });
});

describe('returnTo', () => {
  it.each(['return_to', 'the session'])(
    'survives the regeneration of the session, given by %s',
    async (from) => {
      app = await startTestApp({
        routes: (server) =>
          server.get(
            '/remember',
            (req, res) => void res.json(Object.assign(req.session, { returnTo: '/reports?week=3' })),
          ),
      });
      const browser = app.browser();
      if (from === 'the session') await browser.get('/remember');
      const answer = await browser.logIn(
        from === 'the session' ? '/auth/polar' : '/auth/polar?return_to=%2Freports%3Fweek%3D3',
      );
      expect(answer.headers['location']).toBe('/reports?week=3');
      expect((await browser.get('/session')).body).not.toHaveProperty('returnTo');
    },
  );

  it('can be given for one request', async () => {
    app = await startTestApp({
      routes: (server, parts) =>
        server.get('/start', parts.passport.authenticate('polar', { returnTo: '/mine' })),
    });
    expect((await app.browser().logIn('/start')).headers['location']).toBe('/mine');
  });

  it.each([
    '//evil.example',
    '/\\evil.example',
    'https:evil.example',
    '/%09/evil.example',
    'https://evil.example',
  ])('leads to no other site: %s', async (path) => {
    app = await startTestApp();
    expect(
      (await app.browser().logIn(`/auth/polar?return_to=${encodeURIComponent(path)}`)).headers['location'],
    ).toBe('/home');
  });
});

describe('a login without a usable session', () => {
  it('says that the app has destroyed it', async () => {
    app = await startTestApp({
      routes: (server) => server.use('/auth', (req, _res, next) => void req.session.destroy(next)),
    });
    const { status, body } = await app.browser().get('/auth/polar');
    expect([status, body.code]).toEqual([500, 'missing_session']);
    expect(body.message).toContain('the app destroyed it');
  });

  const bare = (middleware: express.RequestHandler[]) => {
    const polar = new PolarStrategy({ clientID: 'x', callbackURL: '/cb' });
    const server = express();
    server.use(...middleware);
    server.get('/auth', passport.authenticate(polar));
    server.use(
      ((error, _req, res, _next) => void res.status(500).json(error.message)) as express.ErrorRequestHandler,
    );
    return request(server);
  };
  const next: express.RequestHandler = (_req, _res, go) => go();

  it('says which middleware is missing and where to put it', async () => {
    app = await startTestApp();
    const { body } = await bare([next]).get('/auth');
    expect(body).toMatch(/express-session.*before passport\.session\(\)/);
  });

  it.each<[string, object, RegExp]>([
    [
      'cookie-session',
      { session: { isPopulated: false } },
      /has no req\.session\.regenerate\(\), req\.session\.save\(\), req\.sessionStore\./,
    ],
    ['a mock', { session: { regenerate() {}, save() {} } }, /has no req\.sessionStore\./],
    [
      'another package',
      { session: { save() {} }, sessionStore: {} },
      /has no req\.session\.regenerate\(\)\./,
    ],
  ])(
    'names what a session that is not from express-session lacks, and what is supported: %s',
    async (_what, parts, lacks) => {
      app = await startTestApp();
      const another: express.RequestHandler = (req, _res, go) => {
        Object.assign(req, parts);
        go();
      };
      const { body } = await bare([another]).get('/auth');
      expect(body).toMatch(/^Log in with Polar needs express-session, with any of its stores\./);
      expect(body).toMatch(lacks);
      expect(body).toContain('such as those of cookie-session');
    },
  );

  it.each([
    [{ sameSite: 'strict' as const }, /SameSite=Strict/],
    [{ secure: true }, /plain http/],
  ])('explains a cookie that cannot come back: %j', async (cookie, message) => {
    app = await startTestApp({ session: { cookie } });
    const { body } = await app.browser().get('/auth/polar');
    expect(body.code).toBe('unsupported_session');
    expect(body.message).toMatch(message);
  });
});
