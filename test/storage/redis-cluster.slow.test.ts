/** A cluster that is being resharded, and replicas that lag. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { StorageStep } from 'passport-polar-sh';
import { redisStorage } from 'passport-polar-sh/redis';
import { refreshesAt } from '../support/emulator-requests.js';
import { type RedisApps, startRedisApps } from '../support/redis-apps.js';
import { clusterClients, type OpenClient } from '../support/redis-clients.js';
import { hasRedis } from '../support/redis-server.js';
import { countOf, type RedisNode, RedisNodes, startMovingSlot } from '../support/redis-topologies.js';

const id = (): string => randomBytes(16).toString('hex');

(hasRedis ? describe : describe.skip)('redisStorage over a cluster', () => {
  const servers = new RedisNodes();
  let masters: readonly RedisNode[];
  let replicas: readonly RedisNode[];
  let ports: number[];
  beforeAll(async () => {
    masters = await servers.startCluster();
    replicas = await servers.addReplicas(masters);
    ports = masters.map(({ port }) => port);
  }, 120_000);
  afterAll(() => servers.close());

  let opened: OpenClient | undefined;
  let site: RedisApps | undefined;
  afterEach(async () => {
    for (const replica of replicas) replica.resume();
    await site?.close();
    await opened?.close();
    [site, opened] = [undefined, undefined];
  });

  describe.each(clusterClients)('with $name', (kind) => {
    it('runs steps on rows of which some have been moved to another node', async () => {
      opened = await kind.open({ ports });
      const storage = redisStorage(opened.client);
      const group = id();
      const [moved, left, absent] = [id(), id(), id()].map((each) => ({ id: each, group })) as [
        { id: string; group: string },
        { id: string; group: string },
        { id: string; group: string },
      ];
      const row = (version: number) => ({ version, value: `v${version}` });
      const ttlSeconds = 60;
      for (const key of [moved, left]) await storage.write(key, row(1), { ttlSeconds });

      const slot = await startMovingSlot(masters, `{${group}}`);
      await slot.moveKey(`polar:{${group}}:${moved.id}`);
      const tryAgain = await countOf(masters, { error: 'TRYAGAIN' });
      const steps: StorageStep[] = [
        { read: moved },
        { read: left },
        { read: absent },
        { write: moved, row: row(2), ttlSeconds },
        { write: left, row: row(2), ttlSeconds },
        { write: absent, row: row(2), ttlSeconds },
        { write: left, row: row(1), ttlSeconds },
        { read: left },
      ];
      const expected = [row(1), row(1), undefined, true, true, true, false, row(2)];
      expect(await storage.batch?.(steps)).toEqual(expected);
      expect(await countOf(masters, { error: 'TRYAGAIN' })).toBeGreaterThan(tryAgain);

      while (await slot.moveKey());
      expect(await storage.batch?.([{ read: moved }, { read: left }])).toEqual([row(2), row(2)]);
      await slot.finish();
      expect(await storage.batch?.([{ read: moved }, { read: left }])).toEqual([row(2), row(2)]);
      expect(await storage.batch?.([{ remove: moved, row: row(2) }, { read: moved }])).toEqual([
        true,
        undefined,
      ]);
    });

    it('refreshes each login once while its rows are moved, in two processes', async () => {
      site = await startRedisApps(kind, { ports }, 16);
      const { apps, people } = site;
      const { emulator } = apps[0] as (typeof apps)[0];
      const loginIds = await Promise.all(
        people.map(async ([browser]) => (await browser?.get('/login-id'))?.body as string),
      );
      emulator.advanceTime(864_000);
      for (const round of [1, 2]) {
        const moving = (async () => {
          for (const loginId of loginIds) {
            const slot = await startMovingSlot(masters, `{${loginId}}`);
            await delay(20);
            while (await slot.moveKey()) await delay(20);
            await slot.finish();
          }
        })();
        const responses = await Promise.all(
          people.flatMap((browsers, index) =>
            browsers.map(async (browser) => {
              await delay(index * 60);
              return browser.get('/token');
            }),
          ),
        );
        await moving;
        expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 200));
        const live = emulator.liveTokens().map(({ accessToken }) => accessToken);
        for (const { body } of responses) expect(live).toContain(body.accessToken);
        expect(refreshesAt(emulator).map(({ status }) => status)).toEqual(
          Array.from({ length: round * people.length }, () => 200),
        );
        emulator.advanceTime(3600);
      }
      expect(await countOf(masters, { error: 'MOVED' })).toBeGreaterThan(0);
      expect(await countOf(masters, { error: 'ASK' })).toBeGreaterThan(0);
    });

    it('reads from masters, even if the client may read from replicas and these do not respond', async () => {
      opened = await kind.open({ ports, readsFromReplicas: true });
      const storage = redisStorage(opened.client);
      for (const replica of replicas) replica.pause();
      for (let login = 0; login < 30; login++) {
        const key = { id: id(), group: id() };
        const row = { version: 1, value: 'x' };
        expect(await storage.write(key, row, { ttlSeconds: 60 })).toBe(true);
        expect(await storage.read(key)).toEqual(row);
      }
      for (const replica of replicas) replica.resume();
      for (const command of ['evalsha', 'eval']) expect(await countOf(replicas, { command })).toBe(0);
    });
  });
});
