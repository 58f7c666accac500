import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SharedStore } from '../support/app-processes.js';
import { refreshesAt } from '../support/emulator-requests.js';
import { refreshRoute } from '../support/refresh-route.js';
import { startSibling } from '../support/sibling.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
beforeEach(async () => {
  app = await startTestApp();
});
afterEach(() => app.close());

const refreshes = () => refreshesAt(app.emulator);
const loginLife = 864_000;

/** Counts the calls to the session store. */
function watchStore() {
  const calls = { get: 0, set: 0 };
  for (const name of ['get', 'set'] as const) {
    const original = app.store[name].bind(app.store) as (...args: unknown[]) => void;
    app.store[name] = ((...args: unknown[]) => {
      calls[name]++;
      original(...args);
    }) as never;
  }
  return calls;
}

describe('a valid token', () => {
  it('is returned without any I/O', async () => {
    const browser = await app.loggedInBrowser();
    const before = app.emulator.requests.length;
    const calls = watchStore();
    await browser.token();
    expect(app.emulator.requests).toHaveLength(before);
    expect(calls).toEqual({ get: 1, set: 0 }); // express-session loads the session
  });

  it('counts as valid until leewaySeconds before it expires', async () => {
    await app.close();
    app = await startTestApp({ strategy: { leewaySeconds: 100 } });
    const browser = await app.loggedInBrowser();
    const first = await browser.token();
    app.emulator.advanceTime(loginLife - 105);
    expect(await browser.token()).toBe(first);
    app.emulator.advanceTime(10);
    expect(await browser.token()).not.toBe(first);
  });
});

describe('an expired token', () => {
  it('is refreshed, and the rotated refresh token is used the next time', async () => {
    const browser = await app.loggedInBrowser();
    const first = await browser.token();
    app.emulator.advanceTime(loginLife);
    const second = await browser.token();
    app.emulator.advanceTime(3600);
    const third = await browser.token();
    expect(new Set([first, second, third]).size).toBe(3);
    expect(refreshes().map(({ status }) => status)).toEqual([200, 200]);
    expect(refreshes()[0]?.form['refresh_token']).not.toBe(refreshes()[1]?.form['refresh_token']);
    expect(app.emulator.liveTokens()).toMatchObject([{ accessToken: third }]);
  });

  it('is refreshed once for all requests in this process, which writes one record and no session', async () => {
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(loginLife);
    const calls = watchStore();
    const tokens = await Promise.all(Array.from({ length: 100 }, () => browser.token()));
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(refreshes()).toHaveLength(1);
    expect(calls.set).toBe(1);
  });

  it('is refreshed once, and a restarted process takes the new one from the record', async () => {
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(loginLife);
    const fresh = await browser.token();
    const restarted = startSibling(app);
    expect((await restarted(browser)).body.accessToken).toBe(fresh);
    expect(refreshes()).toHaveLength(1);
  });

  it('that was replaced early is not returned by a process that starts later', async () => {
    await app.close();
    app = await startTestApp({
      routes: refreshRoute,
    });
    const browser = await app.loggedInBrowser();
    const { accessToken } = (await browser.post('/refresh')).body;
    const restarted = startSibling(app);
    expect((await restarted(browser)).body.accessToken).toBe(accessToken);
  });

  it('is refreshed without touching what other requests write to the session', async () => {
    await app.close();
    app = await startTestApp({
      routes: (server) => {
        server.post('/note', (req, res) => void res.json(Object.assign(req.session, { note: 'kept' })));
        server.get('/slow-token', async (req, res) => {
          await new Promise((resolve) => setTimeout(resolve, 50));
          res.json({ accessToken: await req.polar.getAccessToken() });
        });
      },
    });
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(loginLife);
    const slow = browser.get('/slow-token').then((answer) => answer);
    await browser.post('/note');
    expect((await slow).body.accessToken).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect((await browser.get('/session')).body.note).toBe('kept');
  });
});

