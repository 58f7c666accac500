/** Counts the commands that a refresh costs, at a real Redis, so that their number cannot grow unseen. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RedisApps, startRedisApps } from '../support/redis-apps.js';
import { type ClientKind, serverClients } from '../support/redis-clients.js';
import { hasRedis } from '../support/redis-server.js';
import { countOf, type RedisNode, RedisNodes } from '../support/redis-topologies.js';

(hasRedis ? describe : describe.skip)('the commands that Redis receives', () => {
  const servers = new RedisNodes();
  let server: RedisNode;
  let site: RedisApps;
  beforeAll(async () => {
    server = await servers.start();
    site = await startRedisApps(serverClients[0] as ClientKind, { ports: [server.port] }, 1);
  });
  afterAll(async () => {
    await site?.close();
    await servers.close();
  });

  const settled = () => Promise.all(site.apps.map(({ polar }) => polar.settled({ withinMs: 5000 })));
  const commands = async (work: () => Promise<unknown>): Promise<number> => {
    await settled();
    const count = async (): Promise<number> =>
      (await countOf([server], { command: 'evalsha' })) + (await countOf([server], { command: 'eval' }));
    const before = await count();
    await work();
    await settled();
    return (await count()) - before;
  };
  const token = async (process: number) => site.people[0]?.[process]?.get('/token').expect(200);

  it('are none for a valid token, 6 at most for a refresh, and 2 for a process that comes later', async () => {
    const emulator = site.apps[0]?.emulator;
    emulator?.advanceTime(864_000);
    // The storage is checked once, and the record of a login is renewed once in a while.
    for (const process of [0, 1, 0, 1]) await token(process);
    expect(await commands(() => token(0))).toBe(0);
    emulator?.advanceTime(3600);
    const refresh = await commands(() => token(0));
    expect(refresh).toBeGreaterThan(0);
    expect(refresh).toBeLessThanOrEqual(6);
    // And one to renew the record, for which nothing waits.
    expect(await commands(() => token(1))).toBeLessThanOrEqual(2 + 1);
  });
});
