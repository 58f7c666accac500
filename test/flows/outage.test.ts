/** Polar is down or asks clients to wait: what many requests of many logins get meanwhile, and afterwards. */
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from '../support/browser.js';
import { createEmulatorKey } from '../support/emulator-key.js';
import { refreshesAt } from '../support/emulator-requests.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

beforeAll(createEmulatorKey);

const loginLife = 864_000;
const refreshes = () => refreshesAt(app.emulator);

async function loggedIn(logins: number, options: TestAppOptions = {}): Promise<Browser[]> {
  app = await startTestApp(options);
  const browsers = Array.from({ length: logins }, () => app.browser());
  for (const browser of browsers) await browser.logIn();
  return browsers;
}

const statuses = async (browsers: readonly Browser[]): Promise<number[]> =>
  Promise.all(browsers.map(async (browser) => (await browser.get('/token')).status));

describe.each([
  [429, 'rate_limited'],
  [503, 'server_error'],
])('a %d that says how long to wait', (status, code) => {
  it('makes 100 requests of 20 logins fail at once with the remaining time, without asking Polar', async () => {
    const browsers = await loggedIn(20);
    app.emulator.advanceTime(loginLife);
    const [first] = browsers as [Browser];
    app.emulator.fail('token', { status, retryAfterSeconds: 60 }, 1000);
    const answer = await first.get('/token');
    expect([answer.status, answer.body.code]).toEqual([503, code]);
    expect(app.errors).toMatchObject([{ code, retryAfterSeconds: 60 }]);

    const left: unknown[] = [];
    for (let round = 0; round < 5; round++) {
      app.emulator.advanceTime(10);
      app.errors.length = 0;
      expect(new Set(await statuses(browsers))).toEqual(new Set([503]));
      expect(new Set(app.errors.map((error) => (error as { code: string }).code))).toEqual(new Set([code]));
      left.push(
        ...new Set(app.errors.map((error) => (error as { retryAfterSeconds: number }).retryAfterSeconds)),
      );
    }
    expect(refreshes()).toHaveLength(1);
    // A second may pass in the middle of a round.
    expect(left.map((seconds) => Math.ceil(Number(seconds) / 10) * 10)).toEqual(
      expect.arrayContaining([50, 40, 30, 20, 10]),
    );

    app.emulator.heal('token');
    app.emulator.advanceTime(10);
    expect(new Set(await statuses(browsers))).toEqual(new Set([200]));
    expect(refreshes()).toHaveLength(21);
  });

  it('does not affect tokens that are still valid', async () => {
    const [expired, valid] = (await loggedIn(1)) as [Browser, Browser];
    app.emulator.advanceTime(loginLife);
    const fresh = await app.loggedInBrowser();
    app.emulator.fail('token', { status, retryAfterSeconds: 60 });
    expect((await expired.get('/token')).status).toBe(503);
    expect((await fresh.get('/token')).status).toBe(200);
    expect(valid).toBeUndefined();
    expect(refreshes()).toHaveLength(1);
  });
});

it('the circuit breaker waits five minutes at most, even if Polar asks for a day', async () => {
  const [browser] = (await loggedIn(1)) as [Browser];
  app.emulator.advanceTime(loginLife);
  app.emulator.fail('token', { status: 429, retryAfterSeconds: 86_400 });
  await browser.get('/token').expect(503);
  app.emulator.advanceTime(290);
  await browser.get('/token').expect(503);
  app.emulator.advanceTime(10);
  await browser.get('/token').expect(200);
});

it('the circuit breaker waits a second after a 429 that does not say how long', async () => {
  const [browser] = (await loggedIn(1)) as [Browser];
  app.emulator.advanceTime(loginLife);
  const noRetryAfter = { status: 429, headers: { 'retry-after': 'soon' } };
  app.emulator.fail('token', noRetryAfter, 2);
  await browser.get('/token').expect(503);
  await browser.get('/token').expect(503);
  expect(refreshes()).toHaveLength(1);
  app.emulator.advanceTime(1);
  await browser.get('/token').expect(503);
  expect(refreshes()).toHaveLength(2);
});

describe('the circuit breaker', () => {
  it('fails requests at once after a time-out, and soon asks Polar again', async () => {
    // The app's clock stands still while the circuit is open: on a busy machine it would close too soon.
    let heldAt: number | undefined;
    const now = (): number => heldAt ?? Date.now();
    const browsers = await loggedIn(10, { strategy: { timeoutMs: 1000, now } });
    app.emulator.advanceTime(loginLife);
    app.emulator.fail('token', 'hang', 1000);
    heldAt = app.emulator.now();
    const [first, second, ...others] = browsers as [Browser, Browser, ...Browser[]];
    expect((await first.get('/token')).body.code).toBe('timeout');
    // The pause begins when the exchange times out, a moment after its caller is told.
    expect((await second.get('/token')).body.code).toBe('timeout');
    const sent = refreshes().length;
    expect(new Set(await statuses(others))).toEqual(new Set([503]));
    expect(refreshes()).toHaveLength(sent);

    app.emulator.heal('token');
    heldAt += 1000;
    expect(new Set(await statuses(others))).toEqual(new Set([200]));
    // The login whose request was sent has to wait: its response may still arrive.
    expect((await first.get('/token')).status).toBe(503);
  });

  it('closes again after one successful refresh', async () => {
    const [first, ...others] = (await loggedIn(3, { strategy: { timeoutMs: 600 } })) as [
      Browser,
      ...Browser[],
    ];
    app.emulator.advanceTime(loginLife);
    app.emulator.fail('token', 'hang');
    await first.get('/token').expect(503);
    const [second, ...rest] = others as [Browser, ...Browser[]];
    // The pause begins when the exchange times out, a moment after its caller is told.
    for (let attempts = 0; (await second.get('/token')).status !== 200; attempts++) {
      expect(attempts).toBeLessThan(20);
      app.emulator.advanceTime(1);
    }
    for (const other of rest) await other.get('/token').expect(200);
  });
});
