import { afterEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

describe('a login', () => {
  it('sends the browser to Polar with everything that protects the login', async () => {
    app = await startTestApp();
    const url = await app.browser().startLogin();
    const query = Object.fromEntries(url.searchParams);
    expect(url.origin + url.pathname).toBe(`${app.emulator.webURL}/oauth2/authorize`);
    expect(query).toEqual({
      response_type: 'code',
      client_id: app.client.clientID,
      redirect_uri: `${app.url}/auth/polar/callback`,
      scope: 'openid email',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
  });

  it('ends with the user logged in and the tokens in the regenerated session', async () => {
    app = await startTestApp();
    const browser = app.browser();
    const answer = await browser.logIn();
    expect([answer.status, answer.headers['location']]).toEqual([302, '/home']);
    const me = await browser.get('/me');
    expect(me.body).toMatchObject({
      user: {
        provider: 'polar',
        id: '11111111-1111-4111-8111-111111111111',
        emails: [{ value: 'ada@example.com', verified: true }],
      },
      scopes: ['openid', 'email'],
    });
    const [tokens] = app.emulator.liveTokens();
    expect(await browser.token()).toBe(tokens?.accessToken);
  });
});
