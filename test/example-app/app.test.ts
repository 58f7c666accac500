import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Browser } from '../support/browser.js';
import { type RunningApp, runApp } from './running-app.js';

const ada = 'ada@example.com';
const browserHeaders = { accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8' };

let app: RunningApp;
afterEach(async () => {
  jest.restoreAllMocks();
  await app?.close();
});

async function loggedIn(running: RunningApp): Promise<Browser> {
  const browser = running.browser();
  const answer = await browser.logIn();
  expect([answer.status, answer.headers['location']]).toEqual([302, '/']);
  return browser;
}

describe('the example app, when logged out,', () => {
  it('shows the login button and the Polar to which it leads', async () => {
    app = await runApp();
    const { status, text, headers } = await app.browser().get('/');
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/html/);
    expect(text).toMatch(/<a [^>]*href="\/auth\/polar">Log in with Polar<\/a>/);
    expect(text).toContain('href="/auth/polar?sub_type=organization"');
    expect(text).toContain(new URL(app.emulator.url).host);
    expect(headers['set-cookie']).toBeUndefined();
  });

  it('allows the page only its own style and script', async () => {
    app = await runApp();
    const [first, second] = [await app.browser().get('/'), await app.browser().get('/')];
    const policy = first.headers['content-security-policy'] as string;
    const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(first.text).toContain(`<style nonce="${nonce}">`);
    expect(first.text).toContain(`<script nonce="${nonce}">`);
    expect(first.text).not.toMatch(/ style=| onclick=|(src|href)="(https?:)?\/\//);
    expect(second.headers['content-security-policy']).not.toBe(policy);
    expect(first.headers['cache-control']).toBe('no-store');
  });

  it.each([
    ['http://localhost:3000', undefined],
    ['https://app.example.com', expect.stringMatching(/^max-age=\d{8}/)],
  ])('sends security headers with every response at %s', async (BASE_URL, strictTransport) => {
    app = await runApp({ BASE_URL });
    const browser = app.browser();
    const answers = [
      await browser.get('/'),
      await browser.get('/nowhere'),
      await browser.post('/refresh').set('sec-fetch-site', 'cross-site'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 403]);
    for (const { headers } of answers) {
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none';style-src 'nonce-([^']+)';script-src 'nonce-\1';img-src 'self';form-action 'self';base-uri 'none';frame-ancestors 'none'$/,
      );
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      });
      expect(headers['strict-transport-security']).toEqual(strictTransport);
      expect(headers['x-powered-by']).toBeUndefined();
    }
  });

  it.each(['/me', '/organizations'])('responds to %s with 401 and JSON', async (path) => {
    app = await runApp();
    const { status, body } = await app.browser().get(path);
    expect(status).toBe(401);
    expect(body).toEqual({ error: { code: 'not_logged_in', message: expect.any(String) } });
  });

  it('responds to /me with JSON in a browser as well', async () => {
    app = await runApp();
    const { status, body } = await app.browser().get('/me').set(browserHeaders);
    expect([status, body.error.code]).toEqual([401, 'not_logged_in']);
  });

  it('sends a browser from /organizations to the login and back', async () => {
    app = await runApp();
    const browser = app.browser();
    const answer = await browser.get('/organizations').set(browserHeaders);
    expect(answer.status).toBe(303);
    const back = await browser.logIn(answer.headers['location'] as string);
    expect(back.headers['location']).toBe('/organizations');
  });

  it('responds to POST /refresh with 401', async () => {
    app = await runApp();
    const { status, body } = await app.browser().post('/refresh');
    expect([status, body.error.code]).toEqual([401, 'not_logged_in']);
  });

  it('accepts a logout without a login', async () => {
    app = await runApp();
    const { status, headers } = await app.browser().post('/logout');
    expect([status, headers['location']]).toEqual([302, '/']);
  });
});

