import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromiumArgs, chromiumPath } from './chromium.js';
import { type RunningApp, runApp } from './running-app.js';

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

interface Visit {
  readonly page: Page;
  readonly app: RunningApp;
}

const logIn = async ({ page, app }: Visit): Promise<void> => {
  await page.goto(`${app.url}/auth/polar`);
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.getByText('Logged in as').waitFor();
};

/** How a user gets to each page, by its name. */
const states: Readonly<Record<string, (visit: Visit) => Promise<unknown>>> = {
  'the home page, logged out': ({ page, app }) => page.goto(app.url),
  'the home page, opened at another address': ({ page, app }) =>
    page.goto(app.url.replace('localhost', '127.0.0.1')),
  'the home page, after Cancel': async ({ page, app }) => {
    await page.goto(`${app.url}/auth/polar`);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('status').waitFor();
  },
  'the home page, logged in': logIn,
  'the home page, with organizations': async (visit) => {
    await logIn(visit);
    await visit.page.getByRole('link', { name: 'Call the API' }).click();
    await visit.page.getByText('Analytical Engines').waitFor();
  },
  'the home page, when the API fails': async (visit) => {
    await logIn(visit);
    visit.app.emulator.fail('api', { status: 404 }, 2);
    await visit.page.goto(`${visit.app.url}/?show=organizations`);
    await visit.page.getByRole('alert').waitFor();
  },
  'the home page, after a refresh': async (visit) => {
    await logIn(visit);
    await visit.page.getByRole('button', { name: 'Refresh now' }).click();
    await visit.page.getByRole('status').waitFor();
  },
  'the home page, limited to an organization': async ({ page, app }) => {
    await page.goto(`${app.url}/auth/polar?sub_type=organization`);
    await page.getByLabel('Analytical Engines').check();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByText('Limited to').waitFor();
  },
  'the home page, after the login has ended': async (visit) => {
    await logIn(visit);
    visit.app.emulator.revokeAll();
    await visit.page.getByRole('button', { name: 'Refresh now' }).click();
    await visit.page.goto(visit.app.url);
    await visit.page.getByText('Your login with Polar has ended').waitFor();
  },
  'the home page, after a log-out': async (visit) => {
    await logIn(visit);
    await visit.page.getByRole('button', { name: 'Log out' }).click();
    await visit.page.getByRole('status').waitFor();
  },
  'the products': async (visit) => {
    await logIn(visit);
    await visit.page.getByRole('link', { name: 'Allow access and show my products' }).click();
    await visit.page.getByRole('button', { name: 'Allow' }).click();
    await visit.page.getByText('Rocket fuel').waitFor();
  },
  'the page for an unknown address': ({ page, app }) => page.goto(`${app.url}/nowhere`),
  'the page for a login that failed': ({ page, app }) =>
    page.goto(`${app.url}/auth/polar/callback?code=polar_ac_1&state=stale`),
  'the page for a Polar that is unavailable': async (visit) => {
    await logIn(visit);
    visit.app.emulator.fail('token', { status: 500 }, 9);
    await visit.page.getByRole('button', { name: 'Refresh now' }).click();
    await visit.page.getByRole('heading', { name: 'Polar is unavailable' }).waitFor();
  },
  'Polar’s consent page': ({ page, app }) => page.goto(`${app.url}/auth/polar`),
  'Polar’s consent page, with other accounts': async ({ page, app }) => {
    await page.goto(`${app.url}/auth/polar`);
    await page.getByText('Use another account').click();
  },
  'Polar’s consent page, for an app with a long name': ({ page, app }) => {
    const redirectURI = `${app.url}/callback`;
    const name = 'Wonderful'.repeat(12);
    const { clientID } = app.emulator.registerClient({ name, redirectURIs: [redirectURI] });
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: clientID,
      redirect_uri: redirectURI,
    });
    return page.goto(`${app.emulator.webURL}/oauth2/authorize?${query}`);
  },
  'Polar’s choice of an organization': async ({ page, app }) => {
    await page.goto(`${app.url}/auth/polar?sub_type=organization`);
    await page.getByLabel('Analytical Engines').check();
  },
  'Polar’s choice of an organization, for a user without one': async ({ page, app }) => {
    await page.goto(`${app.url}/auth/polar?sub_type=organization`);
    await page.getByText('Use another account').click();
    await page.getByRole('link', { name: 'Katherine Johnson' }).click();
    await page.getByText('you do not belong to any').waitFor();
  },
  'Polar’s sign-in page': ({ page, app }) => page.goto(`${app.url}/auth/polar?prompt=login`),
  'Polar’s error page': ({ page, app }) =>
    page.goto(`${app.emulator.webURL}/oauth2/authorize?client_id=unknown&response_type=code`),
};

