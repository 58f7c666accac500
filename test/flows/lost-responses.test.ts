/** Logins whose response never reaches the browser: nobody could log them out, so they end. */
import { once } from 'node:events';
import { type IncomingMessage, request as send } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RequestHandler } from 'express';
import { recordMessages } from '../support/diagnostics.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
const messages = recordMessages();
const codes = () => messages.filter(({ event }) => event === 'login-failed').map(({ code }) => code);
afterEach(() => app.close());

const callback = '/auth/polar/callback';
const live = () => app.emulator.liveTokens().length;
const exchanged = () =>
  app.emulator.requests.some(({ endpoint, status }) => endpoint === 'token' && status === 200);
/** Responds early, as a time-out does, while the work goes on. */
const giveUp: RequestHandler = (_req, res, next) => {
  res.status(503).json({ code: 'gave_up' });
  next();
};

describe('the tokens are revoked when the response', () => {
  it('is dropped by a browser that has left', async () => {
    app = await startTestApp();
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin());
    app.emulator.fail('token', { delayMs: 300 });
    const sent = send(`${app.url}${path}`, { headers: { cookie: browser.cookieHeader } });
    sent.on('error', () => {});
    sent.end();
    await delay(100);
    sent.destroy();
    await until(() => exchanged());
    await until(() => live() === 0);
    await until(() => codes().includes('response_lost'));
  });

  it.each<[string, object]>([
    ['successRedirect', { successRedirect: '/home' }],
    ['session: false', { session: false }],
  ])('was sent before the login finished (%s)', async (_what, options) => {
    app = await startTestApp({
      routes: (server, { passport }) =>
        server.get(callback, giveUp, passport.authenticate('polar', options), (_req, _res) => {}),
    });
    expect((await app.browser().logIn()).status).toBe(503);
    await until(() => exchanged());
    await until(() => live() === 0);
  });

  it('is sent twice by an app callback that logs nobody in', async () => {
    app = await startTestApp({
      routes: (server, { passport }) =>
        server.get(callback, (req, res, next) => {
          passport.authenticate('polar', () => {
            res.redirect('/somewhere');
            if (!res.headersSent) res.json({});
          })(req, res, next);
        }),
    });
    expect((await app.browser().logIn()).headers['location']).toBe('/somewhere');
    await until(() => live() === 0);
    expect(codes()).toEqual(['nobody_logged_in']);
  });
});

it('a login whose response arrives stays alive', async () => {
  app = await startTestApp();
  const browser = await app.loggedInBrowser();
  await delay(100);
  expect([live(), codes()]).toEqual([1, []]);
  expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
});

it('a login stays alive if the browser leaves in the middle of the page, because it has the cookie', async () => {
  let hasEnded = false;
  app = await startTestApp({
    routes: (server, { passport }) =>
      server.get(callback, passport.authenticate('polar'), (_req, res) => {
        // As with server-side rendering that streams.
        res.write('<p>Welcome</p>');
        res.once('close', () => {
          hasEnded = true;
        });
      }),
  });
  const browser = app.browser();
  const path = await browser.visitPolar(await browser.startLogin());
  const sent = send(`${app.url}${path}`, { headers: { cookie: browser.cookieHeader } });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.on('error', () => {});
  await once(answer, 'data');
  sent.destroy();
  await until(() => hasEnded);
  browser.agent.jar.setCookies(answer.headers['set-cookie'] ?? [], '127.0.0.1', '/');
  expect((await browser.get('/token')).body.accessToken).toBe(app.emulator.liveTokens()[0]?.accessToken);
  expect(codes()).toEqual([]);
});

describe('a failed login', () => {
  it.each<[string, TestAppOptions['routes']]>([
    [
      'serializeUser',
      (_server, { passport }) =>
        void (passport as never as { _serializers: unknown[] })._serializers.unshift(
          (_user: unknown, done: (error: Error) => void) => done(new Error('no table')),
        ),
    ],
    [
      'the session store',
      (_server, { store }) => {
        const set = store.set.bind(store);
        store.set = (sid, data, done) =>
          'passport' in data ? done?.(new Error('disk full')) : set(sid, data, done);
      },
    ],
  ])('is reported as app_error if %s fails', async (_what, routes) => {
    app = await startTestApp({ routes: routes as never });
    expect((await app.browser().logIn()).status).toBe(500);
    expect(codes()).toEqual(['app_error']);
  });
});
