/** Loops between the app and Polar, which a browser would end with "too many redirects". */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Express as App } from 'express';
import { logout, requireLogin, requireScope } from 'passport-polar-sh';
import request from 'supertest';
import type { Browser } from '../support/browser.js';
import { recordMessages } from '../support/diagnostics.js';
import { requestsTo } from '../support/emulator-requests.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
const messages = recordMessages();
afterEach(() => app.close());

const callback = '/auth/polar/callback';
const guard = (server: App): void => {
  server.get(
    '/page',
    requireLogin({ loginPath: '/auth/polar' }),
    (_req, res) => void res.json({ page: true }),
  );
};

/** Follows redirects like a browser, which stops after twenty. */
async function roam(browser: Browser, start: string) {
  let path = start;
  for (let redirects = 0; redirects < 20; redirects++) {
    const answer = await browser.get(path).set('accept', 'text/html');
    const location = answer.headers['location'] as string | undefined;
    if (location === undefined) return { answer, redirects };
    path = location.startsWith('/') ? location : await browser.visitPolar(new URL(location));
  }
  throw new Error('Too many redirects');
}

describe('a redirect loop ends with an error that says what to check when', () => {
  it.each<[string, TestAppOptions]>([
    [
      'the session cookie never comes back',
      { session: { cookie: { secure: true } }, strategy: { proxy: false } },
    ],
    [
      'the callback logs nobody in',
      {
        routes: (server, { passport }) => {
          server.get(callback, passport.authenticate('polar', { session: false }), (_req, res) =>
            res.redirect('/page'),
          );
          guard(server);
        },
      },
    ],
    [
      'the terms page needs a login itself',
      {
        routes: (server, { passport }) => {
          server.get(callback, passport.authenticate('polar', { session: false }), (req, res) => {
            Object.assign(req.session, { waitingFor: 1 });
            res.redirect('/page');
          });
          guard(server);
        },
      },
    ],
    [
      'a middleware changes the user of the session on the way out',
      {
        verify: () => ({ id: 7, seen: 0 }),
        routes: (server) => {
          server.use((req, _res, next) => {
            const user = (req.session as never as { passport?: { user?: { seen: number } } }).passport?.user;
            if (user) user.seen++;
            next();
          });
          guard(server);
        },
      },
    ],
    [
      'the scope is lost between guard and login',
      {
        routes: (server) => {
          server.get('/auth/polar', (req, _res, next) => {
            req.url = req.originalUrl = req.originalUrl.replace(/&scope=[^&]*/, '');
            next();
          });
          server.get(
            '/page',
            requireScope('orders:read', { loginPath: '/auth/polar' }),
            (_req, res) => void res.json({}),
          );
        },
      },
    ],
  ])('%s', async (what, options) => {
    app = await startTestApp({
      ...options,
      routes: (server, parts) => {
        if (what.includes('session cookie')) {
          // Like express-session, which omits its cookie behind an untrusted proxy.
          server.use((_req, res, next) => {
            const setHeader = res.setHeader.bind(res);
            res.setHeader = ((name: string, value: unknown) => {
              const kept = [value].flat().filter((each) => !String(each).startsWith('connect.sid='));
              return setHeader(name, (name.toLowerCase() === 'set-cookie' ? kept : value) as never);
            }) as never;
            next();
          });
          guard(server);
        }
        options.routes?.(server, parts);
      },
      ...(what.includes('session cookie') && { session: {}, strategy: {} }),
    });
    const { answer, redirects } = await roam(app.browser(), '/page');
    expect([answer.status, answer.body.code]).toEqual([
      500,
      what.includes('middleware') ? 'user_changed' : 'login_loop',
    ]);
    const failures = messages.filter(({ event }) => event === 'login-failed');
    expect(failures.at(-1)).toMatchObject({ code: answer.body.code, reason: answer.body.message });
    expect(redirects).toBeLessThan(16);
    const exchanges = requestsTo(app.emulator, 'token').length;
    expect(exchanges).toBeLessThanOrEqual(3);
  });
});

it.each(['/auth/polar', '/auth/polar?plan=pro'])(
  'a guard before its own loginPath %s ends with an error',
  async (loginPath) => {
    app = await startTestApp({ routes: (server) => server.use(requireLogin({ loginPath })) });
    const { answer, redirects } = await roam(app.browser(), '/page');
    expect([answer.status, answer.body.code, redirects]).toEqual([500, 'login_loop', 1]);
  },
);

it('repeated logins and logouts are no redirect loop', async () => {
  app = await startTestApp({
    routes: (server, { polar }) => {
      guard(server);
      server.post('/logout', logout(polar, { redirectTo: '/home' }));
    },
  });
  const browser = app.browser();
  for (let time = 0; time < 6; time++) {
    expect((await roam(browser, '/page')).answer.body).toEqual({ page: true });
    await browser.post('/logout');
  }
});

it('a login fails after a few restarts if every callback arrives twice', async () => {
  app = await startTestApp();
  const browser = app.browser();
  let url = await browser.startLogin();
  for (let round = 1; ; round++) {
    const path = await browser.visitPolar(url);
    await request(app.url).get(path).set('cookie', browser.cookieHeader); // the first response is dropped
    const { location } = (await browser.get(path)).headers;
    if (location === '/failed') break;
    expect(round).toBeLessThan(4);
    url = new URL(location as string);
  }
});
