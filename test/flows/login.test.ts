import { afterEach, describe, expect, it } from '@jest/globals';
import type passport from 'passport';
import type { PolarProfile, VerifiedLogin } from 'passport-polar-sh';
import { requestsTo } from '../support/emulator-requests.js';
import { polars } from '../support/polars.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

const authorizeQuery = async (options: TestAppOptions = {}, path?: string) => {
  app = await startTestApp(options);
  return Object.fromEntries((await app.browser().startLogin(path)).searchParams);
};
const route = (options: passport.AuthenticateOptions | Record<string, unknown>): TestAppOptions => ({
  routes: (express, { passport }) =>
    express.get('/start', passport.authenticate('polar', options as passport.AuthenticateOptions)),
});

describe('the start of a login', () => {
  it('sends the browser to Polar with everything that protects the login', async () => {
    app = await startTestApp();
    const url = await app.browser().startLogin();
    expect(url.origin + url.pathname).toBe(`${app.emulator.webURL}/oauth2/authorize`);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code',
      client_id: app.client.clientID,
      redirect_uri: `${app.url}/auth/polar/callback`,
      scope: 'openid email',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      sub_type: 'user',
    });
  });

  it('creates a new state, nonce and code challenge each time', async () => {
    app = await startTestApp();
    const browser = app.browser();
    const [one, two] = [await browser.startLogin(), await browser.startLogin()];
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(one.searchParams.get(name)).not.toBe(two.searchParams.get(name));
    }
  });

  it('asks for consent with sub_type=organization, where Polar would otherwise dead-end', async () => {
    const query = await authorizeQuery({ strategy: { subType: 'organization' } });
    expect(query).toMatchObject({ sub_type: 'organization', prompt: 'consent' });
  });

  it('keeps a prompt that the app chose', async () => {
    const query = await authorizeQuery({ strategy: { subType: 'organization', prompt: 'login' } });
    expect(query).toMatchObject({ sub_type: 'organization', prompt: 'login' });
  });

  it('always asks for openid', async () => {
    expect((await authorizeQuery({ strategy: { scope: 'organizations:read' } }))['scope']).toBe(
      'openid organizations:read',
    );
  });

  it('accepts scope, subType, prompt, callbackURL and extra parameters for one request', async () => {
    const query = await authorizeQuery(
      route({
        scope: ['products:read'],
        subType: 'user',
        prompt: 'login',
        callbackURL: 'https://127.0.0.1/cb',
        login_hint: 'ada@example.com',
        organizations: 'ABCDEF00-2222-4222-8222-222222222222',
      }),
      '/start',
    );
    expect(query).toMatchObject({
      scope: 'openid products:read',
      sub_type: 'user',
      prompt: 'login',
      redirect_uri: 'https://127.0.0.1/cb',
      login_hint: 'ada@example.com',
      organizations: 'abcdef00-2222-4222-8222-222222222222',
    });
  });

  it.each([
    'nonce',
    'redirect_uri',
    'client_id',
    'response_type',
    'code_challenge',
    'code_challenge_method',
    'sub_type',
  ])('refuses %s as an extra parameter', async (name) => {
    app = await startTestApp(route({ [name]: 'mine' }));
    const answer = await app.browser().get('/start');
    expect(answer.body).toMatchObject({ code: 'invalid_option', isPolarError: true });
    expect(answer.body.message).toContain(`'${name}'`);
  });

  it.each([
    [{ scope: 7 }, /scope/],
    [{ subType: 'team' }, /subType/],
    [{ prompt: 'always' }, /prompt/],
    [{ callbackURL: 'javascript:alert(1)' }, /callbackURL/],
    [{ login_hint: 7 }, /login_hint/],
    [{ organizations: 'acme' }, /organizations must be a list of ids, which are UUIDs, not 'acme'/],
  ])('names an invalid option of one request: %j', async (options, message) => {
    app = await startTestApp(route(options));
    const answer = await app.browser().get('/start');
    expect(answer.body.code).toBe('invalid_option');
    expect(answer.body.message).toMatch(message);
  });

  it('keeps the state of the app and returns it after the login', async () => {
    app = await startTestApp({
      ...route({ state: 'from the app' }),
      callback: { successReturnToOrRedirect: undefined } as never,
    });
    const browser = app.browser();
    const url = await browser.startLogin('/start');
    expect(url.searchParams.get('state')).not.toBe('from the app');
    const answer = await browser.get(await browser.visitPolar(url));
    expect(answer.body.info).toEqual({ state: 'from the app' });
  });

  it('shows the state of the app to the verify callback', async () => {
    const seen: unknown[] = [];
    app = await startTestApp({
      ...route({ state: { invitation: 'i-7' } }),
      verify: async ({ profile, state }: VerifiedLogin) => {
        seen.push(state);
        return profile;
      },
    });
    const browser = app.browser();
    await browser.logIn('/start');
    await browser.logIn();
    expect(seen).toEqual([{ invitation: 'i-7' }, undefined]);
  });

  it('completes a relative callbackURL with the host that a trusted proxy was asked for', async () => {
    app = await startTestApp();
    const answer = await app
      .browser()
      .get('/auth/polar')
      .set({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example' });
    expect(new URL(answer.headers['location'] as string).searchParams.get('redirect_uri')).toBe(
      'https://shop.example/auth/polar/callback',
    );
  });

  it('ignores forwarded headers with proxy: false', async () => {
    app = await startTestApp({ strategy: { proxy: false } });
    const answer = await app.browser().get('/auth/polar').set({ 'x-forwarded-host': 'evil.example' });
    expect(new URL(answer.headers['location'] as string).searchParams.get('redirect_uri')).toBe(
      `${app.url}/auth/polar/callback`,
    );
  });
});