(chromiumPath === undefined ? describe.skip : describe)(
  'in a browser, light and dark, narrow and wide,',
  () => {
    let browser: Browser;
    let context: BrowserContext | undefined;
    let app: RunningApp | undefined;
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: chromiumPath as string, args: chromiumArgs });
    });
    afterEach(async () => {
      jest.restoreAllMocks();
      await context?.close();
      await app?.close();
    });
    afterAll(() => browser?.close());

    async function visit(): Promise<Visit> {
      app = await runApp({}, { consent: 'ask' });
      context = await browser.newContext({ reducedMotion: 'reduce' });
      context.setDefaultTimeout(10_000);
      return { page: await context.newPage(), app };
    }

    it.each(Object.keys(states))(
      '%s is accessible and needs no horizontal scrolling',
      async (name) => {
        jest.spyOn(console, 'error').mockImplementation(() => {});
        const visited = await visit();
        await states[name]?.(visited);
        const { page } = visited;
        await page.evaluate(axe);
        for (const width of [320, 1280]) {
          await page.setViewportSize({ width, height: 800 });
          const wider = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
          expect([width, wider]).toEqual([width, 0]);
          for (const colorScheme of ['light', 'dark'] as const) {
            await page.emulateMedia({ colorScheme });
            expect({ width, colorScheme, violations: await violations(page) }).toEqual({
              width,
              colorScheme,
              violations: [],
            });
          }
        }
      },
      60_000,
    );

    it('Polar’s consent page takes the focus in the order in which it is read, and shows it', async () => {
      const { page, app } = await visit();
      await page.goto(`${app.url}/auth/polar`);
      const stops: { readonly text: string; readonly top: number; readonly outline: string }[] = [];
      for (let stop = 0; stop < 5; stop++) {
        await page.keyboard.press('Tab');
        stops.push(
          await page.evaluate(`(() => {
          const focused = document.activeElement;
          const top = focused.getBoundingClientRect().top + scrollY;
          const { outlineStyle, outlineWidth } = getComputedStyle(focused);
          const text = (focused.closest('label') ?? focused).textContent.trim();
          return { text, top, outline: outlineStyle + ' ' + outlineWidth };
        })()`),
        );
      }
      expect(stops.map(({ text }) => text)).toEqual([
        'Not you? Use another account',
        expect.stringContaining('acme'),
        expect.stringContaining('Analytical Engines'),
        'Allow',
        'Cancel',
      ]);
      expect(stops.map(({ outline }) => outline)).toEqual(stops.map(() => 'solid 3px'));
      expect(stops.map(({ top }) => top)).toEqual(stops.map(({ top }) => top).sort((a, b) => a - b));
      expect(new Set(stops.map(({ top }) => top)).size).toBe(stops.length);
    });
  },
);

async function violations(page: Page): Promise<string[]> {
  const options = JSON.stringify({ runOnly: tags, resultTypes: ['violations'] });
  const results = await page.evaluate<AxeResults>(`axe.run(document, ${options})`);
  return results.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}
