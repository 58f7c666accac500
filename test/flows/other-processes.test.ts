/** What one process does to a login, and when the others notice. */
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  logout,
  type PolarStrategyOptions,
  polarTokens,
  requireLogin,
  requireScope,
} from 'passport-polar-sh';
import { type AppProcess, startProcesses } from '../support/app-processes.js';
import type { Browser } from '../support/browser.js';
import { refreshesAt } from '../support/emulator-requests.js';
import { keepSessions } from '../support/keep-sessions.js';
import type { TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

const loginLife = 864_000;
const minute = 60;
let apps: AppProcess[] = [];
afterEach(async () => {
  for (const app of apps.reverse()) await app.close();
  apps = [];
});

const routes: NonNullable<TestAppOptions['routes']> = (server, { polar }) => {
  const loginPath = '/auth/polar';
  server.post('/logout', logout(polar, { redirectTo: '/' }));
  server.get('/guarded', requireLogin({ loginPath }), (_req, res) => void res.json({}));
  server.get('/scope', requireScope('email', { loginPath }), (_req, res) => void res.json({}));
  server.get('/logged-in', async (req, res) => void res.json(await req.polar.isLoggedIn()));
  server.get('/scopes', (req, res) => void res.json(req.polar.scopes));
  server.post('/refresh', polarTokens(polar), async (req, res) => {
    res.json(await req.polar.getTokens({ forceRefresh: true }));
  });
};

/** A browser that is logged in, at each of the processes. */
async function loggedInAtProcesses(
  count: number,
  strategy: Partial<PolarStrategyOptions> = {},
): Promise<[Browser, ...Browser[]]> {
  apps = await startProcesses(count, { routes, strategy });
  const browser = await (apps[0] as AppProcess).loggedInBrowser();
  return [browser, ...apps.slice(1).map((app) => browser.at(app))];
}

const emulator = () => (apps[0] as AppProcess).emulator;
const refreshes = () => refreshesAt(emulator());

describe('a refresh response that arrives after the time-out', () => {
  it.each<[string, object]>([
    ['late', { delayMs: 5000 }],
    ['byte by byte', { slowBodyMs: 5000 }],
  ])(
    'leads to a 503, and later to the new tokens in all processes (%s)',
    async (_how, fault) => {
      const processes = await loggedInAtProcesses(3, { timeoutMs: 2000 });
      emulator().advanceTime(loginLife);
      emulator().fail('token', fault as never);
      const startedAt = performance.now();
      const answers = await Promise.all(processes.map((browser) => browser.get('/token')));
      expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
        processes.map(() => [503, 'timeout']),
      );
      expect(performance.now() - startedAt).toBeLessThan(4900);
      expect(answers[0]?.body.message).toMatch(/The login is not lost/);

      for (const browser of processes) {
        await until(async () => {
          emulator().advanceTime(1);
          const { status } = await browser.get('/token');
          expect([200, 503]).toContain(status);
          return status === 200;
        }, 15_000);
      }
      const tokens = await Promise.all(processes.map((browser) => browser.token()));
      const [live] = emulator().liveTokens();
      expect(tokens).toEqual(processes.map(() => live?.accessToken));
      expect(refreshes().map(({ status }) => status)).toEqual([200]);
    },
    60_000,
  );
});

describe('a logout in another process', () => {
  const uses: [string, (browser: Browser) => Promise<unknown>, unknown, unknown][] = [
    ['requireLogin', async (browser) => (await browser.get('/guarded')).status, 200, 401],
    ['requireScope', async (browser) => (await browser.get('/scope')).status, 200, 401],
    ['isLoggedIn', async (browser) => (await browser.get('/logged-in')).body, true, false],
    ['scopes', async (browser) => (await browser.get('/scopes')).body, ['openid', 'email'], []],
  ];

  it.each(uses)(
    'is noticed by %s within a minute, even if no route uses a token',
    async (_name, use, before, after) => {
      const [browser, other] = (await loggedInAtProcesses(2)) as [Browser, Browser];
      expect(await use(other)).toEqual(before);
      // The other tab keeps its cookie, and a slower request writes the session back.
      const bringBack = keepSessions((apps[0] as AppProcess).store, browser);
      await browser.post('/logout');
      bringBack();
      // The process that logged out knows at once.
      expect(await use(browser)).toEqual(after);

      emulator().advanceTime(minute);
      await until(async () => JSON.stringify(await use(other)) === JSON.stringify(after), 15_000);
    },
  );

  it('is noticed at once by a process that has not seen the login', async () => {
    const [browser, other] = (await loggedInAtProcesses(2)) as [Browser, Browser];
    const bringBack = keepSessions((apps[0] as AppProcess).store, browser);
    await browser.post('/logout');
    bringBack();
    for (const [, use, , after] of uses.slice(0, 3)) expect(await use(other)).toEqual(after);
  });
});

describe('a refresh in another process', () => {
  it('is noticed within a minute and delays no request', async () => {
    const [browser, other] = (await loggedInAtProcesses(2)) as [Browser, Browser];
    const before = await other.token();
    const { accessToken } = (await browser.post('/refresh')).body;
    expect(await other.token()).toBe(before);
    emulator().advanceTime(minute);
    await until(async () => (await other.token()) === accessToken, 15_000);
    expect(refreshes()).toHaveLength(1);
  });
});