it('getTokens forces a refresh on request, once for concurrent callers', async () => {
  await app.close();
  app = await startTestApp({
    routes: refreshRoute,
  });
  const browser = await app.loggedInBrowser();
  const first = await browser.token();
  const answers = await Promise.all([browser.post('/refresh'), browser.post('/refresh')]);
  expect(answers[0]?.body.accessToken).not.toBe(first);
  expect(answers[1]?.body).toEqual(answers[0]?.body);
  expect(answers[0]?.body).toMatchObject({ scopes: ['openid', 'email'], expiresAt: expect.any(Number) });
  expect(await browser.token()).toBe(answers[0]?.body.accessToken);
  expect(refreshes()).toHaveLength(1);
});

it('a leeway longer than the lifetime does not cause a refresh for every request', async () => {
  await app.close();
  app = await startTestApp({ strategy: { leewaySeconds: 4000 } });
  const browser = await app.loggedInBrowser();
  app.emulator.advanceTime(loginLife);
  const first = await browser.token();
  expect(await browser.token()).toBe(first);
});

describe('invalid_grant', () => {
  it('ends the login with a 401 that says so', async () => {
    const browser = await app.loggedInBrowser();
    app.emulator.revokeAll();
    app.emulator.advanceTime(loginLife);
    const answer = await browser.get('/token');
    expect([answer.status, answer.body.code]).toEqual([401, 'login_expired']);
    expect(answer.body.message).toMatch(/Log in with Polar again/);
    await browser.get('/token');
    expect(refreshes()).toHaveLength(1); // known to be dead now
  });

  it('no longer matters after a new login', async () => {
    const browser = await app.loggedInBrowser();
    app.emulator.revokeAll();
    app.emulator.advanceTime(loginLife);
    await browser.get('/token').expect(401);
    await browser.logIn();
    expect(await browser.token()).toMatch(/^polar_at_u_/);
  });

  it('is not believed while another process may be about to write newer tokens', async () => {
    await app.close();
    app = await startTestApp({ session: { store: new SharedStore() } });
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(loginLife);
    const sibling = startSibling(app);
    // The sibling wins the race, but its record arrives late.
    const late = holdRecords();
    const winner = sibling(browser);
    await until(() => refreshes().length === 1);
    const loser = browser.get('/token').then((answer) => answer);
    await until(() => refreshes().length === 2);
    late.release();
    const [won, lost] = await Promise.all([winner, loser]);
    expect([won.status, lost.status]).toEqual([200, 200]);
    expect(lost.body.accessToken).toBe(won.body.accessToken);
  });
});

