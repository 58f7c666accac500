/** Login attempts from the browser's side: what is stored where, cookies that do not come back, responses that come twice. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RequestHandler } from 'express';
import type { CookieOptions } from 'express-session';
import { requireLogin } from 'passport-polar-sh';
import request, { type Response, type Test } from 'supertest';
import { docsURL } from '../../src/docs-url.js';
import type { Browser } from '../support/browser.js';
import { requestsTo } from '../support/emulator-requests.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { isRowId } from '../support/stored-rows.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

const callback = '/auth/polar/callback';
const ids = () => Object.keys(app.store['sessions' as never]);
const sessions = () => ids().filter((id) => !isRowId(id));
const exchanges = () => requestsTo(app.emulator, 'token').length;
const failure = async (browser: Browser, path: string): Promise<string> => {
  const { headers } = await browser.get(path);
  expect(headers['location']).toBe('/failed');
  return (await browser.get('/failed')).body.messages.at(-1);
};
/** Shows the failure's code instead of a page, which needs a session. */
const showing: TestAppOptions = {
  routes: (server, parts) => {
    server.get(callback, (req, res, next) => {
      parts.passport.authenticate('polar', (error: unknown, user: Express.User, info: unknown) => {
        if (error || !user) return error ? next(error) : res.json(info);
        req.logIn(user, (thrown) => (thrown ? next(thrown) : res.json({ user, info })));
      })(req, res, next);
    });
  },
};
const cookiesOf = (answer: Response): string[] => (answer.headers['set-cookie'] ?? []) as never;

