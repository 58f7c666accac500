/** The example app in four processes behind a balancer, restarted one after the other while people use it. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { type SpawnedApp, spawnApp } from '../example-app/spawned-app.js';
import { Browser } from '../support/browser.js';
import { hasRedis, startRedis, type TestRedis } from '../support/redis-server.js';
import { Balancer, checkEveryMs } from './balancer.js';
import { countOf } from './site.js';

const processes = 4;
const people = 8;
// Bounds the test on a slow machine, too.
const maxRequestsEach = 400;

(hasRedis ? describe : describe.skip)('a rolling restart', () => {
  let polar: PolarEmulator;
  let redis: TestRedis;
  let balancer: Balancer;
  const running: SpawnedApp[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((app) => app.stop()));
    await Promise.allSettled([balancer?.close(), redis?.close(), polar?.close()]);
  });

  it.each(['redis', 'session'])(
    'loses no login and fails no request (POLAR_STORAGE=%s)',
    async (storage) => {
      redis = await startRedis();
      balancer = await Balancer.start();
      // Short-lived, but older than a token that may be uncommitted when they expire.
      polar = await startPolarEmulator({
        consent: 'auto',
        lifetimes: { loginAccessTokenSeconds: 8, refreshedAccessTokenSeconds: 8 },
        realistic: { commitLagMs: [0, 400] },
      });
      const client = polar.registerClient({ redirectURIs: [`${balancer.url}/auth/polar/callback`] });
      const startOne = async (): Promise<SpawnedApp> => {
        const app = await spawnApp({
          PORT: '0',
          BASE_URL: balancer.url,
          SESSION_SECRET: 'only for tests',
          REDIS_URL: redis.url,
          POLAR_STORAGE: storage,
          POLAR_CLIENT_ID: client.clientID,
          POLAR_CLIENT_SECRET: String(client.clientSecret),
          POLAR_WEB_URL: polar.webURL,
          POLAR_API_URL: polar.apiURL,
          POLAR_LEEWAY_SECONDS: '0',
          // Health checks may be late on a busy machine.
          DRAIN_SECONDS: String((10 * checkEveryMs) / 1000),
        });
        running.push(app);
        await balancer.add(app.url);
        return app;
      };
      await Promise.all(Array.from({ length: processes }, startOne));

      let isOver = false;
      const crowd = Array.from({ length: people }, () => usedUntil(() => isOver));
      for (const old of [...running]) {
        await delay(500);
        const ending = old.stop();
        expect(await ending).toBe(0);
        expect(old.output()).toMatch(/listening on \S+\n$/);
        balancer.remove(old.url);
        running.splice(running.indexOf(old), 1);
        await startOne();
      }
      isOver = true;
      const answers = (await Promise.all(crowd)).flat();

      expect(balancer.errors).toEqual([]);
      expect(countOf(answers.filter((answer) => !answer.endsWith(' fine')))).toEqual({});
      const refreshes = polar.requests.filter(({ grantType }) => grantType === 'refresh_token');
      expect(refreshes.length).toBeGreaterThan(people);
      expect(answers.length).toBeGreaterThan(20 * people);
      process.stderr.write(`${storage}: ${answers.length} requests, ${refreshes.length} refreshes\n`);
      // All have logged out, and each process took its time to revoke.
      expect(await Promise.all(running.splice(0).map((app) => app.stop()))).toEqual([0, 0, 0, 0]);
      await polar.settled();
      expect(polar.liveTokens()).toEqual([]);
    },
    180_000,
  );

  /** One person, who logs in, uses the app and logs out, again and again. Resolves with all responses. */
  async function usedUntil(isOver: () => boolean): Promise<string[]> {
    const answers: string[] = [];
    const note = (what: string, { status }: { status: number }, expected: number): void => {
      answers.push(`${what} ${status} ${status === expected ? 'fine' : 'failed'}`);
    };
    const browser = new Browser(balancer.url);
    while (!isOver() && answers.length < maxRequestsEach) {
      note('login', await browser.logIn(), 302);
      for (let request = 0; request < 15 && !isOver(); request++) {
        note('API call', await browser.get('/organizations'), 200);
        await delay(50 + Math.random() * 300);
        if (request % 5 === 0) note('refresh', await browser.post('/refresh'), 200);
      }
      note('logout', await browser.post('/logout'), 302);
      note('logged out', await browser.get('/me'), 401);
    }
    return answers;
  }
});
