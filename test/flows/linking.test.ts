import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type express from 'express';
import { requireLogin } from 'passport-polar-sh';
import type { Browser } from '../support/browser.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
afterEach(() => app.close());

const live = () => app.emulator.liveTokens().map(({ accessToken }) => accessToken);
const logInAs = async (browser: Browser, user: string, path?: string) =>
  browser.get(await app.emulator.authorize(await browser.startLogin(path), { user }));

describe('linking a Polar account with passport.authorize', () => {
  beforeEach(async () => {
    app = await startTestApp({
      routes: (server, { passport }) => {
        server.post('/password/:id', (req, res, next) =>
          req.logIn(
            { id: req.params.id } as Express.User,
            { session: true, keepSessionInfo: 'keep' in req.query },
            (error) => (error ? next(error) : res.json({})),
          ),
        );
        server.get('/connect', passport.authorize('polar') as express.RequestHandler);
        server.get(
          '/auth/polar/callback',
          passport.authorize('polar', { failureRedirect: '/failed' }) as express.RequestHandler,
          (req, res) => {
            const { account } = req as unknown as { account: { emails: { value: string }[] } };
            res.json({ user: req.user ?? null, linked: account.emails[0]?.value });
          },
        );
      },
    });
  });

  it('keeps the local user and the session, and the tokens belong to that user', async () => {
    const browser = app.browser();
    await browser.post('/password/local').expect(200);
    const { body, headers } = await logInAs(browser, 'grace@example.com', '/connect');
    expect(body).toEqual({ user: { id: 'local' }, linked: 'grace@example.com' });
    expect(headers).not.toHaveProperty('set-cookie');
    expect((await browser.get('/me')).body.user).toEqual({ id: 'local' });
    expect(live()).toEqual([await browser.token()]);
    app.emulator.advanceTime(864_000);
    const refreshed = await browser.token();
    expect(live()).toEqual([refreshed]);
  });

  it('replaces the previous account, whose tokens are revoked and never shown again', async () => {
    const browser = app.browser();
    await browser.post('/password/local').expect(200);
    await logInAs(browser, 'grace@example.com', '/connect');
    const first = await browser.token();
    const { body } = await logInAs(browser, 'ada@example.com', '/connect');
    expect(body).toEqual({ user: { id: 'local' }, linked: 'ada@example.com' });
    const second = await browser.token();
    expect(second).not.toBe(first);
    await until(() => live().length === 1, 5000);
    expect(live()).toEqual([second]);
    expect((await browser.get('/me')).body.user).toEqual({ id: 'local' });
  });

  it('fails if another user logs in to the app meanwhile', async () => {
    const browser = app.browser();
    await browser.post('/password/local').expect(200);
    const callback = await app.emulator.authorize(await browser.startLogin('/connect'));
    await browser.post('/password/other').expect(200);
    expect((await browser.get(callback)).headers['location']).toBe('/failed');
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
  });

  it('fails if it was started before the user logged in', async () => {
    const browser = app.browser();
    const callback = await app.emulator.authorize(await browser.startLogin('/connect'), {
      user: 'grace@example.com',
    });
    await browser.post('/password/local?keep').expect(200);
    expect((await browser.get(callback)).headers['location']).toBe('/failed');
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
  });

  it('works without a local user, for apps that first want to know who it is', async () => {
    const { body } = await logInAs(app.browser(), 'grace@example.com', '/connect');
    expect(body).toEqual({ user: null, linked: 'grace@example.com' });
  });

  it('leaves no tokens to the next user of the app', async () => {
    const browser = app.browser();
    await browser.post('/password/local').expect(200);
    await logInAs(browser, 'grace@example.com', '/connect');
    await browser.post('/password/other').expect(200);
    expect((await browser.get('/token')).body.code).toBe('not_logged_in');
  });
});