describe('visitors who start logins', () => {
  it('get no session at a start, a guarded page or a callback with a made-up state', async () => {
    app = await startTestApp({
      ...showing,
      routes: (server, parts) => {
        showing.routes?.(server, parts);
        server.get('/page', requireLogin({ loginPath: '/auth/polar' }), (_req, res) => void res.json({}));
      },
    });
    const browser = app.browser();
    await browser.get('/page').set('accept', 'text/html').expect(303);
    expect((await browser.get(`${callback}?code=x&state=made-up`)).body.code).toBe('attempt_unknown');
    expect(ids()).toEqual([]);
    const started = await browser.get('/auth/polar');
    expect(sessions()).toEqual([]);
    expect(ids()).toHaveLength(1);
    expect(cookiesOf(started)).toEqual([
      expect.stringMatching(/^polar-[0-9a-f]{10}=[\w-]{43}; Max-Age=1200; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
  });

  it('leave nothing in the store that opens without their cookie', async () => {
    app = await startTestApp({
      routes: (server, { passport }) =>
        server.get(
          '/start',
          passport.authenticate('polar', { state: 'invitation-7', returnTo: '/secret-page' }),
        ),
    });
    const browser = app.browser();
    const url = await browser.startLogin('/start');
    const stored = JSON.stringify(app.store['sessions' as never]);
    for (const secret of [
      'invitation-7',
      'secret-page',
      'nonce',
      'verifier',
      url.searchParams.get('state') as string,
    ])
      expect(stored).not.toContain(secret);
  });

  it('and then finish one cost the session store four writes, three reads and one removal', async () => {
    app = await startTestApp();
    await app.browser().logIn(); // the store is tried once for each process
    const counted: string[] = [];
    for (const name of ['get', 'set', 'destroy', 'touch'] as const) {
      const original = app.store[name].bind(app.store) as (...args: unknown[]) => void;
      app.store[name] = ((...args: unknown[]) => {
        counted.push(name);
        original(...args);
      }) as never;
    }
    await app.browser().logIn();
    const times = (name: string) => counted.filter((each) => each === name).length;
    expect({
      get: times('get'),
      set: times('set'),
      destroy: times('destroy'),
      touch: times('touch'),
    }).toEqual({
      get: 3,
      set: 4,
      destroy: 1,
      touch: 0,
    });
  });

  it('leave nothing in the session store if the app has its own storage', async () => {
    const storage = inMemoryStorage();
    app = await startTestApp({ strategy: { storage } });
    const browser = app.browser();
    await browser.startLogin();
    expect(ids()).toEqual([]);
    expect((await browser.logIn()).headers['location']).toBe('/home');
    expect(sessions()).toHaveLength(1);
  });
});

describe('a login attempt whose cookie', () => {
  it.each<[string, (sent: Record<string, string>) => Record<string, string>, string]>([
    ['is missing', () => ({}), 'attempt_cookie_missing'],
    ['has another value', (sent) => mapValues(sent, () => 'x'.repeat(43)), 'attempt_cookie_other'],
    ['is empty', (sent) => mapValues(sent, () => ''), 'attempt_cookie_missing'],
    [
      'has the name for https',
      (sent) => mapNames(sent, (name) => `__Host-${name}`),
      'attempt_cookie_missing',
    ],
    [
      'is percent-encoded',
      (sent) => mapValues(sent, (value) => `%41${value.slice(1)}`),
      'attempt_cookie_other',
    ],
    ['is in quotes', (sent) => mapValues(sent, (value) => `"${value}"`), 'attempt_cookie_other'],
  ])('%s fails with a code and is not used up', async (_what, change, code) => {
    app = await startTestApp(showing);
    const start = await request(app.url).get('/auth/polar');
    const sent = Object.fromEntries(
      cookiesOf(start).map((each) => each.split(';')[0]?.split('=') as [string, string]),
    );
    const path = await app.emulator.authorize(new URL(start.headers['location'] as string));
    const deliver = (cookies: Record<string, string>) => {
      const cookie = Object.entries(cookies)
        .map(([name, value]) => `${name}=${value}`)
        .join('; ');
      return request(app.url).get(path).set('cookie', cookie);
    };
    const before = JSON.stringify(app.store['sessions' as never]);
    const answer = await deliver(change(sent));
    expect(answer.body).toMatchObject({
      code,
      message: expect.any(String),
      hint: expect.any(String),
      docsURL: docsURL(code),
    });
    expect(answer.body.message + answer.body.hint).not.toContain('http');
    expect(JSON.stringify(app.store['sessions' as never])).toBe(before);
    expect(exchanges()).toBe(0);
    expect((await deliver(sent)).body.user).toBeDefined();
  });

  it('did not come back names what to check', async () => {
    app = await startTestApp(showing);
    const start = await request(app.url).get('/auth/polar');
    const path = await app.emulator.authorize(new URL(start.headers['location'] as string));
    const { hint } = (await request(app.url).get(path)).body;
    for (const word of ['trust proxy', 'secure', 'sameSite', 'domain', 'host']) expect(hint).toContain(word);
  });

  it.each([1, 4])('comes after others with the same name succeeds (%i others)', async (others) => {
    app = await startTestApp();
    const start = await request(app.url).get('/auth/polar');
    const [cookie = ''] = cookiesOf(start).map((each) => each.split(';')[0]);
    const path = await app.emulator.authorize(new URL(start.headers['location'] as string));
    const other = `${cookie.split('=')[0]}=${'y'.repeat(43)}`;
    const all = [...Array(others).fill(other), cookie, 'theme=dark'].join('; ');
    expect((await request(app.url).get(path).set('cookie', all)).headers['location']).toBe('/home');
  });

  it('is older than loginAttemptSeconds fails as expired', async () => {
    app = await startTestApp({ ...showing, strategy: { loginAttemptSeconds: 60 } });
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin());
    app.emulator.advanceTime(61);
    expect((await browser.get(path)).body.code).toBe('attempt_expired');
    app.emulator.advanceTime(-30);
    expect((await browser.get(path)).body.user).toBeDefined();
  });

  it('belongs to a row that the store has lost fails as expired, and without the cookie as unknown', async () => {
    app = await startTestApp(showing);
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin());
    app.store.clear();
    expect((await browser.get(path)).body.code).toBe('attempt_expired');
    expect((await request(app.url).get(path)).body.code).toBe('attempt_unknown');
  });
});

const mapValues = (cookies: Record<string, string>, change: (value: string) => string) =>
  Object.fromEntries(Object.entries(cookies).map(([name, value]) => [name, change(value)]));
const mapNames = (cookies: Record<string, string>, change: (name: string) => string) =>
  Object.fromEntries(Object.entries(cookies).map(([name, value]) => [change(name), value]));

describe('the cookie of a login attempt', () => {
  const over =
    (proto: string, host = 'app.example') =>
    (test: Test) =>
      test.set({ 'x-forwarded-proto': proto, 'x-forwarded-host': host });
  const start = async (cookie: CookieOptions, host?: string, strategy: object = {}) => {
    app = await startTestApp({ session: { cookie }, strategy });
    return over('https', host)(request(app.url).get('/auth/polar'));
  };
  const strict = 'https://app.example/auth/polar/callback';

  it.each<[CookieOptions, string]>([
    [{ secure: true }, 'HttpOnly; Secure; SameSite=Lax'],
    [{ secure: 'auto', sameSite: 'lax' }, 'HttpOnly; Secure; SameSite=Lax'],
    [{ secure: true, sameSite: 'none' }, 'HttpOnly; Secure; SameSite=None'],
    [
      { secure: true, sameSite: 'none', partitioned: true } as never,
      'HttpOnly; Secure; SameSite=None; Partitioned',
    ],
    [{ secure: true, domain: 'example' }, 'HttpOnly; Secure; SameSite=Lax'],
  ])('follows the session cookie over https: %j', async (cookie, attributes) => {
    const answer = await start(cookie);
    expect(answer.status).toBe(302);
    expect(cookiesOf(answer)).toEqual([
      expect.stringMatching(
        new RegExp(`^__Host-polar-[0-9a-f]{10}=[\\w-]{43}; Max-Age=1200; Path=/; ${attributes}$`),
      ),
    ]);
  });

  it('is sent to another host of the same domain', async () => {
    const answer = await start({ secure: true, domain: '.app.example' }, 'shop.app.example', {
      callbackURL: strict,
    });
    expect(cookiesOf(answer)).toEqual([
      expect.stringMatching(
        /^polar-[0-9a-f]{10}=[\w-]{43}; Max-Age=1200; Path=\/; Domain=\.app\.example; HttpOnly; Secure; SameSite=Lax$/,
      ),
    ]);
  });

  it.each<[CookieOptions, string]>([
    [{}, 'shop.example'],
    [{ domain: 'shop.example' }, 'shop.example'],
    [{}, 'shop.app.example'],
  ])('is refused for a callback at an unrelated host: %j from %s', async (cookie, host) => {
    const { body } = await start(cookie, host, { callbackURL: strict });
    expect(body.code).toBe('invalid_option');
    expect(body.message).toContain(host);
    expect(body.message).toContain('app.example');
  });

  it('is refused from 127.0.0.1 to localhost', async () => {
    app = await startTestApp({ strategy: { callbackURL: 'http://localhost:3000/auth/polar/callback' } });
    const at = (host: string) => request(app.url).get('/auth/polar').set('host', host);
    const { body } = await at('127.0.0.1:3000');
    expect(body.message).toContain('starts on 127.0.0.1:3000, but Polar redirects back to localhost:3000');
    expect((await at('localhost:3000')).status).toBe(302);
    // Like tests that follow the redirects themselves.
    expect((await at('127.0.0.1:41234')).status).toBe(302);
  });

  it('is accepted behind an untrusted proxy that hides the host', async () => {
    app = await startTestApp({ strategy: { callbackURL: strict, proxy: false } });
    const answer = await over('https')(request(app.url).get('/auth/polar'));
    expect(answer.status).toBe(302);
    expect(cookiesOf(answer)[0]).toMatch(/^__Host-polar-/);
  });

  it.each<[CookieOptions, string, RegExp]>([
    [{ sameSite: 'none' }, 'https', /SameSite=None without Secure/],
    [{ partitioned: true }, 'https', /Partitioned without Secure/],
    [{ secure: true }, 'http', /came over plain http/],
    [{ domain: 'other.example' }, 'https', /domain other\.example.*app\.example/],
    [{ sameSite: 'strict' }, 'https', /SameSite=Strict/],
  ])('is refused if it cannot come back: %j over %s', async (cookie, proto, message) => {
    app = await startTestApp({ session: { cookie } });
    const { body } = await over(proto)(request(app.url).get('/auth/polar'));
    expect(body).toMatchObject({ code: 'unsupported_session', message: expect.stringMatching(message) });
  });

  it.each<[string, CookieOptions, CookieOptions, string]>([
    ['which it rejects', { secure: true, sameSite: 'strict' }, { secure: true }, 'Lax'],
    ['for one host', { secure: true }, { secure: true, domain: 'app.example' }, 'Lax'],
    ['for no frames', { secure: true }, { secure: true, sameSite: 'none' }, 'None'],
  ])(
    'follows the options of today in a browser whose session began with others, %s',
    async (_what, before, now, sameSite) => {
      const options = { ...before };
      const fromShop = over('https', now.domain === undefined ? 'app.example' : 'shop.app.example');
      app = await startTestApp({
        session: { cookie: () => options as never },
        strategy: { callbackURL: strict },
        routes: (server) =>
          server.get('/cart', (req, res) => void res.json(Object.assign(req.session, { cart: ['book'] }))),
      });
      const [cookie = ''] = (await fromShop(request(app.url).get('/cart'))).get('Set-Cookie') ?? [];
      delete options.sameSite;
      Object.assign(options, now);
      const answer = await fromShop(request(app.url).get('/auth/polar')).set('cookie', cookie);
      expect([answer.status, answer.body.message]).toEqual([302, undefined]);
      expect(cookiesOf(answer)[0]).toMatch(new RegExp(`SameSite=${sameSite}$`));
    },
  );
});

describe('a repeated callback', () => {
  it('restarts the login once if the first response was dropped with its session cookie', async () => {
    app = await startTestApp(showing);
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin('/auth/polar?return_to=/page'));
    // The first one, whose response the browser drops.
    const cookies = browser.cookieHeader;
    expect((await request(app.url).get(path).set('cookie', cookies)).body.user).toBeDefined();
    const second = await browser.get(path);
    expect(second.status).toBe(302);
    const anew = new URL(second.headers['location'] as string);
    expect(anew.searchParams.get('state')).not.toBe(new URL(path, app.url).searchParams.get('state'));
    const done = await browser.get(await browser.visitPolar(anew));
    expect(done.body.user).toBeDefined();
    // From before the first restart: another browser window with the same cookies.
    expect((await request(app.url).get(path).set('cookie', cookies)).body.code).toBe('attempt_used');
    expect(exchanges()).toBe(2);
  });

  it('asks for the same scopes, page and state when it restarts the login', async () => {
    app = await startTestApp({
      routes: (server, { passport }) =>
        server.get(
          '/start',
          passport.authenticate('polar', {
            scope: ['openid', 'products:read'],
            state: { cart: 7 },
            returnTo: '/page',
            login_hint: 'ada@example.com',
          } as object),
        ),
    });
    const browser = app.browser();
    const first = await browser.startLogin('/start');
    const path = await browser.visitPolar(first);
    await request(app.url).get(path).set('cookie', browser.cookieHeader);
    const anew = new URL((await browser.get(path)).headers['location'] as string);
    for (const name of ['scope', 'redirect_uri', 'client_id', 'login_hint'])
      expect(anew.searchParams.get(name)).toBe(first.searchParams.get(name));
    for (const name of ['state', 'nonce', 'code_challenge'])
      expect(anew.searchParams.get(name)).not.toBe(first.searchParams.get(name));
    expect((await browser.get(await browser.visitPolar(anew))).headers['location']).toBe('/page');
  });

  it('is reported to a custom callback and logs nobody in again', async () => {
    app = await startTestApp(showing);
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin());
    await browser.get(path);
    const before = sessions();
    const { body } = await browser.get(path);
    expect(body).toMatchObject({ user: { provider: 'polar' }, info: { repeated: true } });
    expect(sessions()).toEqual(before);
    expect(exchanges()).toBe(1);
  });

  it("succeeds where Passport's userProperty gives the user another name", async () => {
    const callback = { failWithError: true, successRedirect: '/home' };
    app = await startTestApp({
      callback,
      routes: (server, { passport }) => {
        const forget: RequestHandler = (req, _res, next) => {
          delete req.user;
          next();
        };
        server.use(forget, passport.initialize({ userProperty: 'member' }), passport.session());
      },
    });
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin());
    for (let times = 1; times <= 3; times++)
      expect((await browser.get(path)).headers['location']).toBe('/home');
    expect(exchanges()).toBe(1);
  });

  it('is no success after another person has logged in', async () => {
    app = await startTestApp(showing);
    const browser = app.browser();
    const first = await browser.visitPolar(await browser.startLogin());
    await browser.get(first);
    app.emulator.user = 'grace@example.com';
    await browser.logIn();
    const again = await browser.get(first);
    expect(again.headers['location']).toContain(app.emulator.url);
    expect((await browser.get('/me')).body.user.displayName).toBe('grace@example.com');
  });

  it('of a cancelled login is cancelled again and does not restart the login', async () => {
    app = await startTestApp({ ...showing, emulator: { consent: 'deny' } });
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin());
    for (let time = 0; time < 3; time++) expect((await browser.get(path)).body.code).toBe('access_denied');
  });

  it('of passport.authorize fails because the login is over', async () => {
    app = await startTestApp({
      routes: (server, { passport }) => {
        server.get('/connect', passport.authorize('polar') as never);
        server.get(
          callback,
          passport.authorize('polar', { failureRedirect: '/failed', failureMessage: true }) as never,
          (_req, res) => void res.json({}),
        );
      },
    });
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin('/connect'));
    expect((await browser.get(path)).status).toBe(200);
    expect(await failure(browser, path)).toMatch(/already used/);
    expect(exchanges()).toBe(1);
  });
});

