/** A refresh writes no session: what apps write there meanwhile stays, and old sessions restore no dead token. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type express from 'express';
import type { SessionData } from 'express-session';
import request from 'supertest';
import { SharedStore } from '../support/app-processes.js';
import type { Browser } from '../support/browser.js';
import { refreshesAt } from '../support/emulator-requests.js';
import { startSibling } from '../support/sibling.js';
import { isRowId } from '../support/stored-rows.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { until } from '../support/until.js';

let app: TestApp;
afterEach(() => app.close());

const loginLife = 864_000;
const refreshes = () => refreshesAt(app.emulator);

/** A promise that is resolved from outside. */
function signal() {
  let fire = (): void => {};
  const fired = new Promise<void>((resolve) => {
    fire = resolve;
  });
  return { fire, fired };
}

let slow = { loaded: signal(), goOn: signal() };
const routes: NonNullable<TestAppOptions['routes']> = (server) => {
  server.post('/note/:name', (req, res) => {
    Object.assign(req.session, { [req.params['name']]: 'kept' });
    res.json({});
  });
  // Loads its session early, and writes it back when the test says so.
  server.post('/slow', async (req, res) => {
    slow.loaded.fire();
    await slow.goOn.fired;
    Object.assign(req.session, { slow: 'written late' });
    res.json({});
  });
  server.post('/note-and-token', async (req, res) => {
    Object.assign(req.session, { before: 'kept' });
    const accessToken = await req.polar.getAccessToken();
    Object.assign(req.session, { after: 'kept' });
    res.json({ accessToken });
  });
};

async function loggedIn(options: TestAppOptions = {}): Promise<Browser> {
  slow = { loaded: signal(), goOn: signal() };
  app = await startTestApp({ routes, ...options, session: { store: new SharedStore(), ...options.session } });
  return app.loggedInBrowser();
}

/** Counts writes of sessions, but not those of records. */
function watchSessionWrites(): { count: number } {
  const writes = { count: 0 };
  const set = app.store.set.bind(app.store);
  app.store.set = (sid, value, callback) => {
    if (!isRowId(sid)) writes.count++;
    set(sid, value, callback);
  };
  return writes;
}

/** The session of the only browser, as it is stored. */
function storedSession(): Promise<[string, SessionData]> {
  return new Promise((resolve, reject) =>
    app.store.all((error, all) => {
      const found = Object.entries(all ?? {}).find(([sid]) => !isRowId(sid));
      if (error || found === undefined) reject(error ?? new Error('There is no session'));
      else resolve(found as [string, SessionData]);
    }),
  );
}

/** The token in the response of another process, which has seen nothing yet. */
async function tokenFromAnotherProcess(browser: Browser): Promise<{ status: number; accessToken: string }> {
  const { status, body } = await startSibling(app)(browser);
  return { status, accessToken: body.accessToken };
}

describe('a refresh', () => {
  it('writes no session, whoever needs the token', async () => {
    const browser = await loggedIn();
    const before = await storedSession();
    const writes = watchSessionWrites();
    for (let hour = 0; hour < 3; hour++) {
      app.emulator.advanceTime(hour === 0 ? loginLife : 3600);
      await Promise.all(Array.from({ length: 10 }, () => browser.token()));
    }
    expect(refreshes()).toHaveLength(3);
    expect(writes.count).toBe(0);
    const after = await storedSession();
    expect({ ...after[1], cookie: null }).toEqual({ ...before[1], cookie: null });
  });

  it('keeps what other requests write before, during and after the refresh', async () => {
    const browser = await loggedIn();
    app.emulator.advanceTime(loginLife);
    app.emulator.fail('token', { delayMs: 300 });
    await browser.post('/note/before').expect(200);
    const token = browser.get('/token').then((answer) => answer);
    await until(() => refreshes().length === 1);
    await browser.post('/note/meanwhile').expect(200);
    expect((await token).status).toBe(200);
    await browser.post('/note/afterwards').expect(200);
    expect((await browser.get('/session')).body).toMatchObject({
      before: 'kept',
      meanwhile: 'kept',
      afterwards: 'kept',
    });
  });

  it('keeps what its own request writes', async () => {
    const browser = await loggedIn();
    app.emulator.advanceTime(loginLife);
    const { body } = await browser.post('/note-and-token');
    expect(body.accessToken).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect((await browser.get('/session')).body).toMatchObject({ before: 'kept', after: 'kept' });
    expect(await browser.token()).toBe(body.accessToken);
  });
});