describe('a login through passport.authenticate or passport.authorize', () => {
  type Way = 'authenticate' | 'authorize';
  const ways: readonly Way[] = ['authenticate', 'authorize'];
  let finish: Way;

  beforeEach(async () => {
    app = await startTestApp({
      routes: (server, { passport }) => {
        server.post('/password', (req, res, next) =>
          req.logIn({ id: 'local' } as Express.User, (error) => (error ? next(error) : res.json({}))),
        );
        for (const way of ways) server.get(`/${way}`, passport[way]('polar') as express.RequestHandler);
        server.get(
          '/auth/polar/callback',
          (req, res, next) => (passport[finish]('polar') as express.RequestHandler)(req, res, next),
          (req, res) =>
            void res.json({
              user: (req.user as { id?: string } | undefined)?.id,
              account: (req.account as { displayName?: string } | undefined)?.displayName,
            }),
        );
      },
    });
  });

  const both = ways.flatMap((start) =>
    ways.flatMap((end) => [true, false].map((isLoggedIn) => [start, end, isLoggedIn] as const)),
  );

  it.each(both)(
    'succeeds only if the same one starts and finishes it (start: %s, callback: %s, somebody logged in: %s)',
    async (start, end, isLoggedIn) => {
      finish = end;
      const browser = app.browser();
      if (isLoggedIn) await browser.post('/password').expect(200);
      const { status, body } = await logInAs(browser, 'grace@example.com', `/${start}`);
      const tokenCode = (await browser.get('/token')).body.code;
      if (start !== end) {
        expect([status, body.code]).toEqual([500, 'invalid_option']);
        expect(body.message).toMatch(
          new RegExp(
            `started by passport\\.${start}, .* returned to passport\\.${end}, .*two callback routes`,
          ),
        );
        expect(tokenCode).toBe('not_logged_in');
        expect(live()).toEqual([]);
        const { user } = (await browser.get('/me')).body;
        expect(user).toEqual(isLoggedIn ? { id: 'local' } : null);
      } else if (end === 'authenticate') {
        expect([status, body.account]).toEqual([200, undefined]);
        expect(live()).toEqual([await browser.token()]);
        expect((await browser.get('/me')).body.user.emails[0].value).toBe('grace@example.com');
      } else {
        expect([status, body]).toEqual([
          200,
          { account: 'grace@example.com', ...(isLoggedIn && { user: 'local' }) },
        ]);
        expect(tokenCode).toBe(isLoggedIn ? undefined : 'not_logged_in');
        await until(() => live().length === (isLoggedIn ? 1 : 0), 5000);
        expect(live()).toHaveLength(isLoggedIn ? 1 : 0);
      }
    },
  );
});

describe('logging in again with another account', () => {
  beforeEach(async () => {
    app = await startTestApp({
      emulator: { consent: 'ask' },
      routes: (server, { passport }) => {
        server.get('/another-account', passport.authenticate('polar', { prompt: 'login' }));
        server.get(
          '/page',
          requireLogin({ loginPath: '/auth/polar' }),
          (req, res) => void res.json(req.user),
        );
      },
    });
  });

  it('revokes the tokens of the previous one, which are never shown again', async () => {
    const browser = app.browser();
    await logInAs(browser, 'ada@example.com');
    const first = await browser.token();
    await logInAs(browser, 'grace@example.com');
    const second = await browser.token();
    expect(second).not.toBe(first);
    expect((await browser.get('/me')).body.user.emails[0].value).toBe('grace@example.com');
    await until(() => live().length === 1, 5000);
    expect(live()).toEqual([second]);
    app.emulator.advanceTime(864_000);
    const refreshed = await browser.token();
    expect(app.emulator.liveTokens()).toMatchObject([{ accessToken: refreshed, user: 'grace@example.com' }]);
  });

  it('makes Polar ask who it is, on a route with prompt: login', async () => {
    const browser = app.browser();
    await logInAs(browser, 'ada@example.com');
    const again = await browser.startLogin();
    expect(again.searchParams.has('prompt')).toBe(false);
    const another = await browser.startLogin('/another-account?return_to=/page');
    expect(another.searchParams.get('prompt')).toBe('login');
    const back = await browser.get(await app.emulator.authorize(another, { user: 'grace@example.com' }));
    expect(back.headers['location']).toBe('/page');
    expect((await browser.get('/page')).body.emails[0].value).toBe('grace@example.com');
  });

  it('leaves the login as it was if it is cancelled', async () => {
    const browser = app.browser();
    await logInAs(browser, 'ada@example.com');
    const token = await browser.token();
    const another = await browser.startLogin('/another-account');
    await browser.get(await app.emulator.authorize(another, { deny: true }));
    expect(await browser.token()).toBe(token);
    expect(live()).toEqual([token]);
  });
});
