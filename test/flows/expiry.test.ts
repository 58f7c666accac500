/** A token never counts as valid for longer than it is, however slowly Polar responds. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { VerifiedLogin } from 'passport-polar-sh';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

/** Advances the clock after Polar has responded at these endpoints, before the app receives the response. */
async function startSlow(endpoints: readonly string[], seconds: number, verify?: unknown): Promise<void> {
  app = await startTestApp({
    verify,
    strategy: {
      fetchUserInfo: true,
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (endpoints.some((endpoint) => url.endsWith(endpoint))) app.emulator.advanceTime(seconds);
        return response;
      },
    },
    routes: (server) =>
      server.get('/tokens', async (req, res) => {
        const { expiresAt } = await req.polar.getTokens({ forceRefresh: 'force' in req.query });
        res.json({ expiresAt });
      }),
  });
}

const slow = [
  ['the response with the tokens', ['/token']],
  ['the keys', ['/jwks.json']],
  ['userinfo', ['/userinfo']],
  ['all of them', ['/token', '/jwks.json', '/userinfo']],
] as const;

describe('the expiry', () => {
  it.each(slow)('of a login is not extended by waiting for %s', async (_what, endpoints) => {
    const seen: VerifiedLogin[] = [];
    await startSlow(endpoints, 8, (login: VerifiedLogin) => {
      seen.push(login);
      return login.profile;
    });
    const startedAt = app.emulator.now();
    const browser = await app.loggedInBrowser();
    const { expiresAt = 0 } = app.emulator.liveTokens()[0] ?? {};
    // Polar counts in whole seconds.
    const told = seen[0]?.tokens.expiresAt ?? 0;
    expect(told).toBeLessThan(expiresAt + 1000);
    expect(told).toBeGreaterThanOrEqual(startedAt + 864_000_000);
    expect((await browser.get('/tokens')).body).toEqual({ expiresAt: told });
  });

  it('of a refresh is not extended by waiting for its response', async () => {
    await startSlow(['/token'], 8);
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(60);
    const sentAt = app.emulator.now();
    const { body } = await browser.get('/tokens?force');
    expect(body.expiresAt).toBeLessThan((app.emulator.liveTokens()[0]?.expiresAt ?? 0) + 1000);
    expect(body.expiresAt).toBeGreaterThanOrEqual(sentAt + 3_600_000);
  });

  it('counts from the attempt that Polar accepted', async () => {
    await startSlow([], 0);
    app.emulator.fail('token', {
      status: 400,
      body: { error: 'invalid_grant', error_description: "Invalid 'code' in request." },
    });
    const browser = app.browser();
    const startedAt = app.emulator.now();
    await browser.logIn();
    expect((await browser.get('/tokens')).body.expiresAt).toBeGreaterThanOrEqual(startedAt + 864_000_500);
  });
});

it('an access token is refreshed when it expires at Polar, also after a slow login', async () => {
  await startSlow(['/token', '/jwks.json'], 9);
  const browser = await app.loggedInBrowser();
  const first = await browser.token();
  const { expiresAt = 0 } = app.emulator.liveTokens()[0] ?? {};
  app.emulator.advanceTime((expiresAt - app.emulator.now()) / 1000);
  expect(await browser.token()).not.toBe(first);
});
