import { afterEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import {
  disconnect,
  loginOnAuthError,
  logout,
  PolarTransientError,
  polarTokens,
  requireLogin,
  requireOrganization,
  requireScope,
} from 'passport-polar-sh';
import request from 'supertest';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

const html = 'text/html,application/xhtml+xml';
const guarded: TestAppOptions = {
  routes: (server) => {
    server.use(
      '/reports',
      requireLogin({ loginPath: '/auth/polar' }),
      (req, res) => void res.json({ path: req.originalUrl }),
    );
  },
};

describe('requireLogin', () => {
  it('sends a page request to log in, and back to where it was', async () => {
    app = await startTestApp(guarded);
    const browser = app.browser();
    const answer = await browser.get('/reports?week=3').set('accept', html);
    expect([answer.status, answer.headers['location']]).toEqual([
      303,
      '/auth/polar?return_to=%2Freports%3Fweek%3D3',
    ]);
    expect((await browser.logIn(answer.headers['location'] as string)).headers['location']).toBe(
      '/reports?week=3',
    );
    expect((await browser.get('/reports?week=3').set('accept', html)).body).toEqual({
      path: '/reports?week=3',
    });
  });

  it('sends a form post to log in, without a page to return to', async () => {
    app = await startTestApp(guarded);
    const answer = await app.browser().post('/reports').set('accept', html);
    expect([answer.status, answer.headers['location']]).toEqual([303, '/auth/polar']);
  });

  it.each(['application/json', '*/*'])('responds 401 to requests for %s', async (accept) => {
    app = await startTestApp(guarded);
    const answer = await app.browser().get('/reports').set('accept', accept);
    expect([answer.status, answer.body.code]).toEqual([401, 'not_logged_in']);
  });

  it('requires a live login, not only a user', async () => {
    app = await startTestApp({
      routes: (server, parts) => {
        guarded.routes?.(server, parts);
        server.post('/other-login', (req, res, next) =>
          req.logIn({ id: 'x' } as Express.User, (error) => (error ? next(error) : res.json({}))),
        );
      },
    });
    const browser = app.browser();
    await browser.post('/other-login');
    expect((await browser.get('/reports')).status).toBe(401);
    await browser.logIn();
    expect((await browser.get('/reports')).status).toBe(200);
    app.emulator.revokeAll();
    app.emulator.advanceTime(864_000);
    await browser.get('/token');
    expect((await browser.get('/reports')).status).toBe(401);
  });

  it.each<[number, Record<string, string>]>([
    [303, {}],
    [303, { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
    [303, { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
    [401, { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    [401, { 'sec-fetch-mode': 'same-origin' }],
    [401, { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    [401, { 'sec-fetch-dest': 'empty' }],
    [401, { 'x-requested-with': 'XMLHttpRequest' }],
    [401, { accept: 'application/json' }],
  ])('responds %d to a request for HTML with %j', async (status, headers) => {
    app = await startTestApp({
      routes: (server) => server.use(requireLogin({ loginPath: '/auth/polar' })),
    });
    expect(
      (
        await app
          .browser()
          .get('/page')
          .set({ accept: html, ...headers })
      ).status,
    ).toBe(status);
  });

  it('cannot be made to redirect to another site', async () => {
    app = await startTestApp({
      routes: (server) => server.use(requireLogin({ loginPath: '/auth/polar' })),
    });
    const answer = await app.browser().get('//evil.example/%2e%2e').set('accept', html);
    expect(answer.headers['location']).toBe('/auth/polar');
  });

  it.each([
    undefined,
    {},
    { loginPath: 'https://evil.example' },
    { loginPath: '//evil.example' },
    { loginPath: '/auth/polar#login' },
  ])('names the option that it needs: %j', (options) => {
    expect(() => requireLogin(options as never)).toThrow('requireLogin needs loginPath');
    expect(() => loginOnAuthError(options as never)).toThrow('loginOnAuthError needs loginPath');
  });
});

describe('a middleware that the app passes to Express without calling it', () => {
  it.each([
    requireLogin,
    requireScope,
    requireOrganization,
    loginOnAuthError,
    polarTokens,
    logout,
    disconnect,
  ])('%p fails each request with the call to write', async (factory) => {
    const server = express();
    server.get('/', factory as never);
    const showMessage: express.ErrorRequestHandler = (error, _req, res, _next) =>
      void res.status(500).send(`${error.code}: ${error.message}`);
    server.use(showMessage);
    const { text } = await request(server).get('/').expect(500);
    expect(text).toMatch(new RegExp(`^invalid_option: ${factory.name} needs .*: ${factory.name}\\(`));
  });
});

describe('loginOnAuthError', () => {
  const server = () => {
    const plain = express();
    plain.get('/expired', async (req) => req.polar.getAccessToken());
    plain.get('/down', (_req, _res, next) => next(new PolarTransientError('timeout', 'Polar is slow')));
    plain.use(loginOnAuthError({ loginPath: '/auth/polar' }));
    plain.use(
      ((error, _req, res, _next) =>
        void res.status(error.status ?? 500).json(error.code)) as express.ErrorRequestHandler,
    );
    return plain;
  };

  it('sends pages whose login has ended to log in, and passes on everything else', async () => {
    app = await startTestApp();
    const { polar } = app;
    const outer = express();
    outer.use((req, _res, next) => {
      Object.assign(req, { session: { regenerate() {}, save() {} }, sessionStore: {} });
      next();
    }, polarTokens(polar));
    outer.use(server());
    const page = await request(outer).get('/expired').set('accept', html);
    expect([page.status, page.headers['location']]).toEqual([303, '/auth/polar?return_to=%2Fexpired']);
    expect((await request(outer).get('/expired').set('accept', 'application/json')).status).toBe(401);
    const down = await request(outer).get('/down').set('accept', html);
    expect([down.status, down.body]).toEqual([503, 'timeout']);
  });
});

describe('polarTokens', () => {
  it('is named in the error if it is missing', async () => {
    const plain = express();
    plain.get('/token', async (req, res) => void res.json(await req.polar.getAccessToken()));
    plain.use(
      ((error, _req, res, _next) => void res.status(500).json(error.message)) as express.ErrorRequestHandler,
    );
    expect((await request(plain).get('/token')).body).toMatch(/polarTokens/);
  });

  it('says that the session is missing', async () => {
    app = await startTestApp();
    const plain = express();
    plain.use(polarTokens(app.polar));
    plain.get('/token', async (req, res) => void res.json(await req.polar.getAccessToken()));
    plain.use(
      ((error, _req, res, _next) => void res.status(500).json(error.code)) as express.ErrorRequestHandler,
    );
    expect((await request(plain).get('/token')).body).toBe('missing_session');
  });

  it('requires the strategy', () => {
    expect(() => polarTokens({} as never)).toThrow('polarTokens needs the strategy');
  });
});
