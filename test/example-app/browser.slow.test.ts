import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { neededProgram } from '../support/needed-program.js';
import { type RunningApp, runApp } from './running-app.js';

const program = neededProgram(['chromium', 'chromium-browser', 'google-chrome'], 'apt-get install chromium');
const quietly = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

(program === undefined ? describe.skip : describe)('a user of the example app with a browser', () => {
  let browser: Browser;
  let context: BrowserContext | undefined;
  let app: RunningApp;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: program as string, args: quietly });
  });
  afterEach(async () => {
    await context?.close();
    await app.close();
  });
  afterAll(() => browser?.close());

  async function open(
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<{ page: Page; complaints: string[] }> {
    context = await browser.newContext(options);
    context.setDefaultTimeout(10_000);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(app.url);
    return { page, complaints };
  }

  it.each([true, false])(
    'logs in, calls the API, refreshes and logs out (JavaScript: %s)',
    async (javaScriptEnabled) => {
      app = await runApp({}, { consent: 'ask' });
      const { page, complaints } = await open({ javaScriptEnabled });
      await page.getByRole('link', { name: 'Log in with Polar' }).click();
      await page.getByRole('button', { name: 'Allow' }).click();

      await page.waitForURL(`${app.url}/`);
      await page.getByRole('heading', { name: 'ada@example.com' }).waitFor();
      const expires = page.locator('#countdown');
      expect(await expires.textContent()).toMatch(/day/);

      await page.getByRole('link', { name: 'Call the API' }).click();
      await page.getByText('Analytical Engines').waitFor();

      await page.getByRole('button', { name: 'Refresh now' }).click();
      await page.getByRole('status').getByText('new access token').waitFor();
      expect(await expires.textContent()).toMatch(/^(1 hour|59 minutes)/);

      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByRole('link', { name: 'Log in with Polar' }).waitFor();
      expect(app.emulator.liveTokens()).toEqual([]);
      expect(complaints).toEqual([]);
    },
    60_000,
  );

  it('comes back with a message after pressing Cancel', async () => {
    app = await runApp({}, { consent: 'ask' });
    const { page } = await open();
    await page.getByRole('link', { name: 'Log in with Polar' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('alert').getByText('cancelled').waitFor();
  });

  it('can pick one organization', async () => {
    app = await runApp({}, { consent: 'ask' });
    const { page } = await open();
    await page.getByRole('link', { name: 'Log in for one organization only' }).click();
    await page.getByLabel('Analytical Engines').check();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('link', { name: 'Call the API' }).click();
    const shown = page.locator('.organizations li');
    await shown.first().waitFor();
    expect(await shown.allTextContents()).toEqual([expect.stringContaining('Analytical Engines')]);
  });

  it.each([390, 1280])(
    'sees no page that is wider than a window of %d pixels',
    async (width) => {
      app = await runApp();
      const { page, complaints } = await open({ viewport: { width, height: 800 } });
      const overflow = () => page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
      expect(await overflow()).toBeLessThanOrEqual(0);
      await page.getByRole('link', { name: 'Log in with Polar' }).click();
      await page.getByRole('link', { name: 'Call the API' }).click();
      await page.getByText('Analytical Engines').waitFor();
      expect(await overflow()).toBeLessThanOrEqual(0);
      expect(complaints).toEqual([]);
    },
    60_000,
  );
});
