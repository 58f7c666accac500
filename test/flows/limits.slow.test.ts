/** What an app stores for strangers (records, bodies, sessions) is bounded. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { RedisStore } from 'connect-redis';
import type { SessionOptions } from 'express-session';
import { logout, PolarOAuthClient } from 'passport-polar-sh';
import { createClient } from 'redis';
import { endless, startMisbehavingServer } from '../support/misbehaving-server.js';
import { hasRedis, startRedis } from '../support/redis-server.js';
import { isRowId } from '../support/stored-rows.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

type Json = Record<string, unknown>;
const megabyte = 1024 * 1024;
const options = { clientID: 'c', clientSecret: 's', callbackURL: 'https://app.example/auth/polar/callback' };

let app: TestApp;
let cleanUp: (() => Promise<unknown>) | undefined;
afterEach(async () => {
  jest.restoreAllMocks();
  await app?.close();
  await cleanUp?.();
  cleanUp = undefined;
});

it('a login has one record, however often it is refreshed, one row for its attempt and one for its end', async () => {
  app = await startTestApp({
    routes: (server, { polar }) => server.post('/logout', logout(polar, { redirectTo: '/' })),
  });
  const browser = await app.loggedInBrowser();
  for (let time = 0; time < 8; time++) {
    app.emulator.advanceTime(864_000);
    await browser.token();
  }
  const rows = () => Object.keys(app.store['sessions' as never]).filter((sid) => isRowId(sid));
  expect(rows()).toHaveLength(2);
  await browser.post('/logout');
  expect(rows()).toHaveLength(3);
});

it('the client reads only a bounded part of an endless response', async () => {
  const answer = endless();
  const server = await startMisbehavingServer(answer);
  cleanUp = () => server.close();
  const client = new PolarOAuthClient({
    ...options,
    server: { webURL: server.url, apiURL: server.url },
  } as never);
  await expect(client.introspect('token')).rejects.toMatchObject({ code: 'response_too_large' });
  await answer.closed;
  // Data under way in sockets and buffers, on top of 256 KiB.
  expect(answer.sent()).toBeLessThan(8 * megabyte);
});

it('the emulator reads no request of more than 10 MiB, like Polar', async () => {
  app = await startTestApp();
  const post = (size: number) =>
    fetch(`${app.emulator.apiURL}/v1/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ x: 'x'.repeat(size) }),
    });
  expect((await post(10 * megabyte - 2)).status).toBe(400);
  expect((await post(10 * megabyte)).status).toBe(413);
});

describe('visitors who start a login and leave', () => {
  const inStore = (areRows: boolean): Json[] =>
    Object.entries(app.store['sessions' as never] as Record<string, string>)
      .filter(([sid]) => isRowId(sid) === areRows)
      .map(([, text]) => JSON.parse(text));
  const sessions = (): Json[] => inStore(false);
  const attempts = (): Json[] => inStore(true);
  const livesFor = ({ cookie }: Json): number | null => {
    const { expires } = cookie as { expires: string | null };
    return expires === null ? null : Math.round((Date.parse(expires) - Date.now()) / 1000);
  };
  const countInStore = (): Promise<number> =>
    new Promise((resolve) => app.store.length((_error, count) => resolve(count ?? -1)));
  const startLogins = async (times: number): Promise<void> => {
    for (let batch = 0; batch < times; batch += 50)
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          const answer = await fetch(`${app.url}/auth/polar`, { redirect: 'manual' });
          await answer.text();
          // The cookie of the attempt, and none of a session.
          expect(answer.headers.getSetCookie()).toEqual([expect.stringMatching(/^polar-[0-9a-f]{10}=/)]);
        }),
      );
  };

  it.each([
    [undefined, 600],
    [60, 60],
  ])(
    'leave no session, only a row that expires after loginAttemptSeconds: 1,000 of them, with %s',
    async (loginAttemptSeconds, kept) => {
      app = await startTestApp({ strategy: { loginAttemptSeconds } });
      await startLogins(1000);
      expect([sessions().length, attempts().length]).toEqual([0, 1000]);
      expect(await countInStore()).toBe(1000);
      const { now } = Date;
      jest.spyOn(Date, 'now').mockImplementation(() => now() + (kept - 20) * 1000);
      expect(await countInStore()).toBe(1000);
      jest.spyOn(Date, 'now').mockImplementation(() => now() + (kept + 1) * 1000);
      expect(await countInStore()).toBe(0);
    },
    60_000,
  );

  (hasRedis ? it : it.skip)('expire in Redis, while people who log in stay', async () => {
    const redis = await startRedis();
    const client = createClient({ url: redis.url });
    await client.connect();
    cleanUp = async () => {
      client.destroy();
      await redis.close();
    };
    app = await startTestApp({ session: { store: new RedisStore({ client }) } });
    const lives = async (areRows: boolean): Promise<number[]> => {
      const names = (await client.keys('sess:*')).filter(
        (name) => isRowId(name.replace('sess:', '')) === areRows,
      );
      return Promise.all(names.map((name) => client.ttl(name)));
    };
    await startLogins(1000);
    expect(await lives(false)).toEqual([]);
    const all = await lives(true);
    expect(all).toHaveLength(1000);
    expect(Math.max(...all)).toBeLessThanOrEqual(600);
    expect(Math.min(...all)).toBeGreaterThan(500);
    await client.flushAll();
    // A visitor is not stored for longer by returning without having logged in.
    const browser = app.browser();
    await browser.startLogin();
    await browser.get('/me');
    expect(await lives(false)).toEqual([]);
    await client.flushAll();
    await app.browser().logIn();
    expect(await lives(false)).toEqual([86_400]);
    // The row of the used attempt.
    const [used = 0, ...others] = await lives(true);
    expect(others).toEqual([]);
    expect(used).toBeLessThanOrEqual(600);
  });

  const day = 86_400;
  const settings: [string, Partial<SessionOptions>, number | null][] = [
    ['a cookie for the browser session', {}, null],
    ['a cookie for a day', { cookie: { maxAge: day * 1000 } }, day],
    ['rolling', { rolling: true, cookie: { maxAge: day * 1000 } }, day],
    ['rolling, for the browser session', { rolling: true }, null],
    ['saveUninitialized', { saveUninitialized: true, cookie: { maxAge: day * 1000 } }, day],
    ['resave', { resave: true, cookie: { maxAge: day * 1000 } }, day],
  ];
  const withCart: TestAppOptions['routes'] = (server) => {
    server.use((req, _res, next) => {
      if (req.path === '/cart' || req.query['cart']) (req.session as unknown as Json)['cart'] = 1;
      next();
    });
    server.get('/cart', (_req, res) => void res.json({}));
  };
  /** How long the browser keeps its session cookie; undefined if it received none. */
  const ageOf = (headers: Json): number | null | undefined => {
    const cookies = (headers['set-cookie'] ?? []) as string[];
    const cookie = cookies.find((each) => each.startsWith('connect.sid='));
    const [, expires] = /Expires=([^;]+)/.exec(cookie ?? '') ?? [];
    if (cookie === undefined) return undefined;
    return expires === undefined ? null : Math.round((Date.parse(expires) - Date.now()) / 1000);
  };
  const about = (seconds: number | null) => (seconds === null ? null : expect.closeTo(seconds, -1)); // within five seconds

  it.each(settings)('do not change the sessions of the app: %s', async (_what, settings, own) => {
    app = await startTestApp({ session: settings, routes: withCart });
    const browser = app.browser();
    const started = await browser.get('/auth/polar');
    // With saveUninitialized, the app keeps a session for every visitor.
    const atOnce = settings.saveUninitialized ? [about(own)] : [];
    expect(ageOf(started.headers)).toEqual(atOnce[0]);
    expect(sessions().map(livesFor)).toEqual(atOnce);
    expect(attempts().map(livesFor)).toEqual([about(600)]);

    await browser.get('/me');
    expect(sessions().map(livesFor)).toEqual(atOnce);
    await browser.get('/cart');
    expect(sessions().map(livesFor)).toEqual([about(own)]);
    await browser.startLogin();
    expect(sessions().map(livesFor)).toEqual([about(own)]);
    await browser.logIn();
    expect(sessions().map(livesFor)).toEqual([about(own)]);
    expect((await browser.get('/me')).body.user).not.toBeNull();

    const direct = app.browser();
    const answer = await direct.logIn();
    expect(answer.headers['location']).toBe('/home');
    expect(ageOf(answer.headers)).toEqual(about(own));
    expect(sessions().map(livesFor)).toEqual([about(own), about(own)]);
    expect(attempts().map(livesFor)).toEqual(Array.from({ length: 4 }, () => about(600)));
  });

  it('do not change what an app stores in a new session', async () => {
    app = await startTestApp({ session: { cookie: { maxAge: 30_000 } }, routes: withCart });
    await app.browser().startLogin('/auth/polar?cart=1');
    expect(sessions()).toMatchObject([{ cart: 1 }]);
    expect(sessions().map(livesFor)).toEqual([about(30)]);
    expect(attempts().map(livesFor)).toEqual([about(600)]);
  });

  it('can finish it for as long as its row lives, and using the row does not extend it', async () => {
    app = await startTestApp({ strategy: { loginAttemptSeconds: 60 } });
    for (const [seconds, location] of [
      [50, '/home'],
      [61, '/failed'],
    ] as const) {
      const browser = app.browser();
      const path = await browser.visitPolar(await browser.startLogin());
      app.emulator.advanceTime(seconds);
      expect((await browser.get(path)).headers['location']).toBe(location);
    }
    const [first = 0, second = 0] = attempts().map(livesFor) as number[];
    expect([first <= 10, second > 50]).toEqual([true, true]);
  });
});
