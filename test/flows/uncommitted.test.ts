/** Polar commits after it has responded: what it has just issued, it may refuse for a moment. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { PolarEmulatorFault } from 'passport-polar-sh/emulator';
import { requestsTo } from '../support/emulator-requests.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

const refusal = (error: string, description?: string): PolarEmulatorFault => ({
  status: 400,
  body: { error, ...(description !== undefined && { error_description: description }) },
});
const notYet = refusal('invalid_grant', "Invalid 'code' in request.");
const sentTo = (endpoint: 'token' | 'revoke' | 'userinfo') => requestsTo(app.emulator, endpoint);

describe('a code that Polar has not committed yet', () => {
  it.each([1, 2])('is exchanged after refusals (%i)', async (times) => {
    app = await startTestApp();
    app.emulator.fail('token', notYet, times);
    const browser = app.browser();
    expect((await browser.logIn()).headers['location']).toBe('/home');
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(sentTo('token').map(({ status }) => status)).toEqual([...Array(times).fill(400), 200]);
    expect(new Set(sentTo('token').map(({ body }) => body)).size).toBe(1);
  });

  it('is refused for good after the third time', async () => {
    app = await startTestApp();
    app.emulator.fail('token', notYet, 3);
    const { status, body } = await app.browser().logIn();
    expect([status, body.code]).toEqual([502, 'invalid_grant']);
    expect(sentTo('token')).toHaveLength(3);
  });

  it('can be linked, too', async () => {
    app = await startTestApp({
      routes: (server, { passport }) => {
        server.get('/auth/polar', passport.authorize('polar') as never);
        server.get('/auth/polar/callback', passport.authorize('polar') as never, (req, res) => {
          res.json((req as unknown as { account: { displayName: string } }).account.displayName);
        });
      },
    });
    app.emulator.fail('token', notYet);
    expect((await app.browser().logIn()).body).toBe('ada@example.com');
  });

  it('delays the login no longer than its time-out', async () => {
    app = await startTestApp({ strategy: { timeoutMs: 500 } });
    app.emulator.fail('token', notYet, 3);
    expect((await app.browser().logIn()).body.code).toBe('invalid_grant');
    expect(sentTo('token')).toHaveLength(1);
  });

  it('leaves the second attempt only the rest of the time', async () => {
    app = await startTestApp({ strategy: { timeoutMs: 1500 } });
    app.emulator.fail('token', notYet);
    app.emulator.fail('token', 'hang');
    const { body } = await app.browser().logIn();
    expect(body.code).toBe('timeout');
    expect(body.message).toContain('longer than 1500 ms');
    expect(sentTo('token')).toHaveLength(2);
  });

  it('has its tokens revoked if they arrive after the login has failed', async () => {
    app = await startTestApp({ strategy: { timeoutMs: 300 } });
    app.emulator.fail('token', { delayMs: 600 });
    expect((await app.browser().logIn()).body.code).toBe('timeout');
    // The response is under way and still expected.
    expect(app.emulator.liveTokens()).toHaveLength(1);
    await app.polar.settled({ withinMs: 5000 });
    expect(app.emulator.liveTokens()).toEqual([]);
  });
});

it.each([
  ['no reason', refusal('invalid_grant')],
  ['another reason', refusal('invalid_grant', 'Code challenge failed.')],
  ['a wrong redirect URI', refusal('invalid_grant', "Invalid 'redirect_uri' in request.")],
  ['another error with the same description', refusal('invalid_request', "Invalid 'code' in request.")],
  ['an unknown client', refusal('invalid_client', 'The client does not exist on this server.')],
  ['too many requests', { status: 429 }],
  ['a fault of Polar', { status: 500 }],
] as const)('a login fails when Polar refuses its code for %s', async (_what, fault) => {
  app = await startTestApp();
  app.emulator.fail('token', fault);
  expect((await app.browser().logIn()).status).toBeGreaterThanOrEqual(500);
  expect(sentTo('token')).toHaveLength(1);
});

it('a client reports the refusal of a code at once, as callers decide on retries themselves', async () => {
  app = await startTestApp();
  app.emulator.fail('token', notYet);
  const grant = { code: 'polar_ac_1', redirectURI: `${app.url}/cb`, codeVerifier: 'v'.repeat(43) };
  await expect(app.polar.client.exchangeCode(grant)).rejects.toMatchObject({ code: 'invalid_grant' });
  expect(sentTo('token')).toHaveLength(1);
});

describe('an access token that Polar has not committed yet', () => {
  it('gets the profile from userinfo', async () => {
    app = await startTestApp({
      strategy: { fetchUserInfo: true },
      emulator: { realistic: { commitLagMs: 400 } },
    });
    const browser = app.browser();
    expect((await browser.logIn()).headers['location']).toBe('/home');
    expect((await browser.get('/me')).body.user.displayName).toBe('ada@example.com');
    expect(sentTo('userinfo').at(-1)?.status).toBe(200);
  });

  it.each([1, 2])('is sent to userinfo again after refusals (%i)', async (times) => {
    app = await startTestApp({ strategy: { fetchUserInfo: true } });
    app.emulator.fail('userinfo', { status: 401, body: { error: 'invalid_token' } }, times);
    expect((await app.browser().logIn()).headers['location']).toBe('/home');
    expect(sentTo('userinfo').map(({ status }) => status)).toEqual([...Array(times).fill(401), 200]);
  });

  it('is refused for good after the third time, or by anything else', async () => {
    app = await startTestApp({ strategy: { fetchUserInfo: true } });
    app.emulator.fail('userinfo', { status: 401, body: { error: 'invalid_token' } }, 3);
    expect((await app.browser().logIn()).body.code).toBe('invalid_token');
    expect(sentTo('userinfo')).toHaveLength(3);
    app.emulator.fail('userinfo', { status: 403, body: { error: 'insufficient_scope' } });
    expect((await app.browser().logIn()).body.code).toBe('oauth_error');
    expect(sentTo('userinfo')).toHaveLength(4);
  });
});
