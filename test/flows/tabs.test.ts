import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import session from 'express-session';
import passport from 'passport';
import { PolarStrategy } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { requestsTo } from '../support/emulator-requests.js';
import { polars } from '../support/polars.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

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

  it('can all start when they are opened at the same moment', async () => {
    const browser = app.browser();
    const urls = await Promise.all([browser.startLogin(), browser.startLogin(), browser.startLogin()]);
    for (const url of urls) {
      expect((await browser.get(await browser.visitPolar(url))).headers['location']).toBe('/home');
    }
  });

  it('can all start at the same moment over a slow store', async () => {
    class SlowStore extends session.MemoryStore {
      override get = (...args: Parameters<session.MemoryStore['get']>) =>
        void setTimeout(() => super.get(...args), 50);
      override set = (...args: Parameters<session.MemoryStore['set']>) =>
        void setTimeout(() => super.set(...args), 50);
    }
    await app.close();
    app = await startTestApp({
      emulator,
      session: { store: new SlowStore() },
      strategy: { timeoutMs: 3000 },
    });
    const browser = app.browser();
    const urls = await Promise.all(Array.from({ length: 8 }, () => browser.startLogin()));
    for (const url of urls)
      expect((await browser.get(await browser.visitPolar(url))).headers['location']).toBe('/home');
  });

  it('both log in when they return at the same moment', async () => {
    const browser = app.browser();
    const paths = [
      await browser.visitPolar(await browser.startLogin()),
      await browser.visitPolar(await browser.startLogin()),
    ];
    const answers = await Promise.all(paths.map((path) => browser.get(path)));
    expect(answers.map(({ headers }) => headers['location'])).toEqual(['/home', '/home']);
  });

  it('both log in with keepSessionInfo, and each code is exchanged once', async () => {
    await app.close();
    app = await startTestApp({ emulator, callback: { keepSessionInfo: true } });
    const browser = app.browser();
    const first = await browser.visitPolar(await browser.startLogin());
    const second = await browser.visitPolar(await browser.startLogin());
    for (const path of [first, first, second, second])
      expect((await browser.get(path)).headers['location']).toBe('/home');
    const granted = app.emulator.requests.filter(
      ({ endpoint, status }) => endpoint === 'token' && status === 200,
    );
    expect(granted).toHaveLength(2);
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

describe.each([2, 3, 10, 15, 20])('%i tabs of a browser without a session', (count) => {
  it.each(['opened at once', 'one after the other'])('all log in, %s', async (how) => {
    const browser = app.browser();
    // The last request is sent before the first response arrives, so none of them carries a cookie.
    const urls: URL[] = [];
    if (how === 'opened at once')
      urls.push(...(await Promise.all(Array.from({ length: count }, () => browser.startLogin()))));
    else for (let tab = 0; tab < count; tab++) urls.push(await browser.startLogin());
    const paths = await Promise.all(urls.map((url) => browser.visitPolar(url)));
    for (const path of paths) expect((await browser.get(path)).headers['location']).toBe('/home');
    expect((await browser.get('/me')).body.user).not.toBeNull();
    await until(() => app.emulator.liveTokens().length === 1);
  });
});

it('a browser with more than twenty logins under way loses the oldest', async () => {
  const browser = app.browser();
  const urls: URL[] = [];
  for (let tab = 0; tab < 23; tab++) urls.push(await browser.startLogin());
  const outcomes: string[] = [];
  for (const url of urls)
    outcomes.push((await browser.get(await browser.visitPolar(url))).headers['location'] as string);
  expect(outcomes).toEqual([...Array(3).fill('/failed'), ...Array(20).fill('/home')]);
});

describe.each(polars)('passport.authenticate with a strategy object at %s', (_name, emulator) => {
  it('does not swap users between concurrent callbacks', async () => {
    await app.close();
    app = await startTestApp({
      emulator,
      routes: (express, { polar }) => {
        express.get('/auth/instance', passport.authenticate(polar));
        express.get(
          '/auth/polar/callback',
          (req, _res, next) => {
            // Hold back the first callback until the second has arrived, so that they overlap.
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

describe.each(polars)('two strategies side by side at %s', (_name, emulator) => {
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
    // The strategy behind req.polar does not get the tokens of the other Polar.
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    await sandbox.close();
  });

  it('refuse a response that was meant for the other one (mix-up)', async () => {
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
    expect(requestsTo(app.emulator, 'token')).toHaveLength(0);
  });
});
