/** docs/sessions.md shows the files that run in sessions/, and its figures are right. */
import { afterEach, describe, expect, it } from '@jest/globals';
import cookieParser from 'cookie-parser';
import session from 'express-session';
import type passport from 'passport';
import { logout, type PolarStorage, requireLogin } from 'passport-polar-sh';
import request from 'supertest';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { sameOriginOnly } from './sessions/log-out-form.js';
import { rememberMeRoutes } from './sessions/remember-me.js';
import { blocksOf, projectFile, runningFile } from './shown-code.js';

const guide = projectFile('docs/sessions.md');
const files = ['log-out-form.ts', 'remember-me.ts'];
const day = 86_400;

let app: TestApp | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

describe('the guide to sessions', () => {
  it.each(files)('shows %s exactly as it runs', (file) => {
    expect(blocksOf('sessions.md').get(file)).toBe(runningFile('sessions', file));
  });

  it('shows no other files, and is linked', () => {
    expect([...blocksOf('sessions.md').keys()].sort()).toEqual(files);
    expect(projectFile('docs/deployment.md')).toContain('](sessions.md');
  });

  it('names the stores that the tests of storages run over, in the versions that are installed', () => {
    const stores = [...guide.matchAll(/^\| \[([\w-]+)\]\(https:\/\/www\.npmjs\.com.*? \| ([\d.]+) \|/gm)];
    const { devDependencies } = JSON.parse(projectFile('package.json'));
    const tested = projectFile('test/storage/real-storages.ts');
    expect(stores).toHaveLength(6);
    for (const [, name = '', version] of stores) {
      expect([name, devDependencies[name]]).toEqual([name, expect.stringContaining(`^${version}`)]);
      expect(tested).toContain(`'${name}'`);
    }
  });
});

describe('what is stored', () => {
  /** Sizes and lifetimes of the rows, by how much they hold. */
  function watched() {
    const inMemory = inMemoryStorage();
    const rows: { value: string; ttlSeconds: number }[] = [];
    const storage: PolarStorage = {
      ...inMemory,
      write: (key, row, options) => {
        rows.push({ value: row.value, ttlSeconds: options.ttlSeconds });
        return inMemory.write(key, row, options);
      },
    };
    return { rows, storage };
  }

  it.each<[string, object, number, number]>([
    ['', {}, 500, 700],
    [' with encryptionKeys', { encryptionKeys: ['a key of this test, long enough to be one'] }, 800, 1100],
  ])('the login in the session has the size in the table%s', async (_with, strategy, least, most) => {
    app = await startTestApp({ strategy });
    const browser = await app.loggedInBrowser();
    const { polar } = (await browser.get('/session')).body;
    expect(String(polar).length).toBeGreaterThan(least);
    expect(String(polar).length).toBeLessThan(most);
  });

  it.each([
    [undefined, 30 * day],
    [10 * day * 1000, 30 * day],
    [90 * day * 1000, 90 * day],
  ])(
    'with maxAge %p the newest tokens are kept for %d seconds, and so is the end of the login',
    async (maxAge, seconds) => {
      const { rows, storage } = watched();
      app = await startTestApp({
        strategy: { storage },
        session: { cookie: { ...(maxAge && { maxAge }) } },
        routes: (server, { polar }) => server.post('/logout', logout(polar, { redirectTo: '/' })),
      });
      const browser = await app.loggedInBrowser();
      const attempt = rows.splice(0);
      // The first row of a process is a trial, of the size that a storage must take.
      const started = attempt.filter(({ ttlSeconds, value }) => ttlSeconds === 600 && value.length < 3000);
      expect(started).not.toEqual([]);
      expect(Math.max(...started.map(({ value }) => value.length))).toBeLessThan(700);
      app.emulator.advanceTime(10 * day);
      await browser.token();
      expect(rows.map(({ ttlSeconds }) => ttlSeconds)).toContain(seconds);
      for (const { value } of rows.splice(0)) expect(value.length).toBeLessThan(900);
      await browser.post('/logout');
      const [end] = rows;
      expect(end?.ttlSeconds).toBe(seconds);
      expect(end?.value.length).toBeLessThan(100);
    },
  );

  it('the cookies have the names, sizes and lifetimes in the table', async () => {
    app = await startTestApp({
      routes: (server) =>
        server.get('/guarded', requireLogin({ loginPath: '/auth/polar' }), (_req, res) => void res.json({})),
    });
    const start = await request(app.url).get('/auth/polar');
    const cookies = start.headers['set-cookie'] as unknown as string[];
    expect(cookies).toEqual([expect.stringMatching(/^polar-[0-9a-f]{10}=[\w-]{43}; Max-Age=1200;/)]);
    const browser = app.browser();
    const guard = await browser.get('/guarded').set('Accept', 'text/html');
    const loggedIn = await browser.logIn(String(guard.headers['location']));
    expect(String(loggedIn.headers['set-cookie'])).toMatch(/polar-rounds=1; Max-Age=30;/);
    const [sid = ''] = /connect\.sid=[^;]*/.exec(String(loggedIn.headers['set-cookie'])) ?? [];
    expect(sid.length).toBeLessThan(110);
  });

  it('strangers get no session, and a planted one has another id after the login', async () => {
    app = await startTestApp({
      routes: (server) =>
        server.get('/plant', (req, res) => {
          Object.assign(req.session, { planted: true });
          res.json({});
        }),
    });
    const browser = app.browser();
    expect(String((await browser.get('/auth/polar')).headers['set-cookie'])).not.toContain('connect.sid');
    const [planted] =
      /connect\.sid=[^;]*/.exec(String((await browser.get('/plant')).headers['set-cookie'])) ?? [];
    await browser.logIn();
    const me = await request(app.url).get('/me').set('Cookie', String(planted));
    expect(me.body.user).toBeNull();
    expect((await browser.get('/me')).body.user).not.toBeNull();
  });
});

describe('the session cookie', () => {
  const maxAge = 30 * day * 1000;
  it.each([
    [false, undefined],
    [true, expect.stringContaining('connect.sid=')],
  ])('with rolling: %p is sent again as the guide says', async (rolling, sent) => {
    app = await startTestApp({ session: { rolling, cookie: { maxAge } } });
    const browser = await app.loggedInBrowser();
    const again = (await browser.get('/me')).headers['set-cookie'] as unknown as string[] | undefined;
    expect(again?.find((cookie) => cookie.startsWith('connect.sid'))).toEqual(sent);
  });

  it.each([
    ['?remember=yes', true],
    ['', false],
  ])('outlives the browser only with the box of the guide: /auth/polar%s', async (query, isKept) => {
    app = await startTestApp({
      routes: (server, parts) => server.use(rememberMeRoutes(parts.passport as passport.Authenticator)),
    });
    const browser = app.browser();
    const loggedIn = await browser.get(
      await browser.visitPolar(await browser.startLogin(`/auth/polar${query}`)),
    );
    expect([loggedIn.status, loggedIn.headers['location']]).toEqual([302, '/']);
    const cookies = loggedIn.headers['set-cookie'] as unknown as string[];
    const cookie = cookies.find((each) => each.startsWith('connect.sid'));
    expect(cookie?.includes('Expires=')).toBe(isKept);
    expect((await browser.get('/me')).body.user).not.toBeNull();
  });

  it.each(['before', 'after'])('works with cookie-parser %s express-session', async (place) => {
    const store = new session.MemoryStore();
    app = await startTestApp({
      session: { store },
      routes: (server) => {
        server.use(cookieParser('another secret'));
        if (place === 'after') return;
        const { stack } = server.router as unknown as { stack: unknown[] };
        stack.unshift(stack.pop());
      },
    });
    const browser = await app.loggedInBrowser();
    expect((await browser.get('/me')).body.user).not.toBeNull();
  });
});

it.each<[string, Record<string, string>, number]>([
  ['its own page', { 'sec-fetch-site': 'same-origin', origin: 'https://app.shop.example' }, 200],
  ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, 403],
  ['a sibling host', { 'sec-fetch-site': 'same-site', origin: 'https://evil.shop.example' }, 403],
  ['an old browser on its own page', { origin: 'https://app.shop.example' }, 200],
  ['an old browser elsewhere', { origin: 'https://evil.example' }, 403],
  ['nobody knows where', {}, 403],
])('the guard of the log-out form gets a request from %s', async (_from, headers, status) => {
  app = await startTestApp({
    routes: (server) =>
      server.post('/guarded', sameOriginOnly('https://app.shop.example'), (_req, res) => void res.json({})),
  });
  expect((await request(app.url).post('/guarded').set(headers)).status).toBe(status);
});
