/** A master that is lost while everybody refreshes, with Sentinel making its replica the master. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Browser } from '../support/browser.js';
import { refreshesAt } from '../support/emulator-requests.js';
import { type RedisApps, startRedisApps } from '../support/redis-apps.js';
import { sentinelClients } from '../support/redis-clients.js';
import { hasRedis } from '../support/redis-server.js';
import { RedisNodes } from '../support/redis-topologies.js';
import { rowIdOf } from '../support/stored-rows.js';
import { until } from '../support/until.js';

(hasRedis ? describe : describe.skip)('redisStorage behind Sentinel', () => {
  let servers: RedisNodes | undefined;
  let site: RedisApps | undefined;
  afterEach(async () => {
    await site?.close();
    await servers?.close();
    [site, servers] = [undefined, undefined];
  });

  it.each(sentinelClients)(
    'loses no login in a failover during a storm ($name)',
    async (kind) => {
      servers = new RedisNodes();
      const { master, replica, sentinels } = await servers.startSentinel();
      site = await startRedisApps(kind, { ports: sentinels.map(({ port }) => port) }, 24);
      const { apps, people } = site;
      const [first] = apps as [(typeof apps)[0]];
      const { emulator } = first;
      const loginIds = await Promise.all(
        people.map(async ([browser]) => (await browser?.get('/login-id'))?.body as string),
      );
      emulator.advanceTime(864_000);
      for (const [browser] of people.slice(0, 4)) expect((await browser?.get('/token'))?.status).toBe(200);
      await first.polar.settled({ withinMs: 5000 });

      // Everybody comes within three seconds, and comes back after an error; the master dies in the middle.
      const crashed = delay(700).then(() => master.crash());
      const errors: string[] = [];
      const insist = async (browser: Browser, comesAfterMs: number): Promise<void> => {
        await delay(comesAfterMs);
        for (const giveUpAt = Date.now() + 40_000; Date.now() < giveUpAt; await delay(500)) {
          const { body, status } = await browser.get('/token');
          if (status === 200) return;
          errors.push(`${status} ${body.code}`);
        }
        throw new Error(`no token after 40 s: ${errors.at(-1)}`);
      };
      await Promise.all(
        people.flatMap((browsers, index) => browsers.map((browser) => insist(browser, index * 120))),
      );
      await crashed;
      // A login that has ended would be 401, a wrong setup 500.
      expect([...new Set(errors)].filter((error) => !/^503 (server_error|timeout)$/.test(error))).toEqual([]);

      // What was refreshed meanwhile is recorded at the new master, where both processes find it.
      const recorded = async (): Promise<boolean> => {
        const versions = await Promise.all(
          loginIds.map((loginId) =>
            replica.send('HGET', `polar:{${loginId}}:${rowIdOf(loginId, 'record')}`, 'version'),
          ),
        );
        return versions.every((version) => Number(version) >= 1);
      };
      await until(recorded, 40_000);
      const live = new Set(emulator.liveTokens().map(({ accessToken }) => accessToken));
      for (const browsers of people) {
        const tokens = await Promise.all(browsers.map((browser) => browser.token()));
        expect(new Set(tokens).size).toBe(1);
        expect(live.has(String(tokens[0]))).toBe(true);
      }
      const before = refreshesAt(emulator).length;
      emulator.advanceTime(3600);
      await Promise.all(
        people.flatMap((browsers) => browsers.map((browser) => browser.get('/token').expect(200))),
      );
      expect(refreshesAt(emulator).length - before).toBe(people.length);
    },
    180_000,
  );
});
