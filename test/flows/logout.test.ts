import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Fetch, logout } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { requestsTo } from '../support/emulator-requests.js';
import { polars } from '../support/polars.js';
import { isRowId } from '../support/stored-rows.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

const withLogout: TestAppOptions = {
  routes: (server, { polar }) => {
    server.post('/logout', logout(polar, { redirectTo: '/bye' }));
    server.post('/logout-then', logout(polar), (_req, res) => void res.json({ next: true }));
  },
};
let app: TestApp;
afterEach(() => app.close());

describe.each(polars)('logout at %s', (_name, emulator) => {
  beforeEach(async () => {
    app = await startTestApp({ emulator, ...withLogout });
  });

  const revocations = () => requestsTo(app.emulator, 'revoke');
  /** A tidy Polar has revoked everything by now; one that did not know the tokens yet is asked again. */
  const nothingLives = () =>
    until(() => app.emulator.liveTokens().length === 0, emulator.realistic === undefined ? 0 : 10_000);

  it('revokes the tokens, ends the session and redirects', async () => {
    const browser = await app.loggedInBrowser();
    const answer = await browser.post('/logout');
    expect([answer.status, answer.headers['location']]).toEqual([302, '/bye']);
    await nothingLives();
    expect((await browser.get('/me')).body).toEqual({ user: null, scopes: [] });
    expect((await browser.get('/token')).status).toBe(401);
  });

  it('revokes the newest refresh token, not that of the login', async () => {
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(864_000);
    await browser.token();
    const [newest] = app.emulator.liveTokens();
    await browser.post('/logout');
    expect(revocations()[0]?.form).toEqual({
      token: newest?.refreshToken,
      client_id: app.client.clientID,
      client_secret: app.client.clientSecret,
    });
    await nothingLives();
  });

  it('calls the next handler without redirectTo', async () => {
    const browser = await app.loggedInBrowser();
    expect((await browser.post('/logout-then')).body).toEqual({ next: true });
  });

  it('is no error for a visitor who is not logged in', async () => {
    expect((await app.browser().post('/logout')).headers['location']).toBe('/bye');
    expect(revocations()).toHaveLength(0);
  });

  describe('leaves nobody logged in', () => {
    it.each([
      ['refuses to revoke', { status: 500 }],
      ['resets the connection', 'reset-before'],
      ['sends HTML', 'html'],
    ] as const)('when Polar %s', async (_how, fault) => {
      const browser = await app.loggedInBrowser();
      app.emulator.fail('revoke', fault, 3);
      expect((await browser.post('/logout')).headers['location']).toBe('/bye');
      expect((await browser.get('/token')).status).toBe(401);
    });

    it('when Polar does not respond', async () => {
      await app.close();
      app = await startTestApp({ emulator, ...withLogout, strategy: { timeoutMs: 200 } });
      const browser = await app.loggedInBrowser();
      app.emulator.fail('revoke', 'hang', 3);
      expect((await browser.post('/logout')).headers['location']).toBe('/bye');
      expect((await browser.get('/token')).status).toBe(401);
    });

    it('when a concurrent request restores the session', async () => {
      const browser = await app.loggedInBrowser();
      const [sid] = Object.keys(app.store['sessions' as never]).filter((id) => !isRowId(id));
      const saved = app.store['sessions' as never][sid as never];
      const cookie = browser.cookieHeader;
      await browser.post('/logout');
      (app.store['sessions' as never] as Record<string, unknown>)[sid as string] = saved;
      const { default: request } = await import('supertest');
      const answer = await request(app.url).get('/token').set('cookie', cookie);
      expect([answer.status, answer.body.code]).toEqual([401, 'logged_out']);
    });
  });

  it('stops a refresh that is under way, and its new tokens are revoked', async () => {
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(864_000);
    app.emulator.fail('token', { delayMs: 300 });
    const token = browser.get('/token').then((answer) => answer);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await browser.post('/logout');
    await token;
    await nothingLives();
  });

  it('revokes the tokens that a refresh receives after the logout', async () => {
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(864_000);
    app.emulator.fail('token', { delayMs: 2600 });
    const token = browser.get('/token').then((answer) => answer);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await browser.post('/logout');
    expect((await token).body.code).toBe('logged_out');
    await nothingLives();
  });

  it('skips the revocation for a public client', async () => {
    await app.close();
    app = await startTestApp({ emulator, ...withLogout, publicClient: true });
    const browser = await app.loggedInBrowser();
    expect((await browser.post('/logout')).headers['location']).toBe('/bye');
    expect(revocations()).toHaveLength(0);
    expect((await browser.get('/token')).status).toBe(401);
  });
});

it('logout requires the strategy and a valid redirectTo', async () => {
  app = await startTestApp();
  expect(() => logout(undefined as never)).toThrow('logout needs the strategy');
  expect(() => logout(app.polar, { redirectTo: 7 as never })).toThrow('redirectTo');
});

it('a logout leaves nothing to be done at a provider that has no endpoint for revocation', async () => {
  const withoutRevocation: Fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (!input.endsWith('/openid-configuration')) return response;
    const { revocation_endpoint: _none, ...metadata } = (await response.json()) as Record<string, unknown>;
    return Response.json(metadata);
  };
  const emulator = await startPolarEmulator({ consent: 'auto' });
  const discoveryURL = `${emulator.url}/.well-known/openid-configuration`;
  app = await startTestApp({
    sharedEmulator: emulator,
    strategy: { server: { discoveryURL, issuer: 'https://polar.sh' }, fetch: withoutRevocation },
    ...withLogout,
  });
  try {
    const browser = await app.loggedInBrowser();
    expect((await browser.post('/logout')).status).toBe(302);
    expect(await app.polar.settled({ withinMs: 0 })).toEqual({ exchanges: 0, writes: 0 });
  } finally {
    await emulator.close();
  }
});