describe('a refresh that fails', () => {
  it.each([
    ['429 with its empty body', { status: 429, retryAfterSeconds: 60 }, 'rate_limited'],
    ['500', { status: 500 }, 'server_error'],
    ['503', { status: 503 }, 'server_error'],
    ['a reset connection', 'reset-before', 'network_error'],
    ['HTML', 'html', 'malformed_response'],
  ] as const)('with %s keeps the tokens, which work as soon as Polar is back', async (_what, fault, code) => {
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(loginLife);
    app.emulator.fail('token', fault);
    const answer = await browser.get('/token');
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(answer.body.code).toBe(code);
    const { retryAfterSeconds = 0 } = app.errors[0] as { retryAfterSeconds?: number };
    app.emulator.advanceTime(retryAfterSeconds);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });

  it('says how long to wait', async () => {
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(loginLife);
    app.emulator.fail('token', { status: 429, retryAfterSeconds: 42 });
    await browser.get('/token');
    expect(app.errors[0]).toMatchObject({ code: 'rate_limited', status: 503, retryAfterSeconds: 42 });
  });

  it('makes nobody wait longer than timeoutMs, and keeps what Polar responds later', async () => {
    await app.close();
    app = await startTestApp({ strategy: { timeoutMs: 300 } });
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(loginLife);
    app.emulator.fail('token', { delayMs: 3000 });
    const startedAt = performance.now();
    const answer = await browser.get('/token');
    expect([answer.status, answer.body.code]).toEqual([503, 'timeout']);
    expect(performance.now() - startedAt).toBeLessThan(2900);
    expect(app.errors[0]).toMatchObject({ message: expect.stringContaining('The login is not lost') });
    await untilToken(browser);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(refreshes().map(({ status }) => status)).toEqual([200]);
  });

  it('is repeated once the connection of a request that Polar never received is closed', async () => {
    let givesUp = (): void => {};
    await app.close();
    app = await startTestApp({
      strategy: {
        timeoutMs: 300,
        // An app's own fetch may end sooner than the two minutes for which the response is waited for.
        fetch: async (url, init) => {
          const controller = new AbortController();
          givesUp = () => controller.abort(new TypeError('The socket was closed'));
          return fetch(url, { ...init, signal: controller.signal });
        },
      },
    });
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(loginLife);
    app.emulator.fail('token', 'hang');
    expect((await browser.get('/token')).body.code).toBe('timeout');
    expect((await browser.get('/token')).body.code).toBe('timeout');
    expect(refreshes()).toHaveLength(1);
    givesUp();
    await untilToken(browser);
    expect(await browser.token()).toBe(app.emulator.liveTokens()[0]?.accessToken);
  });

  it('returns a token that has not expired yet', async () => {
    await app.close();
    app = await startTestApp({ strategy: { leewaySeconds: 60 } });
    const browser = await app.loggedInBrowser();
    const first = await browser.token();
    app.emulator.advanceTime(loginLife - 30);
    app.emulator.fail('token', { status: 500 });
    expect(await browser.token()).toBe(first);
  });

  it('ends the login if only its response was lost, and the error says so', async () => {
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(loginLife);
    app.emulator.fail('token', 'reset-after');
    expect((await browser.get('/token')).body.code).toBe('network_error');
    expect((await browser.get('/token')).body.code).toBe('login_expired');
  });
});

it('tokens stay usable in this process if their record cannot be written', async () => {
  const browser = await app.loggedInBrowser();
  app.emulator.advanceTime(loginLife);
  const set = app.store.set.bind(app.store);
  app.store.set = ((_sid: string, _session: object, callback: (error: Error) => void) =>
    callback(new Error('disk full'))) as never;
  const fresh = await browser.token();
  app.store.set = set;
  expect(fresh).toBe(app.emulator.liveTokens()[0]?.accessToken);
  expect(await browser.token()).toBe(fresh);
});

it('errors of a refresh contain no token', async () => {
  const browser = await app.loggedInBrowser();
  const live = app.emulator.liveTokens();
  app.emulator.advanceTime(loginLife);
  app.emulator.fail('token', {
    status: 400,
    body: { error: 'odd', error_description: `no ${live[0]?.refreshToken}` },
    headers: { 'content-type': 'application/json' },
  });
  await browser.get('/token');
  expect(app.errors).toHaveLength(1);
  const shown = inspect(app.errors, { depth: 10, showHidden: true }) + JSON.stringify(app.errors);
  for (const { accessToken, refreshToken } of live) {
    expect(shown).not.toContain(accessToken);
    expect(shown).not.toContain(refreshToken);
  }
  expect(shown).toContain('[redacted]');
});

/** Holds back writes to the session store until they are released. */
function holdRecords() {
  const set = app.store.set.bind(app.store);
  const waiting: (() => void)[] = [];
  app.store.set = ((sid: string, value: never, callback: () => void) =>
    void waiting.push(() => set(sid, value, callback))) as never;
  return {
    release() {
      app.store.set = set;
      for (const write of waiting) write();
    },
  };
}

/** Asks until there is a token, and advances the clock of the circuit breaker meanwhile. */
async function untilToken(browser: ReturnType<TestApp['browser']>): Promise<void> {
  for (let attempt = 0; (await browser.get('/token')).status !== 200; attempt++) {
    if (attempt > 100) throw new Error('There is no token');
    app.emulator.advanceTime(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
