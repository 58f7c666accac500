/** docs/reverse-proxies.md, "nginx": its nginx.conf and its app, with a real nginx in between. */
import { createServer, type Server } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { SharedStore } from '../../support/app-processes.js';
import { recordMessages } from '../../support/diagnostics.js';
import { hasNginx, type Nginx, startNginx } from '../../support/nginx.js';
import { SiteBrowser } from '../../support/site-browser.js';
import { closeServer } from '../../support/test-app.js';
import { runningFile } from '../shown-code.js';
import { createApp, type Deployment } from './app.js';

const origin = 'https://app.shop.example';
const config = runningFile('deployment', 'nginx.conf');

interface Changes {
  readonly app?: Partial<Omit<Deployment, 'polar'>> & { polar?: Partial<Deployment['polar']> };
  readonly config?: (config: string) => string;
}

let emulator: PolarEmulator;
let nginx: Nginx;
let servers: Server[];

async function start({ app = {}, config: change = (same) => same }: Changes = {}): Promise<void> {
  emulator = await startPolarEmulator({ consent: 'auto' });
  const baseURL = app.baseURL ?? origin;
  const { clientID, clientSecret } = emulator.registerClient({
    redirectURIs: [`${baseURL}/auth/polar/callback`],
  });
  const store = new SharedStore();
  servers = await Promise.all(
    [0, 1].map(async (index) => {
      const { app: express } = createApp({
        baseURL,
        trustProxy: 'loopback',
        sessionSecret: 'only for tests',
        store,
        ...app,
        polar: {
          clientID,
          clientSecret,
          server: emulator.server,
          now: emulator.now,
          scope: 'openid email organizations:read',
          ...app.polar,
        },
      });
      const server = createServer((req, res) => {
        res.setHeader('x-process', index);
        express(req, res);
      });
      server.on('upgrade', (_req, socket) => {
        socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const [first, second] = servers.map((server) => (server.address() as AddressInfo).port);
  nginx = await startNginx(({ port, plainPort, folder }) =>
    change(config)
      .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
      .replace('listen 80', `listen 127.0.0.1:${plainPort}`)
      .replace('127.0.0.1:3000', `127.0.0.1:${first}`)
      .replace('127.0.0.1:3001', `127.0.0.1:${second}`)
      .replaceAll('/etc/ssl/shop', folder),
  );
}

const browser = (): SiteBrowser =>
  new SiteBrowser({ origin, port: nginx.port, certificate: nginx.certificate });

afterEach(async () => {
  await nginx.close();
  await Promise.all([...servers.map(closeServer), emulator.close()]);
});

const withNginx = hasNginx ? describe : describe.skip;

withNginx('behind the nginx of the guide', () => {
  it('a login, a refresh and a logout work, on whichever of two processes each request arrives', async () => {
    await start();
    const user = browser();
    const toPolar = await user.get('/auth/polar');
    const cookies = String(toPolar.headers['set-cookie']);
    expect(cookies).toMatch(/^__Host-polar-[0-9a-f]{10}=/);
    const callback = await user.visitPolar(new URL(String(toPolar.headers['location'])));
    const loggedIn = await user.get(callback);
    expect([loggedIn.status, loggedIn.headers['location']]).toEqual([302, `${origin}/`]);
    expect(String(loggedIn.headers['set-cookie'])).toContain('Secure');
    emulator.advanceTime(864_000);
    const processes = new Set<unknown>();
    for (let count = 0; count < 4; count++) {
      const { status, headers } = await user.get('/organizations');
      expect(status).toBe(200);
      processes.add(headers['x-process']);
    }
    expect(processes.size).toBe(2);
    expect(emulator.requests.filter(({ grantType }) => grantType === 'refresh_token')).toHaveLength(1);
    await user.post('/logout').expect(302);
    expect((await user.get('/')).body.user).toBeNull();
    expect(emulator.liveTokens()).toEqual([]);
  });

  it('a login continues on the other process when one has ended', async () => {
    await start();
    const user = browser();
    const page = await user.startLogin();
    await closeServer(servers[0] as Server);
    expect((await user.get(await user.visitPolar(page))).status).toBe(302);
    expect((await user.get('/')).body.user).not.toBeNull();
  });

  it('the app sees the address of the client and its own host, whatever the client claims', async () => {
    await start();
    const claims = {
      'X-Forwarded-For': '6.6.6.6',
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Proto': 'http',
      Forwarded: 'host=evil.example;proto=http;for=6.6.6.6',
    };
    expect((await browser().get('/ip').set(claims)).text).toBe('127.0.0.1');
    const { status, headers } = await browser().get('/auth/polar').set(claims);
    expect(status).toBe(302);
    const redirectURI = new URL(String(headers['location'])).searchParams.get('redirect_uri');
    expect(redirectURI).toBe(`${origin}/auth/polar/callback`);
  });

  it('behind Cloudflare, the app sees the address of the client with the two lines of the guide', async () => {
    await start({
      config: (same) => `set_real_ip_from 127.0.0.1;\nreal_ip_header CF-Connecting-IP;\n${same}`,
    });
    const sent = { 'CF-Connecting-IP': '203.0.113.7', 'X-Forwarded-For': '6.6.6.6, 203.0.113.7' };
    expect((await browser().get('/ip').set(sent)).text).toBe('203.0.113.7');
  });

  it('plain http is redirected to https', async () => {
    await start();
    const response = await fetch(`http://127.0.0.1:${nginx.plainPort}/auth/polar`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([301, `${origin}/auth/polar`]);
  });

  it('a WebSocket reaches the app', async () => {
    await start();
    const upgraded = new Promise<number | undefined>((resolve, reject) => {
      const upgrade = request({
        host: '127.0.0.1',
        port: nginx.port,
        servername: 'app.shop.example',
        ca: nginx.certificate,
        headers: { host: 'app.shop.example', connection: 'Upgrade', upgrade: 'echo' },
      });
      upgrade.on('upgrade', ({ statusCode }, socket) => {
        socket.destroy();
        resolve(statusCode);
      });
      upgrade.on('response', ({ statusCode }) => resolve(statusCode));
      upgrade.on('error', reject).end();
    });
    expect(await upgraded).toBe(101);
  });

  it('a cache for all pages keeps neither the login nor the pages that send no-store', async () => {
    await start({
      config: (same) =>
        same
          .replace('upstream shop', 'proxy_cache_path cache keys_zone=pages:1m;\nupstream shop')
          .replace('proxy_pass', 'proxy_cache pages; proxy_cache_valid any 10m;\n    proxy_pass'),
    });
    const [one, other] = [browser(), browser()];
    expect((await one.startLogin()).href).not.toBe((await other.startLogin()).href);
    await one.logIn();
    expect((await one.get('/')).body.user).not.toBeNull();
    expect((await other.get('/')).body.user).toBeNull();
  });

  it('an app under a prefix that nginx strips logs users in with proxyPrefix, and guards send them to the login', async () => {
    await start({
      app: { baseURL: `${origin}/shop`, polar: { proxyPrefix: '/shop' } },
      config: (same) =>
        same.replace('location / {', 'location /shop/ {').replace('http://shop;', 'http://shop/;'),
    });
    const user = browser();
    const guard = await user.get('/shop/organizations').set('Accept', 'text/html');
    expect(String(guard.headers['location'])).toMatch(/^\/shop\/auth\/polar\?/);
    const loggedIn = await user.get(
      await user.visitPolar(await user.startLogin(String(guard.headers['location']))),
    );
    expect(loggedIn.headers['location']).toBe('/shop/organizations');
    expect((await user.get('/shop/organizations')).status).toBe(200);
  });
});

withNginx('a wrong set-up shows the symptom that the guide names:', () => {
  const messages = recordMessages();
  it('without trust proxy, the login succeeds and nobody is logged in', async () => {
    await start({ app: { trustProxy: 0 } });
    const user = browser();
    expect((await user.logIn()).status).toBe(302);
    expect((await user.get('/')).body.user).toBeNull();
    expect(messages).toContainEqual(expect.objectContaining({ code: 'session_cookie_not_set' }));
  });

  it('without X-Forwarded-Proto, the login is refused at its start', async () => {
    await start({ config: (same) => same.replace(/.*X-Forwarded-Proto.*\n/, '') });
    const refused = await browser().get('/auth/polar');
    expect(refused.status).toBe(500);
    expect(refused.text).toContain('send X-Forwarded-Proto: https');
  });

  it('without Host and X-Forwarded-Host, the login is refused at its start, with the name that the app sees', async () => {
    await start({
      config: (same) => same.replace(/.*Host \$host;\n/g, ''),
    });
    const refused = await browser().get('/auth/polar');
    expect([refused.status, refused.text]).toEqual([
      500,
      expect.stringContaining('This login starts on shop,'),
    ]);
  });
});
