import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import session from 'express-session';
import passport from 'passport';
import { PolarStrategy } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { polars, until } from '../support/polars.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
beforeEach(async () => {
  app = await startTestApp();
});
afterEach(() => app.close());

describe.each(polars)('two tabs at %s', (_name, emulator) => {
  beforeEach(async () => {
    await app.close();
    app = await startTestApp({ emulator });
  });

  it.each([[[0, 1]], [[1, 0]]])('both log in, whichever finishes first (%j)', async (order) => {
    const browser = app.browser();
    const paths = [
      await browser.visitPolar(await browser.startLogin('/auth/polar?return_to=/first')),
      await browser.visitPolar(await browser.startLogin('/auth/polar?return_to=/second')),
    ];
    for (const tab of order) {
      const answer = await browser.get(paths[tab] as string);
      expect(answer.headers['location']).toBe(['/first', '/second'][tab]);
      expect(await browser.token()).toMatch(/^polar_at_u_/);
    }
  });

  it('both start when they are opened at the same moment', async () => {
    const browser = app.browser();
    await browser.startLogin(); // so that they share a session
    const urls = await Promise.all([browser.startLogin(), browser.startLogin(), browser.startLogin()]);
    for (const url of urls) {
      expect((await browser.get(await browser.visitPolar(url))).headers['location']).toBe('/home');
    }
  });

  it('all start at the same moment over a store that takes its time', async () => {
    class SlowStore extends session.MemoryStore {
      override get = (...args: Parameters<session.MemoryStore['get']>) =>
        void setTimeout(() => super.get(...args), 50);
      override set = (...args: Parameters<session.MemoryStore['set']>) =>
        void setTimeout(() => super.set(...args), 50);
    }
    await app.close();
    // Each has the whole of it, however many are in front.
    app = await startTestApp({ emulator, session: { store: new SlowStore() }, strategy: { timeoutMs: 500 } });
    const browser = app.browser();
    await browser.startLogin();
    await Promise.all(Array.from({ length: 8 }, () => browser.startLogin()));
    expect((await browser.get('/session')).body.polarLogins).toHaveLength(9);
  });

  it('both log in when they come back at the same moment', async () => {
    const browser = app.browser();
    const paths = [
      await browser.visitPolar(await browser.startLogin()),
      await browser.visitPolar(await browser.startLogin()),
    ];
    const answers = await Promise.all(paths.map((path) => browser.get(path)));
    expect(answers.map(({ headers }) => headers['location'])).toEqual(['/home', '/home']);
  });

  it('survive each other with keepSessionInfo too, each state working once', async () => {
    await app.close();
    app = await startTestApp({ emulator, callback: { keepSessionInfo: true } });
    const browser = app.browser();
    const first = await browser.visitPolar(await browser.startLogin());
    const second = await browser.visitPolar(await browser.startLogin());
    expect((await browser.get(first)).headers['location']).toBe('/home');
    expect((await browser.get(first)).headers['location']).toBe('/failed');
    expect((await browser.get(second)).headers['location']).toBe('/home');
    expect((await browser.get(second)).headers['location']).toBe('/failed');
  });

  it('revoke the tokens of the login that the second one replaces', async () => {
    const browser = app.browser();
    const second = await browser.visitPolar(await browser.startLogin());
    await browser.logIn();
    const [replaced] = app.emulator.liveTokens();
    await browser.get(second);
    await until(() => app.emulator.liveTokens().length === 1);
    expect(app.emulator.liveTokens()[0]?.refreshToken).not.toBe(replaced?.refreshToken);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });
});

it('remembers ten logins under way and drops the oldest', async () => {
  const browser = app.browser();
  const urls: URL[] = [];
  for (let tab = 0; tab < 11; tab++) urls.push(await browser.startLogin());
  expect((await browser.get('/session')).body.polarLogins).toHaveLength(10);
  const [oldest, next] = urls as [URL, URL];
  expect((await browser.get(await browser.visitPolar(oldest))).headers['location']).toBe('/failed');
  expect((await browser.get(await browser.visitPolar(next))).headers['location']).toBe('/home');
});

it('has the store keep a session that holds nothing but logins under way for no longer than those', async () => {
  const keptFor = (): (number | null)[] =>
    Object.values(app.store['sessions' as never] as Record<string, string>).map((text) => {
      const { expires } = JSON.parse(text).cookie;
      return expires === null ? null : Math.round((Date.parse(expires) - Date.now()) / 60_000);
    });
  await app.close();
  app = await startTestApp({
    routes: (server) =>
      server.use((req, _res, next) => {
        if ('cart' in req.query) Object.assign(req.session, { cart: 1 });
        next();
      }),
  });
  const browser = app.browser();
  await browser.startLogin();
  expect(keptFor()).toEqual([10]);
  await browser.startLogin();
  expect(keptFor()).toEqual([null]);
  await app.browser().startLogin('/auth/polar?cart');
  expect(keptFor()).toEqual([null, null]);
});