describe('the code on the page of the example app', () => {
  it('is the module that the app logs in with, in full', async () => {
    app = await runApp();
    const { text } = await app.browser().get('/');
    const shown = /<pre [^>]*><code>(.*?)<\/code><\/pre>/s.exec(text)?.[1] ?? '';
    const plain = shown
      .replaceAll(/<\/?i[^>]*>/g, '')
      .replaceAll(/&#(\d+);/g, (_entity, code) => String.fromCharCode(Number(code)));
    expect(plain).toBe(readFileSync('example-app/log-in-with-polar.ts', 'utf8').trimEnd());
    expect(shown).toContain(
      '<i class="k">export</i> <i class="k">function</i> <i class="f">logInWithPolar</i>(',
    );
  });
});

describe('the icon of the example app', () => {
  it('is an SVG that the policy of its pages allows', async () => {
    app = await runApp();
    const page = await app.browser().get('/');
    expect(page.text).toContain('<link rel="icon" type="image/svg+xml" href="/favicon.svg">');
    const { status, headers, body } = await app.browser().get('/favicon.svg');
    expect([status, headers['content-type']]).toEqual([200, 'image/svg+xml; charset=utf-8']);
    expect(headers['cache-control']).toBe('public, max-age=86400');
    expect(String(body)).toMatch(/^<svg /);
  });
});

describe('the example app, during a login,', () => {
  it('requests the default scopes at the default callback address', async () => {
    app = await runApp();
    const { searchParams } = await app.browser().startLogin();
    expect(searchParams.get('scope')).toBe('openid email organizations:read');
    expect(searchParams.get('redirect_uri')).toBe(`${app.url}/auth/polar/callback`);
    expect(searchParams.get('sub_type')).toBe('user');
  });

  it('requests one organization on demand', async () => {
    app = await runApp();
    const { searchParams } = await app.browser().startLogin('/auth/polar?sub_type=organization');
    expect(searchParams.get('sub_type')).toBe('organization');
  });

  it('returns to return_to and to no other site', async () => {
    app = await runApp();
    const inside = await app.browser().logIn('/auth/polar?return_to=/me%3Fa%3D1');
    expect(inside.headers['location']).toBe('/me?a=1');
    const outside = await app.browser().logIn('/auth/polar?return_to=//evil.example');
    expect(outside.headers['location']).toBe('/');
  });

  it('shows the user, the scopes and the expiry afterwards', async () => {
    app = await runApp();
    const { text } = await (await loggedIn(app)).get('/');
    expect(text).toContain(ada);
    expect(text).toContain('verified</span>');
    for (const scope of ['openid', 'email', 'organizations:read'])
      expect(text).toContain(`<li>${scope}</li>`);
    expect(text).toMatch(/<strong id="countdown">(10 days|9 days, 23 hours)<\/strong>/);
    expect(text).toMatch(/<time datetime="\d{4}-\d\d-\d\dT/);
    expect(text).toMatch(/<form method="post" action="\/refresh">/);
    expect(text).toMatch(/<form method="post" action="\/logout">/);
  });

  it('shows that an e-mail address is not verified', async () => {
    app = await runApp({}, { user: 'unverified@example.com' });
    expect((await (await loggedIn(app)).get('/')).text).toContain('not verified</span>');
  });

  it('says once that a login was cancelled, as no error, with a link to try again', async () => {
    app = await runApp({}, { consent: 'deny' });
    const browser = app.browser();
    const callback = await browser.visitPolar(await browser.startLogin());
    const answer = await browser.get(callback).set(browserHeaders);
    expect([answer.status, answer.headers['location']]).toEqual([303, '/']);
    const { text } = await browser.get('/');
    expect(text).toMatch(/role="status">You cancelled the login.*<a href="\/auth\/polar">Try again<\/a>/);
    expect(text).not.toContain('role="alert"');
    expect((await browser.get('/')).text).not.toContain('role="status"');
  });

  it('tells scripts with 401 that a login was cancelled', async () => {
    app = await runApp({}, { consent: 'deny' });
    const { status, body } = await app.browser().logIn();
    expect([status, body.error.code]).toEqual([401, 'access_denied']);
  });

  it('explains why a stale response logs nobody in, and gives a stranger no session', async () => {
    app = await runApp();
    const stale = app.browser().get('/auth/polar/callback?code=polar_ac_1&state=stale');
    const answer = await stale.set('accept', 'text/html');
    expect(answer.status).toBe(403);
    expect(answer.text).toMatch(/You are not logged in.*role="alert">This login is no longer valid/s);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it('shows a page without stack or secret when Polar fails', async () => {
    app = await runApp();
    const log = jest.spyOn(console, 'error').mockImplementation(() => {});
    app.emulator.fail('token', { status: 500 });
    const browser = app.browser();
    const callback = await browser.visitPolar(await browser.startLogin());
    const answer = await browser.get(callback).set(browserHeaders);
    expect(answer.status).toBe(503);
    expect(answer.headers['content-type']).toMatch(/^text\/html/);
    expect(answer.text).not.toMatch(/polar_(ac|cs|at|rt)_|node_modules|\.ts:/);
    expect(log).toHaveBeenCalledTimes(1);
  });

  it('escapes what Polar says about the user', async () => {
    app = await runApp({}, { users: [{ email: `"><script>alert('x')</script>@example.com` }] });
    const { text } = await (await loggedIn(app)).get('/');
    expect(text).not.toContain('<script>alert');
    expect(text).toContain('&#60;script&#62;alert(&#39;x&#39;)');
  });

  it('refers users at another address to its own address', async () => {
    app = await runApp();
    const elsewhere = await fetch(app.url.replace('localhost', '127.0.0.1'));
    expect(await elsewhere.text()).toContain(`<a href="${app.url}/">`);
  });
});

describe('the example app, when logged in,', () => {
  it('responds to /me with the user, the scopes and the expiry', async () => {
    app = await runApp();
    const { status, body } = await (await loggedIn(app)).get('/me');
    expect(status).toBe(200);
    expect(body).toEqual({
      user: expect.objectContaining({
        provider: 'polar',
        id: '11111111-1111-4111-8111-111111111111',
        emails: [{ value: ada, verified: true }],
      }),
      scopes: ['openid', 'email', 'organizations:read'],
      expiresAt: expect.any(Number),
    });
    expect(body.expiresAt).toBeGreaterThan(Date.now());
  });

  it('calls the API', async () => {
    app = await runApp();
    const { body } = await (await loggedIn(app)).get('/organizations');
    expect(body.items.map(({ slug }: { slug: string }) => slug)).toEqual(['acme', 'analytical-engines']);
  });

  it('shows the response of the API on a page', async () => {
    app = await runApp();
    const browser = await loggedIn(app);
    expect((await browser.get('/')).text).not.toContain('Analytical Engines');
    expect((await browser.get('/?show=organizations')).text).toContain('Analytical Engines');
  });

  it('shows the organization to which the login is limited, with a link to change it', async () => {
    app = await runApp();
    const browser = await loggedIn(app);
    const change = '<a href="/auth/polar?sub_type=organization">Change organization</a>';
    expect((await browser.get('/')).text).toContain(`<dd>All of your organizations. ${change}</dd>`);
    const polar = await browser.startLogin('/auth/polar?sub_type=organization');
    expect(polar.searchParams.get('prompt')).toBe('consent');
    await browser.get(await app.emulator.authorize(polar, { organizations: ['analytical-engines'] }));
    expect((await browser.get('/')).text).toContain(
      `<dd>Limited to <strong>Analytical Engines</strong>. ${change}</dd>`,
    );
  });

  it.each([
    ['the scope is missing', { POLAR_SCOPE: 'openid' }],
    ['the API fails', {}],
  ])('shows no organization when %s', async (_why, env) => {
    app = await runApp(env);
    const browser = await loggedIn(app);
    app.emulator.fail('api', { status: 500 });
    const { status, text } = await browser.get('/');
    expect([status, text.includes('Change organization')]).toEqual([200, false]);
  });

  it('reports a failing API to users and scripts', async () => {
    app = await runApp();
    jest.spyOn(console, 'error').mockImplementation(() => {});
    const browser = await loggedIn(app);
    app.emulator.fail('api', { status: 500 }, 2);
    const { status, body } = await browser.get('/organizations');
    expect([status, body.error.code]).toEqual([502, 'polar_api_error']);
    const page = await browser.get('/?show=organizations');
    expect(page.status).toBe(200);
    expect(page.text).toContain('The Polar API responded with 500.');
  });

  it('responds with 403 when a scope is missing', async () => {
    app = await runApp({ POLAR_SCOPE: 'openid email' });
    const { status, body } = await (await loggedIn(app)).get('/organizations');
    expect([status, body.error.code]).toEqual([403, 'insufficient_scope']);
  });

  it('refreshes for scripts', async () => {
    app = await runApp({ EXPOSE_TOKEN: '1' });
    const browser = await loggedIn(app);
    const before = await browser.token();
    const { status, body } = await browser.post('/refresh');
    expect(status).toBe(200);
    expect(body).toEqual({
      expiresAt: expect.any(Number),
      scopes: ['openid', 'email', 'organizations:read'],
    });
    const after = await browser.token();
    expect(after).not.toBe(before);
    expect(app.emulator.liveTokens().map(({ accessToken }) => accessToken)).toEqual([after]);
  });

  it('refreshes for users, and says once what has changed, with four characters of each token', async () => {
    app = await runApp({ EXPOSE_TOKEN: '1' });
    const browser = await loggedIn(app);
    const before = await browser.token();
    const { status, headers } = await browser.post('/refresh').set(browserHeaders);
    expect([status, headers['location']]).toEqual([303, '/']);
    const after = await browser.token();
    const { text } = await browser.get('/');
    expect(text).toMatch(
      /role="status">.*new access token.*ten days after a login, one hour after a refresh/,
    );
    for (const [name, token, lifetime] of [
      ['Old', before, '10 days'],
      ['New', after, '1 hour'],
    ]) {
      expect(text).toMatch(
        new RegExp(
          `${name} token</dt><dd><code>…${token?.slice(-4)}</code>\\s*<strong>${lifetime}</strong>.*issued at <time`,
        ),
      );
      expect(text).not.toContain(token?.slice(-5));
    }
    expect((await browser.get('/')).text).not.toContain('role="status"');
  });

  it('says that a token was refreshed because it had expired', async () => {
    app = await runApp({}, { lifetimes: { loginAccessTokenSeconds: 0, refreshedAccessTokenSeconds: 0 } });
    const browser = await loggedIn(app);
    await browser.get('/');
    expect((await browser.get('/')).text).toContain('You have a new access token');
  });

  it('asks for a new login after Polar has ended the old one', async () => {
    app = await runApp();
    const browser = await loggedIn(app);
    app.emulator.revokeAll();
    const script = await browser.post('/refresh');
    expect([script.status, script.body.error.code]).toEqual([401, 'login_expired']);
    const person = await browser.post('/refresh').set(browserHeaders);
    expect(person.status).toBe(401);
    expect(person.text).toMatch(/<a [^>]*href="\/auth\/polar">Log in again<\/a>/);
    expect((await browser.get('/')).text).toContain('Your login with Polar has ended');
    const page = await browser.get('/organizations').set(browserHeaders);
    expect(page.headers['location']).toBe('/auth/polar?return_to=%2Forganizations');
  });

  it('keeps users logged in while Polar is unavailable', async () => {
    app = await runApp();
    jest.spyOn(console, 'error').mockImplementation(() => {});
    const browser = await loggedIn(app);
    app.emulator.fail('token', { status: 500 }, 5);
    const { status, text } = await browser.post('/refresh').set(browserHeaders);
    expect(status).toBe(503);
    expect(text).toContain('Polar is unavailable');
    expect(text).toContain('try again in a minute');
    expect(text).not.toContain('/v1/oauth2/token');
    app.emulator.heal();
    expect((await browser.get('/me')).status).toBe(200);
  });

  it('shows what the library did for this login, newest first, and for no other', async () => {
    app = await runApp();
    const [browser, other] = [await loggedIn(app), await loggedIn(app)];
    await browser.post('/refresh');
    app.emulator.fail('api', { status: 401 });
    await browser.get('/organizations');
    const eventsOf = ({ text }: { text: string }) =>
      [...text.matchAll(/<p class="meta">.*?<code>([\w-]+)<\/code>/g)].map(([, event]) => event);
    const events = eventsOf(await browser.get('/'));
    expect(events).toEqual(expect.arrayContaining(['retried-after-401', 'refreshed', 'logged-in']));
    expect(events.at(-1)).toBe('logged-in');
    expect(eventsOf(await other.get('/'))).toEqual(['logged-in']);
  });

  it('asks for one more scope when a page needs it, and returns to that page', async () => {
    app = await runApp();
    const browser = await loggedIn(app);
    expect((await browser.get('/')).text).toContain('href="/products">Allow access and show my products</a>');
    const toLogin = await browser.get('/products').set(browserHeaders);
    const polar = await browser.startLogin(toLogin.headers['location'] as string);
    expect(polar.searchParams.get('scope')).toBe('openid email organizations:read products:read');
    const back = await browser.get(await browser.visitPolar(polar));
    expect(back.headers['location']).toBe('/products');
    const { text } = await browser.get('/products').set(browserHeaders);
    expect(text).toMatch(/Anvil<small>\$49\.00<\/small>/);
    expect(text).toMatch(/Rocket fuel<small>\$10\.00 per month<\/small>/);
    expect((await browser.get('/products')).body.items).toHaveLength(3);
  });

  it('keeps the login when the user declines one more scope', async () => {
    app = await runApp({}, { consent: 'ask' });
    const browser = app.browser();
    await browser.get(await app.emulator.authorize(await browser.startLogin()));
    const toLogin = await browser.get('/products').set(browserHeaders);
    const polar = await browser.startLogin(toLogin.headers['location'] as string);
    const callback = new URL(polar.searchParams.get('redirect_uri') as string);
    callback.search = String(
      new URLSearchParams({ error: 'access_denied', state: polar.searchParams.get('state') as string }),
    );
    const answer = await browser.get(callback.pathname + callback.search).set(browserHeaders);
    expect([answer.status, answer.headers['location']]).toEqual([303, '/']);
    const { text } = await browser.get('/');
    expect(text).toMatch(
      /role="status">You cancelled at Polar. Nothing has changed: you are still logged in/,
    );
  });

  it('lets the user sign in at Polar with another account', async () => {
    app = await runApp();
    const browser = await loggedIn(app);
    expect((await browser.get('/')).text).toContain(
      'href="/auth/polar?prompt=login">Use another account</a>',
    );
    const polar = await browser.startLogin('/auth/polar?prompt=login');
    expect(polar.searchParams.get('prompt')).toBe('login');
  });

  it.each(['?code=polar_ac_1&state=stale', ''])(
    'treats an old address of the callback as no error: %j',
    async (query) => {
      app = await runApp();
      const browser = await loggedIn(app);
      const answer = await browser.get(`/auth/polar/callback${query}`).set(browserHeaders);
      expect([answer.status, answer.headers['location']]).toEqual([303, '/']);
      const { text } = await browser.get('/');
      expect(text).toMatch(/role="status">.*You are still logged in/);
      expect(text).toContain(ada);
    },
  );

  it('says once that the user is logged out, and what became of the login', async () => {
    app = await runApp();
    const browser = await loggedIn(app);
    await browser.get('/');
    await browser.post('/logout');
    const { text } = await browser.get('/');
    expect(text).toMatch(/role="status">You are logged out. The session has ended/);
    expect(text).toMatch(/<code>logged-out<\/code>.*<code>logged-in<\/code>/s);
    const again = await browser.get('/');
    expect(again.text).not.toMatch(/role="status"|logged-out/);
  });

  it('logs out without leaving a token behind', async () => {
    app = await runApp();
    const browser = await loggedIn(app);
    const { status, headers } = await browser.post('/logout');
    expect([status, headers['location']]).toEqual([302, '/']);
    expect((await browser.get('/me')).status).toBe(401);
    expect((await browser.get('/')).text).toContain('Log in with Polar</a>');
    expect(app.emulator.liveTokens()).toEqual([]);
  });
});

describe('a request from another site to the example app', () => {
  it.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:1' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('is refused when it would change something: %j', async (headers) => {
    app = await runApp();
    const browser = await loggedIn(app);
    for (const path of ['/refresh', '/logout']) {
      const { status, body } = await browser.post(path).set(headers as Record<string, string>);
      expect([status, body.error.code]).toEqual([403, 'cross_site_request']);
    }
    expect((await browser.get('/me')).status).toBe(200);
    expect(app.emulator.requests.filter(({ grantType }) => grantType === 'refresh_token')).toEqual([]);
  });

  it('is distinguished from one of its own pages', async () => {
    app = await runApp();
    const browser = await loggedIn(app);
    const own = await browser.post('/refresh').set({ origin: app.url, 'sec-fetch-site': 'same-origin' });
    expect(own.status).toBe(200);
  });

  it('may read pages, so that links from other sites work', async () => {
    app = await runApp();
    const answer = await app
      .browser()
      .get('/')
      .set({ 'sec-fetch-site': 'cross-site', origin: 'https://polar.sh' });
    expect(answer.status).toBe(200);
  });
});

describe('the example app’s environment', () => {
  it('hides the token unless EXPOSE_TOKEN is set', async () => {
    app = await runApp();
    const { status, body } = await (await loggedIn(app)).get('/token');
    expect([status, body.error.code]).toEqual([404, 'not_found']);
    await app.close();
    app = await runApp({ EXPOSE_TOKEN: '1' });
    expect((await app.browser().get('/token')).status).toBe(401);
    const shown = await (await loggedIn(app)).get('/token');
    expect(shown.body).toEqual({ accessToken: app.emulator.liveTokens()[0]?.accessToken });
  });

  it.each(['client_secret_basic', 'none'])('can set POLAR_AUTH_METHOD to %s', async (method) => {
    app = await runApp({ POLAR_AUTH_METHOD: method, ...(method === 'none' && { POLAR_CLIENT_SECRET: '' }) });
    await loggedIn(app);
    const [exchange] = app.emulator.requests.filter(({ grantType }) => grantType === 'authorization_code');
    expect(exchange?.headers['authorization'] === undefined).toBe(method === 'none');
    expect(exchange?.form).not.toHaveProperty('client_secret');
  });

  it('sets the scopes with POLAR_SCOPE', async () => {
    app = await runApp({ POLAR_SCOPE: 'openid products:read' });
    expect((await app.browser().startLogin()).searchParams.get('scope')).toBe('openid products:read');
  });

  it.each(['0', '1'])('can set POLAR_FETCH_USERINFO to %s', async (flag) => {
    app = await runApp({ POLAR_FETCH_USERINFO: flag });
    await loggedIn(app);
    expect(app.emulator.requests.filter(({ endpoint }) => endpoint === 'userinfo')).toHaveLength(
      Number(flag),
    );
  });

  it('sets the leeway with POLAR_LEEWAY_SECONDS', async () => {
    app = await runApp({ POLAR_LEEWAY_SECONDS: '60' }, { lifetimes: { loginAccessTokenSeconds: 50 } });
    await (await loggedIn(app)).get('/me');
    expect(app.emulator.requests.filter(({ grantType }) => grantType === 'refresh_token')).toHaveLength(1);
  });

  it('sets the server with POLAR_DISCOVERY_URL and POLAR_ISSUER', async () => {
    app = await runApp({
      POLAR_DISCOVERY_URL: '/.well-known/openid-configuration',
      POLAR_ISSUER: 'https://polar.sh',
    });
    await loggedIn(app);
    expect(app.emulator.requests.some(({ endpoint }) => endpoint === 'discovery')).toBe(true);
  });

  it('sets the callback, secure cookies and trust in the proxy with an https BASE_URL', async () => {
    app = await runApp({ BASE_URL: 'https://app.example.com' });
    const answer = await app
      .browser()
      .get('/auth/polar')
      .set({ 'x-forwarded-proto': 'https', host: 'app.example.com' });
    const location = new URL(answer.headers['location'] as string);
    expect(location.searchParams.get('redirect_uri')).toBe('https://app.example.com/auth/polar/callback');
    expect(String(answer.headers['set-cookie'])).toMatch(/; HttpOnly; Secure; SameSite=Lax/);
  });

  it('brings a warning when SESSION_SECRET is random', async () => {
    app = await runApp();
    expect(app.said.join('\n')).toMatch(/SESSION_SECRET is not set/);
    await app.close();
    app = await runApp({ SESSION_SECRET: 'only for tests' });
    expect(app.said).toEqual([]);
  });

  it('brings an error that names a PORT that is taken', async () => {
    app = await runApp();
    const port = new URL(app.url).port;
    await expect(runApp({ PORT: port })).rejects.toThrow(`PORT ${port} is in use`);
  });
});

describe('an unknown path of the example app', () => {
  it('gets a page or JSON that reports 404', async () => {
    app = await runApp();
    const script = await app.browser().get('/nowhere');
    expect([script.status, script.body.error.code]).toEqual([404, 'not_found']);
    const person = await app.browser().get('/nowhere').set(browserHeaders);
    expect([person.status, person.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
  });
});
