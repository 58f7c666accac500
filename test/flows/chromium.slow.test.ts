/** What only a real browser does: caching, tabs that share cookies, abandoned requests, frames, cookie rules. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { requireLogin } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { requestsTo } from '../support/emulator-requests.js';
import { neededProgram } from '../support/needed-program.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { startTLSProxy, type TLSProxy } from '../support/tls-proxy.js';
import { until } from '../support/until.js';

const program = neededProgram(['chromium', 'chromium-browser', 'google-chrome'], 'apt-get install chromium');
const openssl = neededProgram(['openssl'], 'apt-get install openssl');
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--host-resolver-rules=MAP *.example 127.0.0.1',
];

let app: TestApp;
let browser: Browser;
let context: BrowserContext;
const exchanges = () => requestsTo(app.emulator, 'token').length;
const pages: TestAppOptions['routes'] = (server) => {
  server.get(/^\/(home|failed|tab-\d+)$/, (req, res) => void res.type('html').send(`<h1>${req.path}</h1>`));
};

(program === undefined ? describe.skip : describe)('the app in Chromium', () => {
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: program as string, args });
  });
  afterEach(async () => {
    await context?.close();
    await app.close();
  });
  afterAll(() => browser?.close());
  const open = async (options: TestAppOptions) => {
    app = await startTestApp({ callback: { failureMessage: undefined } as never, ...options });
    context = await browser.newContext();
    context.setDefaultTimeout(20_000);
    return context.newPage();
  };

  it('logs in repeatedly, and at a guarded page, even if it makes every response cacheable', async () => {
    const page = await open({
      routes: (server, parts) => {
        server.use((_req, res, next) => {
          res.setHeader('Cache-Control', 'private, max-age=600');
          next();
        });
        server.get(
          '/page',
          requireLogin({ loginPath: '/auth/polar' }),
          (_req, res) => void res.send('guarded'),
        );
        pages(server, parts);
      },
    });
    for (let time = 1; time <= 3; time++) {
      await page.goto(`${app.url}/auth/polar`);
      expect(page.url()).toBe(`${app.url}/home`);
      expect(exchanges()).toBe(time);
    }
    const stranger = await browser.newContext();
    try {
      const guarded = await stranger.newPage();
      for (let time = 0; time < 2; time++) {
        await guarded.goto(`${app.url}/page`);
        expect([guarded.url(), await guarded.textContent('body')]).toEqual([`${app.url}/page`, 'guarded']);
        await stranger.clearCookies();
      }
    } finally {
      await stranger.close();
    }
  });

  it('finishes fifteen logins in tabs that are restored at once without a session', async () => {
    await open({ routes: pages });
    const tabs = await Promise.all(Array.from({ length: 15 }, () => context.newPage()));
    await Promise.all(tabs.map((tab, index) => tab.goto(`${app.url}/auth/polar?return_to=/tab-${index}`)));
    expect(tabs.map((tab) => new URL(tab.url()).pathname)).toEqual(
      tabs.map((_tab, index) => `/tab-${index}`),
    );
    const cookies = await context.cookies();
    expect(cookies.filter(({ name }) => /^polar-[0-9a-f]{10}$/.test(name))).toHaveLength(15);
    await tabs[0]?.goto(`${app.url}/me`);
    expect(await tabs[0]?.textContent('body')).toContain('"provider":"polar"');
  }, 90_000);

  it('logs in a person who clicks twice, although the browser drops the first response', async () => {
    const page = await open({ routes: pages, emulator: { consent: 'ask' } });
    await page.goto(`${app.url}/auth/polar?return_to=/tab-1`);
    app.emulator.fail('token', { delayMs: 2000 }, 1);
    const allow = page.getByRole('button', { name: 'Allow' });
    // Chromium sends the form twice and drops the first response.
    await allow.evaluate((button: { click(): void }) => {
      button.click();
      setTimeout(() => button.click(), 300);
    });
    await until(() => page.url() === `${app.url}/tab-1`);
    expect(exchanges()).toBe(2);
    await page.goto(`${app.url}/me`);
    expect(await page.textContent('body')).toContain('"provider":"polar"');
  });
});

(program === undefined || openssl === undefined ? describe.skip : describe)(
  'the app in Chromium over TLS',
  () => {
    let proxy: TLSProxy;
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: program as string, args });
      proxy = await startTLSProxy();
    });
    afterEach(async () => {
      await context?.close();
      await app.close();
      proxy.prefix = '';
    });
    afterAll(async () => {
      await browser?.close();
      await proxy?.close();
    });

    /** The app at app.shop.example, behind the proxy. */
    const open = async (options: TestAppOptions, prefix = '') => {
      const url = `https://app.shop.example:${proxy.port}`;
      const emulator = await startPolarEmulator({ consent: 'auto' });
      const { clientID, clientSecret } = emulator.registerClient({
        redirectURIs: [`${url}${prefix}/auth/polar/callback`],
      });
      const started = await startTestApp({
        ...options,
        sharedEmulator: emulator,
        strategy: { clientID, clientSecret, ...options.strategy },
      });
      app = {
        ...started,
        close: async () => {
          await started.close();
          await emulator.close();
        },
      };
      Object.assign(proxy, { target: app.url, prefix });
      context = await browser.newContext({ ignoreHTTPSErrors: true });
      context.setDefaultTimeout(20_000);
      return { page: await context.newPage(), url };
    };
    const secure = { secure: true } as const;

    it('accepts its __Host- cookie and refuses one that a sibling host plants', async () => {
      const { page, url } = await open({
        session: { cookie: secure },
        routes: (server, parts) => {
          server.get('/toss', (req, res) => {
            const name = String(req.query['name']);
            res.setHeader('Set-Cookie', [
              `__Host-${name}=tossed; Path=/; Secure; Domain=shop.example`,
              `${name}=tossed; Path=/; Secure; Domain=shop.example`,
            ]);
            res.send('tossed');
          });
          pages(server, parts);
        },
      });
      // The attacker's own login, up to Polar's response, which the victim is tricked into opening.
      const attacker = app.browser();
      const https = { 'x-forwarded-proto': 'https', 'x-forwarded-host': new URL(url).host };
      const start = await attacker.get('/auth/polar').set(https);
      const [cookie = ''] = start.headers['set-cookie'] as never as string[];
      const [name = '', value = ''] = cookie.split(';')[0]?.split('=') ?? [];
      expect(name).toMatch(/^__Host-polar-/);
      const response = await app.emulator.authorize(new URL(start.headers['location'] as string));
      const plain = name.replace('__Host-', '');
      await page.goto(`${url.replace('app.', 'evil.')}/toss?name=${plain}`);
      await context.addCookies([{ name: plain, value, domain: '.shop.example', path: '/', secure: true }]);
      await page.goto(`${url}${response}`);
      expect(page.url()).toBe(`${url}/failed`);
      await page.goto(`${url}/me`);
      expect(await page.textContent('body')).toContain('"user":null');
      // The victim's own login works beside it.
      await page.goto(`${url}/auth/polar`);
      expect(page.url()).toBe(`${url}/home`);
    });

    it('logs in inside a frame of another site with SameSite=None; Partitioned', async () => {
      const { page, url } = await open({
        session: { cookie: { ...secure, sameSite: 'none', partitioned: true } as never },
        routes: (server, parts) => {
          server.get(
            '/merchant',
            (req, res) => void res.type('html').send(`<iframe src="${req.query['app']}"></iframe>`),
          );
          pages(server, parts);
        },
      });
      const merchant = `https://merchant.example:${proxy.port}/merchant`;
      await page.goto(`${merchant}?app=${encodeURIComponent(`${url}/auth/polar?return_to=/me`)}`);
      await until(() => page.frame({ url: `${url}/me` }) !== null);
      const frame = page.frame({ url: `${url}/me` });
      expect(frame?.url()).toBe(`${url}/me`);
      expect(await frame?.textContent('body')).toContain('"provider":"polar"');
    });

    it('starts a login on one host and finishes it on another of the same domain', async () => {
      const { page, url } = await open({
        session: { cookie: { ...secure, domain: 'shop.example' } },
        strategy: { callbackURL: `https://app.shop.example:${proxy.port}/auth/polar/callback` },
        routes: pages,
      });
      await page.goto(`${url.replace('app.', 'www.')}/auth/polar`);
      expect(page.url()).toBe(`${url}/home`);
      await page.goto(`${url.replace('app.', 'www.')}/me`);
      expect(await page.textContent('body')).toContain('"provider":"polar"');
    });

    it('logs in through a proxy that strips a prefix', async () => {
      const { page, url } = await open(
        {
          session: { cookie: secure },
          strategy: { proxyPrefix: '/shop' },
          callback: { successReturnToOrRedirect: '/shop/home', failureRedirect: '/shop/failed' },
          routes: (server, parts) => {
            server.get(
              '/page',
              requireLogin({ loginPath: '/auth/polar' }),
              (req, res) => void res.send(req.originalUrl),
            );
            pages(server, parts);
          },
        },
        '/shop',
      );
      await page.goto(`${url}/shop/page?week=3`);
      expect(page.url()).toBe(`${url}/shop/page?week=3`);
      expect(await page.textContent('body')).toBe('/page?week=3');
    });
  },
);
