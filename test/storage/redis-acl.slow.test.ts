/** The Redis user of docs/storage.md, which may do nothing else. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PolarStorage } from 'passport-polar-sh';
import { redisStorage } from 'passport-polar-sh/redis';
import { type ClientKind, clusterClients, serverClients } from '../support/redis-clients.js';
import { hasRedis } from '../support/redis-server.js';
import { type RedisNode, RedisNodes } from '../support/redis-topologies.js';

const guide = readFileSync(join(__dirname, '../../docs/storage.md'), 'utf8');
const [rules = [], ofClients = []] = [...guide.matchAll(/^ACL SETUSER polar (.*)$/gm)].map(([, shown = '']) =>
  shown.split(' '),
);
const granted = rules.filter((rule) => rule.startsWith('+'));
const user = { username: 'polar', password: 'a-long-random-password' };
const nodeRedis = serverClients.find(({ name }) => name === 'node-redis') as ClientKind;

(hasRedis ? describe : describe.skip)('the Redis user of the guide', () => {
  const nodes = new RedisNodes();
  let server: RedisNode;
  let masters: readonly RedisNode[];
  beforeAll(async () => {
    server = await nodes.start();
    masters = await nodes.startCluster();
  }, 60_000);
  afterAll(() => nodes.close());

  const opened: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of opened.splice(0)) await close();
  });
  const allow = async (servers: readonly RedisNode[], ...allowed: string[]): Promise<void> => {
    for (const each of servers) {
      await each.send('ACL', 'DELUSER', user.username);
      await each.send('ACL', 'SETUSER', user.username, ...allowed);
      await each.send('SCRIPT', 'FLUSH');
    }
  };
  const open = async (kind: ClientKind, servers: readonly RedisNode[]): Promise<PolarStorage> => {
    const { client, close } = await kind.open({ ports: servers.map(({ port }) => port), user });
    opened.push(close);
    return redisStorage(client);
  };
  const key = { id: '1'.repeat(32), group: '2'.repeat(32) };
  const row = { version: 1, value: 'sealed' };
  const useAll = async (storage: PolarStorage): Promise<void> => {
    expect(await storage.write(key, row, { ttlSeconds: 60 })).toBe(true);
    expect(await storage.read(key)).toEqual(row);
    await storage.remove(key, row);
    expect(await storage.read(key)).toBeUndefined();
  };

  it.each(serverClients)('suffices for $name', async (kind) => {
    await allow([server], ...rules, ...(/node-redis|of the app/.test(kind.name) ? [] : ofClients));
    await useAll(await open(kind, [server]));
  });

  it.each(clusterClients)('suffices for $name', async (kind) => {
    await allow(masters, ...rules, ...ofClients);
    await useAll(await open(kind, masters));
  });

  it.each(granted)('needs %s, and an error says so', async (command) => {
    await allow([server], ...rules.filter((rule) => rule !== command));
    await expect(useAll(await open(nodeRedis, [server]))).rejects.toThrow(
      `The Redis of redisStorage lets its user do less than the storage needs: grant ${granted.join(' ')}`,
    );
  });

  it('may use the keys of its prefix only, and no other command', async () => {
    await allow([server], ...rules);
    const { client, close } = await nodeRedis.open({ ports: [server.port], user });
    opened.push(close);
    await expect(redisStorage(client, { prefix: 'sess:' }).read(key)).rejects.toThrow('its user do less');
    const { sendCommand } = client as { sendCommand(command: string[]): Promise<unknown> };
    for (const command of [['GET', 'polar:x'], ['KEYS', '*'], ['FLUSHALL'], ['CONFIG', 'GET', '*']])
      await expect(sendCommand.call(client, command)).rejects.toThrow('NOPERM');
  });
});
