/** `req.polar` where the middleware is missing or something else gets in its way. */
import { IncomingMessage } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import express from 'express';
import { polarTokens, requireLogin } from 'passport-polar-sh';
import request from 'supertest';
import { codeOf } from '../support/code-of.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

const showError: express.ErrorRequestHandler = (error, _req, res, _next) =>
  void res.status(500).json({ code: error.code ?? null, message: error.message });

describe('req.polar without polarTokens', () => {
  const withoutMiddleware = (): express.Express => {
    const server = express();
    server.get('/token', async (req, res) => void res.json(await req.polar.getAccessToken()));
    server.get('/guarded', requireLogin({ loginPath: '/auth/polar' }), (_req, res) => void res.json({}));
    return server;
  };

  it('says what is missing in an app that never mounts it', async () => {
    const server = withoutMiddleware();
    server.use(showError);
    expect((await request(server).get('/guarded')).body.code).toBe('missing_middleware');
    const { body } = await request(server).get('/token');
    expect(body.code).toBe('missing_middleware');
    expect(body.message).toMatch(/app\.use\(polarTokens\(polar\)\)/);
  });
});

it("code that walks the prototypes of Node's messages finds no property polar and causes no error", () => {
  const message = new IncomingMessage(null as never);
  const found: unknown[] = [];
  for (let each: object | null = message; each !== null; each = Object.getPrototypeOf(each))
    found.push((each as { polar?: unknown }).polar);
  expect(new Set(found)).toEqual(new Set([undefined]));
  expect(Object.keys(IncomingMessage.prototype)).not.toContain('polar');
  expect(() => inspect(message, { getters: true, showHidden: true, depth: 20 })).not.toThrow();
});

it('the log of a request shows no secret of the strategy', async () => {
  app = await startTestApp({
    routes: (server) =>
      server.get('/inspected', (req, res) => {
        void req.polar.scopes;
        res.json(inspect(req, { depth: 20, showHidden: true, getters: true }));
      }),
  });
  const browser = await app.loggedInBrowser();
  const { body } = await browser.get('/inspected');
  expect(body).toContain('IncomingMessage');
  expect(body).not.toContain(app.client.clientSecret);
});

it('polarTokens overwrites a property named polar, and the app may overwrite it later', async () => {
  app = await startTestApp({
    routes: (server, { polar }) => {
      const own: express.RequestHandler = (req, _res, next) => {
        Object.assign(req, { polar: 'bear' });
        next();
      };
      const show: express.RequestHandler = (req, res) => void res.json(typeof req.polar);
      server.get('/before', own, polarTokens(polar), show);
      server.get('/after', polarTokens(polar), own, show);
    },
  });
  expect((await request(app.url).get('/before')).body).toBe('object');
  expect((await request(app.url).get('/after')).body).toBe('string');
});

it('req.polar works in a mounted app, and after it', async () => {
  app = await startTestApp({
    routes: (server) => {
      const inner = express();
      inner.get('/', (req, res) => void res.json(req.polar.loginId ?? null));
      server.use('/inner', inner);
    },
  });
  const browser = await app.loggedInBrowser();
  expect((await browser.get('/inner')).body).toMatch(/^[0-9a-f]{32}$/);
  expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
});

it('req.polar works through a proxy, an object that inherits from it, and a request that inherits', async () => {
  app = await startTestApp({
    routes: (server) =>
      server.get('/wrapped', async (req, res) => {
        const child: express.Request = Object.create(req);
        const wrapped = [
          new Proxy(req.polar, {}),
          Object.create(req.polar),
          child.polar,
          new Proxy(req, {}).polar,
        ];
        const said = wrapped.map(async (polar: typeof req.polar) => [
          polar.loginId,
          polar.scopes,
          await polar.isLoggedIn(),
          await polar.getAccessToken(),
        ]);
        res.json(await Promise.all(said));
      }),
  });
  const browser = await app.loggedInBrowser();
  const { body } = await browser.get('/wrapped');
  expect(body).toEqual(Array(4).fill([expect.any(String), expect.any(Array), true, await browser.token()]));
});

it('req.polar keeps all of its parts in a copy, and shows no token', async () => {
  app = await startTestApp({
    routes: (server) =>
      server.get('/parts', async (req, res) => {
        const { fetch: _fetch, organizations: _organizations, ...copy } = { ...req.polar };
        const { getAccessToken, getTokens, isLoggedIn, loginId, scopes } = copy;
        res.json({
          parts: [loginId === req.polar.loginId, scopes, await isLoggedIn()],
          tokens: [await getAccessToken(), (await getTokens()).accessToken],
          json: JSON.stringify(req.polar),
          shown: inspect(req.polar, { depth: 20, showHidden: true, getters: true }),
        });
      }),
  });
  const browser = await app.loggedInBrowser();
  const token = await browser.token();
  const { parts, tokens, json, shown } = (await browser.get('/parts')).body;
  expect(parts).toEqual([true, JSON.parse(json).scopes, true]);
  expect(tokens).toEqual([token, token]);
  for (const text of [json, shown]) {
    expect(text).toContain('scopes');
    expect(text).not.toContain(token);
    expect(text).not.toContain(app.client.clientSecret);
  }
});

it('req.polar works beside another copy of this package, which a plugin brings and mounts', async () => {
  app = await startTestApp({
    routes: (server, { client: { clientID, clientSecret }, emulator }) => {
      server.get('/own', (req, res) => void res.json(req.polar.loginId));
      jest.isolateModules(() => {
        const copy = jest.requireActual<typeof import('passport-polar-sh')>('passport-polar-sh');
        expect(copy.polarTokens).not.toBe(polarTokens);
        const options = { clientID, clientSecret, callbackURL: '/cb', server: emulator.server };
        const plugin = express();
        plugin.use(copy.polarTokens(new copy.PolarStrategy(options)));
        plugin.get('/id', (req, res) => void res.json(req.polar.loginId));
        server.use('/plugin', plugin);
        server.get('/guarded', copy.requireLogin({ loginPath: '/auth/polar' }), (req, res) => {
          res.json(req.polar.loginId);
        });
      });
    },
  });
  const browser = await app.loggedInBrowser();
  const { body: loginId } = await browser.get('/own');
  expect(loginId).toMatch(/^[0-9a-f]{32}$/);
  for (const path of ['/plugin/id', '/guarded']) expect((await browser.get(path)).body).toBe(loginId);
});

it.each(['destroy', 'null'])(
  'req.polar and the guards find nobody once the session is gone (%s)',
  async (how) => {
    app = await startTestApp({
      routes: (server) => {
        server.use('/gone', (req, _res, next) => {
          if (how === 'destroy') req.session.destroy(next);
          else {
            req.session = null as never;
            next();
          }
        });
        server.get('/gone/guarded', requireLogin({ loginPath: '/auth/polar' }));
        server.get('/gone', async ({ polar }, res) => {
          const code = await codeOf(polar.fetch('/v1/organizations/'));
          res.json([await polar.isLoggedIn(), code, polar.scopes, polar.loginId ?? null]);
        });
      },
    });
    const logIn = () => (app as TestApp).loggedInBrowser();
    expect((await (await logIn()).get('/gone')).body).toEqual([false, 'not_logged_in', [], null]);
    const page = await (await logIn()).get('/gone/guarded').set('accept', 'text/html');
    expect([page.status, page.headers['location']]).toEqual([303, '/auth/polar?return_to=%2Fgone%2Fguarded']);
  },
);