it('forgets logins under way after ten minutes', async () => {
  const browser = app.browser();
  await browser.startLogin();
  app.emulator.advanceTime(601);
  await browser.startLogin();
  expect((await browser.get('/session')).body.polarLogins).toHaveLength(1);
});

it('does not let a stale session write bring a used state back', async () => {
  // resave writes every session back at the end of its request, with whatever the request had loaded.
  await app.close();
  const store = new session.MemoryStore();
  app = await startTestApp({
    session: { store, resave: true },
    routes: (express) => express.get('/slow', (_req, res) => void setTimeout(() => res.json({}), 150)),
    strategy: { server: { webURL: 'http://127.0.0.1:1', apiURL: 'http://127.0.0.1:1' }, timeoutMs: 500 },
  });
  const browser = app.browser();
  const state = (await browser.startLogin()).searchParams.get('state');
  const slow = browser.get('/slow').then((answer) => answer);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const path = `/auth/polar/callback?code=x&state=${state}`;
  expect((await browser.get(path)).body.code).toBe('network_error');
  await slow;
  expect((await browser.get('/session')).body.polarLogins).toHaveLength(1); // it is back...
  expect((await browser.get(path)).headers['location']).toBe('/failed'); // ...and good for nothing
});

describe.each(polars)('passport.authenticate given the strategy itself, at %s', (_name, emulator) => {
  it('does not swap users between callbacks that run at the same time', async () => {
    await app.close();
    app = await startTestApp({
      emulator,
      routes: (express, { polar }) => {
        express.get('/auth/instance', passport.authenticate(polar));
        express.get(
          '/auth/polar/callback',
          (req, _res, next) => {
            // Hold the first answer back until the second has arrived, so that they overlap.
            setTimeout(next, req.query['slow'] ? 50 : 0);
          },
          passport.authenticate(polar, { failureRedirect: '/failed', session: true }),
          (req, res) => void res.json(req.user),
        );
      },
    });
    passport.serializeUser((user, done) => done(null, user));
    const users = ['ada@example.com', 'grace@example.com', 'katherine@example.com'];
    const ready: { browser: ReturnType<TestApp['browser']>; path: string; user: string }[] = [];
    for (const user of users) {
      app.emulator.user = user;
      const browser = app.browser();
      ready.push({
        browser,
        path: await browser.visitPolar(await browser.startLogin('/auth/instance')),
        user,
      });
    }
    app.emulator.fail('token', { delayMs: 60 }, 1);
    const answers = await Promise.all(ready.map(({ browser, path }) => browser.get(path)));
    expect(answers.map(({ body }) => body.displayName)).toEqual(users);
    for (const { browser, user } of ready) {
      expect((await browser.get('/me')).body.user.displayName).toBe(user);
    }
  });
});

describe.each(polars)('two strategies side by side, at %s', (_name, emulator) => {
  it('log in with different Polars, and share a browser session', async () => {
    const sandbox = await startPolarEmulator({ consent: 'auto', user: 'grace@example.com', ...emulator });
    await app.close();
    let sandboxStrategy: PolarStrategy | undefined;
    app = await startTestApp({
      emulator,
      routes: (express, { passport: authenticator, emulator: { now }, url }) => {
        const client = sandbox.registerClient({ redirectURIs: [`${url}/auth/sandbox/callback`] });
        sandboxStrategy = new PolarStrategy({
          name: 'polar-sandbox',
          clientID: client.clientID,
          clientSecret: client.clientSecret,
          callbackURL: '/auth/sandbox/callback',
          server: sandbox.server,
          now,
        });
        authenticator.use(sandboxStrategy);
        express.get('/auth/sandbox', authenticator.authenticate('polar-sandbox'));
        express.get(
          '/auth/sandbox/callback',
          authenticator.authenticate('polar-sandbox', { successRedirect: '/sandbox' }),
        );
      },
    });
    const browser = app.browser();
    const toSandbox = await browser.visitPolar(await browser.startLogin('/auth/sandbox'));
    await browser.logIn();
    expect((await browser.get('/me')).body.user.displayName).toBe('ada@example.com');
    expect((await browser.get(toSandbox)).headers['location']).toBe('/sandbox');
    expect((await browser.get('/me')).body.user.displayName).toBe('grace@example.com');
    // The tokens of one Polar are not shown to the other's strategy, which is the one behind req.polar here.
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    await sandbox.close();
  });

  it('do not take an answer that was meant for the other (mix-up)', async () => {
    await app.close();
    app = await startTestApp({
      emulator,
      routes: (express, { passport: authenticator, emulator: { now, server } }) => {
        authenticator.use(
          new PolarStrategy({
            name: 'other',
            clientID: 'polar_ci_other',
            callbackURL: '/auth/other/callback',
            server,
            now,
          }),
        );
        express.get(
          '/auth/other/callback',
          authenticator.authenticate('other', { failureRedirect: '/failed' }),
        );
      },
    });
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin());
    expect((await browser.get(path.replace('/polar/', '/other/'))).headers['location']).toBe('/failed');
    expect(app.emulator.requests.filter(({ endpoint }) => endpoint === 'token')).toHaveLength(0);
  });
});
