import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromiumArgs, chromiumPath } from './chromium.js';
import { type RunningApp, runApp } from './running-app.js';

(chromiumPath === undefined ? describe.skip : describe)('a user of the example app with a browser', () => {
  let browser: Browser;
  let context: BrowserContext | undefined;
  let app: RunningApp;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath as string, args: chromiumArgs });
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
    'logs in, calls the API, refreshes, allows one more scope, changes the account and logs out (JavaScript: %s)',
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

      await page.getByRole('link', { name: 'Allow access and show my products' }).click();
      await page.getByRole('button', { name: 'Allow' }).click();
      await page.waitForURL(`${app.url}/products`);
      await page.getByText('Rocket fuel').waitFor();
      await page.getByRole('link', { name: 'Back to your login' }).click();
      await page.getByRole('link', { name: 'Show my products' }).waitFor();

      await page.getByRole('link', { name: 'Use another account' }).click();
      await page.getByRole('link', { name: 'Grace Hopper' }).click();
      await page.getByRole('button', { name: 'Allow' }).click();
      await page.getByRole('heading', { name: 'grace@example.com' }).waitFor();

      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByRole('status').getByText('You are logged out').waitFor();
      await page.getByRole('link', { name: 'Log in with Polar' }).waitFor();
      expect(app.emulator.liveTokens()).toEqual([]);
      expect(complaints).toEqual([]);
    },
    60_000,
  );

  it('comes back with a notice, and can try again, after pressing Cancel', async () => {
    app = await runApp({}, { consent: 'ask' });
    const { page } = await open();
    await page.getByRole('link', { name: 'Log in with Polar' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('status').getByText('You cancelled').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    await page.getByRole('link', { name: 'Try again' }).click();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('heading', { name: 'ada@example.com' }).waitFor();
  });

  it('stays logged in after opening the address of the callback again', async () => {
    app = await runApp({}, { consent: 'ask' });
    const { page } = await open();
    const callbacks: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/callback?')) callbacks.push(request.url());
    });
    await page.getByRole('link', { name: 'Log in with Polar' }).click();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByText('Logged in as').waitFor();
    await page.goto(callbacks[0] as string);
    await page.waitForURL(`${app.url}/`);
    await page.getByRole('heading', { name: 'ada@example.com' }).waitFor();
  });

  it('hears what a refresh has changed, and of the expiry only when it is near', async () => {
    app = await runApp();
    const { page } = await open();
    await page.clock.install();
    await page.getByRole('link', { name: 'Log in with Polar' }).click();
    await page.getByRole('button', { name: 'Refresh now' }).click();
    await page.getByRole('status').waitFor();
    await record(page);
    await page.clock.runFor(1000);
    const change = expect.stringMatching(/^You have a new access token\. .* one hour after a refresh\.$/);
    expect(await heard(page)).toEqual([change]);
    await page.clock.runFor('54:00');
    expect(await heard(page)).toEqual([change]);
    await page.clock.runFor('07:00');
    expect(await heard(page)).toEqual([
      change,
      'Your access token expires in 5 minutes.',
      'Your access token expires in 1 minute.',
      'Your access token has expired. It is renewed when it is next needed.',
    ]);
    expect(await page.locator('#countdown').textContent()).toBe('expired');
  });

  it('hears that a form is on its way, and cannot send it twice', async () => {
    app = await runApp();
    const { page } = await open();
    await page.getByRole('link', { name: 'Log in with Polar' }).click();
    await page.getByText('Logged in as').waitFor();
    const shown = await page.evaluate(`(() => {
      const button = document.querySelector('form[action="/refresh"] button');
      const sent = [];
      addEventListener('submit', (event) => sent.push(!event.defaultPrevented));
      button.click();
      button.click();
      return { sent, label: button.textContent, heard: document.querySelector('[aria-live]').textContent };
    })()`);
    expect(shown).toEqual({ sent: [true, false], label: 'Refreshing…', heard: 'Refreshing…' });
    await page.getByRole('status').waitFor();
    expect(app.emulator.requests.filter(({ grantType }) => grantType === 'refresh_token')).toHaveLength(1);
    expect(await page.locator('form[action="/refresh"]').textContent()).toBe('Refresh now');
  });

  /** Records what the page tells screen readers. */
  async function record(page: Page): Promise<void> {
    await page.evaluate(`(() => {
      const announcer = document.querySelector('[aria-live=polite]');
      window.heard = [];
      new MutationObserver(() => announcer.textContent && window.heard.push(announcer.textContent))
        .observe(announcer, { childList: true });
    })()`);
  }
  const heard = (page: Page) => page.evaluate<string[]>('window.heard');

  it('can pick one organization', async () => {
    app = await runApp({}, { consent: 'ask' });
    const { page } = await open();
    await page.getByRole('link', { name: 'Log in for one organization only' }).click();
    await page.getByLabel('Analytical Engines').check();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('link', { name: 'Call the API' }).click();
    const shown = page.locator('#organizations li');
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
