/** No cache may store the responses of this package, whatever the app says about its pages in general. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { loginOnAuthError, logout, requireLogin, requireOrganization, requireScope } from 'passport-polar-sh';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

const pages = { Accept: 'text/html' };
const general = 'private, max-age=600';

async function start() {
  app = await startTestApp({
    routes: (server, { passport, polar }) => {
      server.use((_req, res, next) => {
        res.set('Cache-Control', general);
        next();
      });
      const loginPath = '/auth/polar';
      server.get('/guarded', requireLogin({ loginPath }), (_req, res) => void res.json({}));
      server.get('/orders', requireScope('orders:read', { loginPath }), (_req, res) => void res.json({}));
      const broken = requireOrganization(() => Promise.reject(new Error('the database is down')), {
        loginPath,
      });
      server.get('/broken', broken);
      server.get('/calls', async (req, res) => void res.json(await req.polar.getTokens()));
      server.use('/calls', loginOnAuthError({ loginPath }));
      server.post('/logout', logout(polar, { redirectTo: '/' }));
      server.post('/logout/quietly', logout(polar), (_req, res) => void res.json({}));
      server.get('/auth/again', passport.authenticate('polar'));
    },
  });
  return app.browser();
}

describe('the package sends Cache-Control: no-store', () => {
  it('with the redirect to Polar and the response of the callback', async () => {
    const browser = await start();
    const toPolar = await browser.get('/auth/polar');
    expect([toPolar.status, toPolar.headers['cache-control']]).toEqual([302, 'no-store']);
    const back = await browser.visitPolar(new URL(String(toPolar.headers['location'])));
    const loggedIn = await browser.get(back);
    expect([loggedIn.status, loggedIn.headers['cache-control']]).toEqual([302, 'no-store']);
    const usedUp = await browser.get(back);
    expect([usedUp.headers['location'], usedUp.headers['cache-control']]).toEqual(['/home', 'no-store']);
  });

  it('with an error of the callback', async () => {
    const browser = await start();
    const back = await browser.visitPolar(await browser.startLogin());
    app.emulator.fail('token', { status: 500 }, 10);
    const answer = await browser.get(back);
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it.each(['/guarded', '/orders'])('when %s rejects a request', async (path) => {
    const browser = await start();
    const refused = await browser.get(path);
    expect([refused.status, refused.headers['cache-control']]).toEqual([401, 'no-store']);
    await browser.logIn();
    const missing = await browser.get('/orders');
    expect([missing.status, missing.headers['cache-control']]).toEqual([403, 'no-store']);
    const toLogin = await browser.get('/orders').set(pages);
    expect([toLogin.status, toLogin.headers['cache-control']]).toEqual([303, 'no-store']);
  });

  it.each([
    ['*/*', 401],
    ['text/html', 303],
  ])('when loginOnAuthError handles a request for %s', async (accept, status) => {
    const browser = await start();
    const answer = await browser.get('/calls').set({ accept });
    expect([answer.status, answer.headers['cache-control']]).toEqual([status, 'no-store']);
  });

  it('when a guard fails', async () => {
    const browser = await start();
    await browser.logIn();
    const answer = await browser.get('/broken');
    expect([answer.status, answer.headers['cache-control']]).toEqual([500, 'no-store']);
  });

  it('when a guard redirects to the login', async () => {
    const browser = await start();
    const answer = await browser.get('/guarded').set(pages);
    expect([answer.status, answer.headers['cache-control']]).toEqual([303, 'no-store']);
  });

  it.each([
    ['/logout', 302],
    ['/logout/quietly', 200],
  ])('with the response of %s', async (path, status) => {
    const browser = await start();
    await browser.logIn();
    const answer = await browser.post(path);
    expect([answer.status, answer.headers['cache-control']]).toEqual([status, 'no-store']);
  });
});

it('a page that a guard lets through keeps the Cache-Control of the app', async () => {
  const browser = await start();
  await browser.logIn();
  expect((await browser.get('/guarded')).headers['cache-control']).toBe(general);
});