describe.each(polars)('a login at %s', (_name, emulator) => {
  const start = async (options: TestAppOptions = {}): Promise<void> => {
    app = await startTestApp({ emulator, ...options });
  };

  it('ends with the user logged in and the tokens available', async () => {
    await start();
    const browser = app.browser();
    const answer = await browser.logIn();
    expect([answer.status, answer.headers['location']]).toEqual([302, '/home']);
    expect((await browser.get('/me')).body).toEqual({
      user: {
        provider: 'polar',
        id: '11111111-1111-4111-8111-111111111111',
        displayName: 'ada@example.com',
        emails: [{ value: 'ada@example.com', verified: true }],
        _json: expect.objectContaining({
          iss: 'https://polar.sh',
          sub: '11111111-1111-4111-8111-111111111111',
        }),
      },
      scopes: ['openid', 'email'],
    });
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });

  it('sends the client secret in the form, and needs no userinfo', async () => {
    await start();
    await app.browser().logIn();
    const [exchange] = requestsTo(app.emulator, 'token');
    expect(exchange?.form).toEqual({
      grant_type: 'authorization_code',
      code: expect.any(String),
      redirect_uri: `${app.url}/auth/polar/callback`,
      code_verifier: expect.stringMatching(/^[\w-]{43}$/),
      client_id: app.client.clientID,
      client_secret: app.client.clientSecret,
    });
    const endpoints = new Set(app.emulator.requests.map(({ endpoint }) => endpoint));
    expect([...endpoints]).toEqual(['authorize', 'token', 'jwks']);
  });

  it('sends no client_secret as a public client', async () => {
    await start({ publicClient: true });
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(864_001);
    expect(await browser.token()).toMatch(/^polar_at_u_/);
    const sent = requestsTo(app.emulator, 'token');
    expect(sent.map(({ grantType }) => grantType)).toContain('refresh_token');
    for (const { form, headers } of sent) {
      expect(form).not.toHaveProperty('client_secret');
      expect(headers).not.toHaveProperty('authorization');
    }
  });

  it('authenticates with Basic if the client is registered for it', async () => {
    await start({ strategy: { tokenEndpointAuthMethod: 'client_secret_basic' } });
    app.emulator.updateClient(app.client.clientID, { tokenEndpointAuthMethod: 'client_secret_basic' });
    const browser = await app.loggedInBrowser();
    expect(await browser.token()).toMatch(/^polar_at_u_/);
    const [exchange] = requestsTo(app.emulator, 'token');
    expect(exchange?.headers.authorization).toMatch(/^Basic /);
    expect(exchange?.form).not.toHaveProperty('client_secret');
  });

  it('treats an address that only userinfo names as unverified', async () => {
    let profile: PolarProfile | undefined;
    await start({
      strategy: { fetchUserInfo: true },
      verify: (given: { profile: PolarProfile }) => {
        profile = given.profile;
        return given.profile;
      },
    });
    app.emulator.fail('userinfo', {
      status: 200,
      body: { sub: '11111111-1111-4111-8111-111111111111', email: 'boss@example.com' },
      headers: { 'content-type': 'application/json' },
    });
    await app.browser().logIn();
    expect(profile?.emails).toEqual([{ value: 'boss@example.com', verified: false }]);
    expect(profile?._json).toMatchObject({ email: 'boss@example.com' });
    expect(profile?._json).not.toHaveProperty('email_verified');
  });

  it('limits the tokens to an organization with subType: organization', async () => {
    await start(route({ subType: 'organization' }));
    const browser = app.browser();
    await browser.logIn(); // has agreed before, so Polar would ask nothing
    await browser.logIn('/start');
    const accessToken = await browser.token();
    await app.emulator.settled();
    const { organizations } = await app.polar.client.introspect(accessToken);
    expect(organizations).toEqual(['22222220-2222-4222-8222-222222222222']);
  });

  it('covers all organizations, also for a client whose logins default to one', async () => {
    await start();
    app.emulator.updateClient(app.client.clientID, { defaultSubType: 'organization' });
    const browser = app.browser();
    for (const time of ['first', 'again']) {
      expect([time, (await browser.logIn()).headers['location']]).toEqual([time, '/home']);
      const accessToken = await browser.token();
      await app.emulator.settled();
      expect((await app.polar.client.introspect(accessToken)).organizations).toEqual([]);
    }
  });

  it('tries all published keys, and finds new keys at once', async () => {
    await start();
    await app.browser().logIn();
    app.emulator.rotateKeys({ keepOld: true });
    expect((await app.browser().logIn()).headers['location']).toBe('/home');
    app.emulator.rotateKeys();
    expect((await app.browser().logIn()).headers['location']).toBe('/home');
    expect(requestsTo(app.emulator, 'jwks')).toHaveLength(3);
  });

  it('hides the secret when the strategy is printed', async () => {
    await start();
    const { inspect } = await import('node:util');
    const secret = app.client.clientSecret as string;
    expect(inspect(app.polar, { depth: 10 })).not.toContain(secret);
    expect(JSON.stringify(app.polar)).not.toContain(secret);
  });
});

// Polar may not know the access token of the userinfo request yet.
describe.each(polars)('a login with fetchUserInfo at %s', (_name, emulator) => {
  it('asks userinfo and insists on the same user', async () => {
    app = await startTestApp({ emulator, strategy: { fetchUserInfo: true } });
    const browser = await app.loggedInBrowser();
    expect((await browser.get('/me')).body.user.emails).toEqual([
      { value: 'ada@example.com', verified: true },
    ]);
    expect(app.emulator.requests.map(({ endpoint }) => endpoint)).toContain('userinfo');

    app.emulator.fail('userinfo', {
      status: 200,
      body: { sub: 'somebody-else' },
      headers: { 'content-type': 'application/json' },
    });
    const other = app.browser();
    expect((await other.logIn()).body.code).toBe('userinfo_sub_mismatch');
    expect((await other.get('/me')).body.user).toBeNull();
  });
});
