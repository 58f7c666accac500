/** The function of docs/serverless.md, "Vercel", as Vercel calls it: with Node's request and response. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import session from 'express-session';
import type { PolarStrategy } from 'passport-polar-sh';
import { type PolarEmulator, type PolarEmulatorClient, startPolarEmulator } from 'passport-polar-sh/emulator';
import { freePort } from '../../support/free-port.js';
import { neededProgram } from '../../support/needed-program.js';
import { hasRedis, startRedis } from '../../support/redis-server.js';
import { SiteBrowser } from '../../support/site-browser.js';
import { closeServer } from '../../support/test-app.js';
import { startTLSProxy, type TLSProxy } from '../../support/tls-proxy.js';
import { createApp } from './app.js';
import { settledBeforeResponse } from './settled-before-response.js';

const origin = 'https://app.shop.example';
const openssl = neededProgram(['openssl'], 'apt-get install openssl');
const withOpenSSL = openssl === undefined ? describe.skip : describe;

let emulator: PolarEmulator;
let proxy: TLSProxy;
let server: Server;
let client: PolarEmulatorClient;

beforeEach(async () => {
  if (openssl === undefined) return;
  emulator = await startPolarEmulator({ consent: 'auto', realistic: { commitLagMs: [0, 400] } });
  client = emulator.registerClient({ redirectURIs: [`${origin}/auth/polar/callback`] });
  proxy = await startTLSProxy();
});
afterEach(() => Promise.all([proxy?.close(), emulator?.close(), server && closeServer(server)]));

async function serve(listener: Parameters<typeof createServer>[1]): Promise<SiteBrowser> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return new SiteBrowser({ origin, port: proxy.port, certificate: proxy.certificate });
}

withOpenSSL('a function that settles before its response', () => {
  it('leaves no work for after the response of a login, a late refresh and a logout', async () => {
    const { app, polar } = createApp({
      baseURL: origin,
      trustProxy: 1,
      sessionSecret: 'only for tests',
      store: new session.MemoryStore(),
      polar: {
        clientID: client.clientID,
        clientSecret: client.clientSecret,
        server: emulator.server,
        scope: 'openid organizations:read',
        timeoutMs: 1000,
      },
    });
    app.get('/refresh', async (req, res) => {
      await req.polar.getAccessToken({ forceRefresh: true }).catch(() => {});
      res.json({});
    });
    const browser = await serve(settledBeforeResponse(app, polar));
    const left = async () => polar.settled({ withinMs: 0 });
    const nothing = { exchanges: 0, writes: 0 };
    expect((await browser.logIn()).status).toBe(302);
    expect(await left()).toEqual(nothing);
    emulator.fail('token', { delayMs: 2000 }); // Polar's response comes after the time-out of the request
    expect((await browser.get('/refresh')).status).toBe(200);
    expect(await left()).toEqual(nothing);
    expect((await browser.get('/organizations')).status).toBe(200);
    await browser.post('/logout').expect(302);
    expect(await left()).toEqual(nothing);
    await emulator.settled();
    expect(emulator.liveTokens()).toEqual([]);
  });

  it('refreshes once for requests that run at once in one instance, and leaves nothing', async () => {
    const { app, polar } = createApp({
      baseURL: origin,
      trustProxy: 1,
      sessionSecret: 'only for tests',
      store: new session.MemoryStore(),
      polar: {
        clientID: client.clientID,
        clientSecret: client.clientSecret,
        server: emulator.server,
        now: emulator.now,
        scope: 'openid organizations:read',
      },
    });
    const browser = await serve(settledBeforeResponse(app, polar));
    await browser.logIn();
    emulator.advanceTime(864_000);
    const statuses = await Promise.all(
      Array.from({ length: 5 }, async () => (await browser.get('/organizations')).status),
    );
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    expect(emulator.requests.filter(({ grantType }) => grantType === 'refresh_token')).toHaveLength(1);
    expect(await polar.settled({ withinMs: 0 })).toEqual({ exchanges: 0, writes: 0 });
  });

  it('responds only when the work for Polar is done', async () => {
    let isDone = false;
    const settled = async () => {
      await delay(300);
      isDone = true;
      return { exchanges: 0, writes: 0 };
    };
    const { app } = createApp({
      baseURL: origin,
      trustProxy: 1,
      sessionSecret: 'only for tests',
      store: new session.MemoryStore(),
      polar: { clientID: client.clientID, clientSecret: client.clientSecret, server: emulator.server },
    });
    const browser = await serve(settledBeforeResponse(app, { settled } as unknown as PolarStrategy));
    await browser.get('/').expect(200);
    expect(isDone).toBe(true);
  });
});

(openssl && hasRedis ? describe : describe.skip)('the function of the guide', () => {
  it('logs users in and out, with its sessions and logins in Redis', async () => {
    const [redis, port] = await Promise.all([startRedis(), freePort()]);
    const vercel = spawn(process.execPath, ['--import', 'tsx', 'vercel.ts'], {
      cwd: resolve(__dirname),
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        PORT: String(port),
        BASE_URL: origin,
        TRUST_PROXY: '1',
        REDIS_URL: redis.url,
        SESSION_SECRET: 'only for tests',
        POLAR_CLIENT_ID: client.clientID,
        POLAR_CLIENT_SECRET: client.clientSecret,
        POLAR_SERVER: emulator.url,
      },
    });
    try {
      await once(vercel.stdout, 'data');
      proxy.target = `http://127.0.0.1:${port}`;
      const browser = new SiteBrowser({ origin, port: proxy.port, certificate: proxy.certificate });
      expect((await browser.logIn()).status).toBe(302);
      expect((await browser.get('/organizations')).status).toBe(200);
      await browser.post('/logout').expect(302);
      expect((await browser.get('/')).body.user).toBeNull();
    } finally {
      vercel.kill('SIGKILL');
      await redis.close();
    }
  });
});