describe('an old session that is written back', () => {
  it.each([
    ['by a request that began before the refresh', false],
    ['by every request, with resave and rolling', true],
  ])('%s restores no dead token, here or in another process', async (_how, resave) => {
    const browser = await loggedIn({ session: { resave, rolling: resave } });
    app.emulator.advanceTime(loginLife);
    const late = browser.post('/slow').then((answer) => answer);
    await slow.loaded.fired;
    const fresh = await browser.token();
    app.emulator.advanceTime(3600);
    const fresher = await browser.token();
    expect(fresher).not.toBe(fresh);
    slow.goOn.fire();
    expect((await late).status).toBe(200);
    expect((await browser.get('/session')).body.slow).toBe('written late');
    expect(await browser.token()).toBe(fresher);
    expect(await tokenFromAnotherProcess(browser)).toEqual({ status: 200, accessToken: fresher });
    app.emulator.advanceTime(3600);
    const { accessToken } = await tokenFromAnotherProcess(browser);
    expect(accessToken).toBe(app.emulator.liveTokens()[0]?.accessToken);
    expect(await browser.token()).toBe(accessToken);
    expect(refreshes()).toHaveLength(3);
  });

  it('as it was at the login works days later as well as the new one', async () => {
    const browser = await loggedIn();
    const [sid, atLogin] = await storedSession();
    const copy = structuredClone(atLogin);
    for (let hour = 0; hour < 5; hour++) {
      app.emulator.advanceTime(hour === 0 ? loginLife : 3600);
      await browser.token();
    }
    await new Promise((resolve) => app.store.set(sid, copy, resolve));
    const [live] = app.emulator.liveTokens();
    expect((await tokenFromAnotherProcess(browser)).accessToken).toBe(live?.accessToken);
    expect(await browser.token()).toBe(live?.accessToken);
    expect(refreshes()).toHaveLength(5);
  });

  it('with an earlier login does not end the one that replaced it', async () => {
    const browser = await loggedIn();
    const [, first] = await storedSession();
    const copy = structuredClone(first);
    await browser.logIn();
    const second = await browser.token();
    // The tokens of the first login were revoked when the second one replaced it.
    await until(() => app.emulator.liveTokens().length === 1);
    expect(app.emulator.liveTokens()[0]?.accessToken).toBe(second);
    const [sid] = await storedSession();
    await new Promise((resolve) => app.store.set(sid, copy, resolve));
    const answer = await browser.get('/token');
    expect([answer.status, answer.body.code]).toEqual([401, 'logged_out']);
    expect(app.emulator.liveTokens()[0]?.accessToken).toBe(second);
  });
});

it('a second login during a refresh keeps its own tokens', async () => {
  const browser = await loggedIn();
  app.emulator.advanceTime(loginLife);
  app.emulator.fail('token', { delayMs: 400 });
  const old = request(app.url)
    .get('/token')
    .set('cookie', browser.cookieHeader)
    .then((answer) => answer);
  await until(() => refreshes().length === 1);
  await browser.logIn();
  const mine = await browser.token();
  await old;
  expect(await browser.token()).toBe(mine);
  await until(() => app.emulator.liveTokens().length === 1);
  expect(app.emulator.liveTokens()[0]?.accessToken).toBe(mine);
  expect((await tokenFromAnotherProcess(browser)).accessToken).toBe(mine);
});

it.each([
  ['a login', '/auth/polar', 200],
  ['a link', '/connect', 401],
] as const)(
  'a request with resave: true that began before keeps or undoes %s, as the guide says (%s: %s)',
  async (what, path, status) => {
    slow = { loaded: signal(), goOn: signal() };
    app = await startTestApp({
      session: { resave: true },
      routes: (server, parts) => {
        routes(server, parts);
        server.post('/password', (req, res, next) =>
          req.logIn({ id: 'somebody' } as Express.User, (error) => (error ? next(error) : res.json({}))),
        );
        const link = parts.passport.authorize('polar') as express.RequestHandler;
        server.get('/connect', link);
        if (what === 'a link') server.get('/auth/polar/callback', link, (_req, res) => void res.json({}));
      },
    });
    const browser = app.browser();
    await browser.post('/password');
    const late = request(app.url)
      .post('/slow')
      .set('cookie', browser.cookieHeader)
      .then(({ status }) => status);
    await slow.loaded.fired;
    await browser.logIn(path);
    await browser.get('/token').expect(200);
    slow.goOn.fire();
    expect(await late).toBe(200);
    expect((await browser.get('/token')).status).toBe(status);
  },
);