describe('a speculative request', () => {
  it.each<[string, Record<string, string>, number]>([
    ['Sec-Purpose', { 'sec-purpose': 'prefetch;prerender' }, 503],
    ['Sec-Purpose', { 'sec-purpose': 'prefetch' }, 503],
    ['Purpose', { purpose: 'prefetch' }, 503],
    ['X-Moz', { 'x-moz': 'prefetch' }, 503],
    ['X-Purpose', { 'x-purpose': 'preview' }, 503],
    ['HEAD', {}, 204],
  ])('with %s starts no login and uses none up (%j)', async (what, headers, status) => {
    app = await startTestApp();
    const browser = app.browser();
    const speculate = (path: string) =>
      what === 'HEAD' ? browser.agent.head(path) : browser.get(path).set(headers);
    const start = await speculate('/auth/polar');
    expect([start.status, start.headers['location'], start.headers['cache-control']]).toEqual([
      status,
      undefined,
      'no-store',
    ]);
    expect(ids()).toEqual([]);
    const path = await browser.visitPolar(await browser.startLogin());
    const answer = await speculate(path);
    expect([answer.status, answer.headers['cache-control']]).toEqual([status, 'no-store']);
    expect(exchanges()).toBe(0);
    expect((await browser.get(path)).headers['location']).toBe('/home');
  });
});

describe('two processes', () => {
  it.each([true, false])(
    'let only one of two concurrent callbacks use an attempt (compare-and-set: %s)',
    async (atomic) => {
      const rows = inMemoryStorage();
      const storage = { ...rows, shared: true, atomic };
      app = await startTestApp({ strategy: { storage } });
      // Another process of the app: the same storage and sessions, another memory.
      const other = await startTestApp({
        sharedEmulator: app.emulator,
        session: { store: app.store },
        strategy: {
          storage,
          clientID: app.client.clientID,
          clientSecret: app.client.clientSecret,
          callbackURL: `${app.url}${callback}`,
        },
      });
      try {
        const browser = app.browser();
        const path = await browser.visitPolar(await browser.startLogin());
        const cookie = browser.cookieHeader;
        const answers = await Promise.all(
          [app, other].map(({ url }) =>
            request(url)
              .get(path)
              .set({ cookie, host: new URL(app.url).host }),
          ),
        );
        const locations = answers.map(({ headers }) => headers['location'] as string).sort();
        expect(locations[0]).toBe('/home');
        expect(locations[1]).toContain(app.emulator.url);
        expect(app.emulator.liveTokens()).toHaveLength(1);
      } finally {
        await other.close();
      }
    },
  );
});
