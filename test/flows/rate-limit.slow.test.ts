/** Polar's rate limit is reached by an app's own refreshes: what people get who come back, and people who log in. */
import { afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from '../support/browser.js';
import { createEmulatorKey } from '../support/emulator-key.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

beforeAll(createEmulatorKey);

const statusesAt = (grantType: string): (number | undefined)[] =>
  app.emulator.requests.filter((request) => request.grantType === grantType).map(({ status }) => status);
const countOf = (status: number, all: readonly (number | undefined)[]): number =>
  all.filter((one) => one === status).length;

it('once Polar has refused a refresh, each minute leaves room for logins, and everybody else is told a time', async () => {
  app = await startTestApp({
    emulator: {
      realistic: { rateLimit: 'sandbox' },
      lifetimes: { loginAccessTokenSeconds: 30, refreshedAccessTokenSeconds: 30 },
    },
  });
  const browsers: Browser[] = [];
  for (let index = 0; index < 90; index++) browsers.push(await app.loggedInBrowser());
  const comeBack = async (): Promise<number[]> =>
    Promise.all(browsers.map(async (browser) => (await browser.get('/token')).status));

  // Polar accepts 100 requests a minute: 20 introspections, then 80 refreshes.
  app.emulator.advanceTime(61);
  for (let index = 0; index < 20; index++) await app.polar.client.introspect('polar_at_u_of_somebody_else');
  expect(countOf(200, await comeBack())).toBe(80);
  const refused = countOf(429, statusesAt('refresh_token'));
  expect(refused).toBeGreaterThan(0);

  app.emulator.advanceTime(61);
  app.errors.length = 0;
  expect(countOf(200, await comeBack())).toBe(72);
  const told = app.errors.map((error) => (error as { retryAfterSeconds: number }).retryAfterSeconds);
  expect(told).toHaveLength(18);
  // One every 61 s / 72.
  expect(Math.max(...told) - Math.min(...told)).toBeGreaterThanOrEqual(13);
  expect(app.errors).toMatchObject(Array(18).fill({ code: 'rate_limited', status: 503 }));

  const loginsBefore = statusesAt('authorization_code').length;
  for (let index = 0; index < 20; index++) await app.loggedInBrowser();
  expect(statusesAt('authorization_code').slice(loginsBefore)).toEqual(Array(20).fill(200));
  expect(countOf(429, statusesAt('refresh_token'))).toBe(refused);
});
