/** Apps that call `req.login` themselves: which user keeps the login with Polar. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
afterEach(() => app.close());

describe('req.login', () => {
  const liveTokens = () => app.emulator.liveTokens().map(({ accessToken }) => accessToken);
  const tokenRequests = () => app.emulator.requests.filter(({ path }) => path === '/v1/oauth2/token').length;
  type User = Record<string, unknown>;
  /** Logs in with Polar, and then calls req.login with a changed user. */
  async function loggedInAgain(
    change: (user: User) => User,
    options: TestAppOptions & { readonly keepSessionInfo?: boolean } = {},
  ) {
    const { keepSessionInfo = false, ...given } = options;
    app = await startTestApp({
      ...given,
      routes: (server, parts) => {
        server.post('/again', (req, res, next) => {
          const { sessionID } = req;
          req.login(change({ ...(req.user as object) }) as never, { keepSessionInfo } as never, (error) =>
            error ? next(error) : res.json({ isNewSession: req.sessionID !== sessionID }),
          );
        });
        given.routes?.(server, parts);
      },
    });
    const browser = await app.loggedInBrowser();
    expect((await browser.post('/again')).body).toEqual({ isNewSession: true });
    return browser;
  }
  const changed = (user: User): User => ({ ...user, displayName: 'Countess of Lovelace', plan: 'pro' });

  it.each([false, true])(
    'with a changed profile keeps the tokens (keepSessionInfo: %s)',
    async (keepSessionInfo) => {
      const browser = await loggedInAgain(changed, { keepSessionInfo });
      expect((await browser.get('/me')).body.user.plan).toBe('pro');
      expect([await browser.token()]).toEqual(liveTokens());
      expect(tokenRequests()).toBe(1);
    },
  );

  it('is not needed to keep the tokens when the app changes the user in the session itself', async () => {
    app = await startTestApp({
      routes: (server) =>
        server.post('/rename', (req, res) => {
          const { passport: kept } = req.session as never as { passport: { user: User } };
          kept.user = changed(kept.user);
          res.json({});
        }),
    });
    const browser = await app.loggedInBrowser();
    await browser.post('/rename').expect(200);
    expect([await browser.token()]).toEqual(liveTokens());
  });

  it.each([false, true])('as another user ends the login (keepSessionInfo: %s)', async (keepSessionInfo) => {
    const browser = await loggedInAgain((user) => ({ ...user, id: 'somebody else' }), { keepSessionInfo });
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    expect((await browser.get('/session')).body).not.toHaveProperty('polar');
    await until(() => liveTokens().length === 0);
  });

  const own = {
    verify: async ({ profile }: { profile: { id: string } }) => ({ key: profile.id, plan: 'free' }),
  };
  const upgraded = (user: User): User => ({ ...user, plan: 'pro' });

  it('with a changed user object of the app ends the login, as its key is not guessed', async () => {
    const browser = await loggedInAgain(upgraded, { verify: own.verify as never });
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    await until(() => liveTokens().length === 0);
  });

  it('with the same user object keeps the tokens, and with userKey an object with the same key does, too', async () => {
    const browser = await loggedInAgain((user) => user, { verify: own.verify as never });
    expect([await browser.token()]).toEqual(liveTokens());
    await app.close();
    const keyed = await loggedInAgain(upgraded, {
      verify: own.verify as never,
      strategy: { userKey: (user) => (user as { key: string }).key },
    });
    expect((await keyed.get('/me')).body.user.plan).toBe('pro');
    expect([await keyed.token()]).toEqual(liveTokens());
  });

  it('gives the login to nobody after a logout that kept the session', async () => {
    let user: User = {};
    app = await startTestApp({
      routes: (server) => {
        server.post('/out', (req, res, next) =>
          req.logout({ keepSessionInfo: true }, (error) => (error ? next(error) : res.json({}))),
        );
        server.post('/in', (req, res, next) =>
          req.login(user as never, { keepSessionInfo: true } as never, (error) =>
            error ? next(error) : res.json({}),
          ),
        );
      },
    });
    const browser = await app.loggedInBrowser();
    user = (await browser.get('/me')).body.user;
    await browser.post('/out').expect(200);
    await browser.post('/in').expect(200);
    expect((await browser.get('/me')).body.user.id).toBe(user['id']);
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    await until(() => liveTokens().length === 0);
  });

  it('ends the login if the store fails, as express-session then gives the browser a new session', async () => {
    app = await startTestApp({
      routes: (server) =>
        server.post('/again', (req, res) =>
          req.login(changed({ ...(req.user as object) }) as never, (error) =>
            res.json({ failed: Boolean(error) }),
          ),
        ),
    });
    const browser = await app.loggedInBrowser();
    const destroy = app.store.destroy;
    app.store.destroy = (_sid, done) => done?.(new Error('the store is down'));
    expect((await browser.post('/again')).body).toEqual({ failed: true });
    app.store.destroy = destroy;
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    await until(() => liveTokens().length === 0);
  });
});
