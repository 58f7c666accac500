/** docs/sessions.md: each row of its table of settings, in a real browser, which keeps and sends cookies by its own rules. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SessionOptions } from 'express-session';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { type Browser, chromium, type Page } from 'playwright-core';
import { neededProgram } from '../support/needed-program.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { startTLSProxy, type TLSProxy } from '../support/tls-proxy.js';
import { until } from '../support/until.js';
import { logOutRoutes } from './sessions/log-out-form.js';
import { projectFile } from './shown-code.js';

const program = neededProgram(['chromium', 'chromium-browser', 'google-chrome'], 'apt-get install chromium');
const openssl = neededProgram(['openssl'], 'apt-get install openssl');

interface Row {
  readonly options: string;
  readonly scheme: 'http' | 'https';
  readonly result: string;
}

const [, table = ''] = /^## Settings\n([\s\S]*?)^## /m.exec(projectFile('docs/sessions.md')) ?? [];
const rows: Row[] = [...table.matchAll(/^\| `(.*?)` \| (https?|both) \| (.*?) \|/gm)].flatMap(
  ([, options = '', over = '', result = '']) =>
    (over === 'both' ? ['http', 'https'] : [over]).map((scheme) => ({ options, result, scheme }) as Row),
);

(program === undefined || openssl === undefined ? describe.skip : describe)('in Chromium', () => {
  let browser: Browser;
  let proxy: TLSProxy;
  let app: TestApp;
  let page: Page;
  beforeAll(async () => {
    proxy = await startTLSProxy();
    browser = await chromium.launch({
      executablePath: program as string,
      args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP *.example 127.0.0.1'],
    });
  });
  afterEach(async () => {
    await page?.context().close();
    await app?.close();
    await app?.emulator.close();
  });
  afterAll(async () => {
    await browser?.close();
    await proxy?.close();
  });

  async function open(
    options: Partial<SessionOptions>,
    scheme: Row['scheme'],
    routes?: Parameters<typeof startTestApp>[0],
  ) {
    const origin = `https://app.shop.example:${proxy.port}`;
    const emulator = await startPolarEmulator({ consent: 'auto' });
    const client = emulator.registerClient({ redirectURIs: [`${origin}/auth/polar/callback`] });
    const { clientID, clientSecret } = client;
    app = await startTestApp({
      session: options,
      sharedEmulator: emulator,
      ...(scheme === 'https' && { strategy: { clientID, clientSecret } }),
      ...routes,
    });
    proxy.target = app.url;
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    page = await context.newPage();
    return scheme === 'https' ? origin : app.url;
  }

  it.each(rows)('$options over $scheme: $result', async ({ options, scheme, result }) => {
    const url = await open(new Function(`return { ${options} }`)(), scheme);
    const response = await page.goto(`${url}/auth/polar`);
    const text = (await page.textContent('body')) ?? '';
    if (response?.url() === `${url}/auth/polar`) {
      const { code, message } = JSON.parse(text);
      return expect(`refused: ${code === undefined ? message : `\`${code}\``}`).toBe(result);
    }
    // The end of the login; the test app has no page there.
    expect(page.url()).toBe(`${url}/home`);
    const me = await page.goto(`${url}/me`);
    const { user } = me?.ok() ? JSON.parse((await page.textContent('body')) ?? '') : { user: null };
    expect(user === null ? 'nobody is logged in' : 'logged in').toBe(result);
  });

  it('the log-out form of the guide works, and the same form on a sibling host does not', async () => {
    const origin = `https://app.shop.example:${proxy.port}`;
    const url = await open({ cookie: { secure: true, sameSite: 'lax' } }, 'https', {
      routes: (server, { polar }) => {
        server.use(logOutRoutes(polar, origin));
        server.get('/attack', (_req, res) => {
          res.type('html').send(`<form method="post" action="${origin}/logout"><button>Win</button></form>`);
        });
      },
    });
    await page.goto(`${url}/auth/polar`);
    await page.goto(`${url.replace('app.', 'evil.')}/attack`);
    await page.getByRole('button').click();
    await until(() => page.url() === `${url}/logout`);
    expect(await page.textContent('body')).toBe('This request came from another site.');
    await page.goto(`${url}/me`);
    expect(await page.textContent('body')).toContain('"provider":"polar"');

    await page.goto(`${url}/account`);
    await page.getByRole('button').click();
    await until(() => page.url() === `${url}/`);
    await page.goto(`${url}/me`);
    expect(await page.textContent('body')).toContain('"user":null');
  });
});

it('the guide to sessions has a table of settings', () => {
  expect(rows.length).toBeGreaterThan(20);
});
