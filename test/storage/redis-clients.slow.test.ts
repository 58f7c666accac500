/** Every client that redisStorage takes, over what it connects to. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PolarStorage, StorageKey } from 'passport-polar-sh';
import { redisStorage } from 'passport-polar-sh/redis';
import {
  type ClientKind,
  type ClientOptions,
  clusterClients,
  sentinelClients,
  serverClients,
} from '../support/redis-clients.js';
import { hasRedis, hasValkey } from '../support/redis-server.js';
import { countOf, type RedisNode, RedisNodes } from '../support/redis-topologies.js';
import { storageContract } from './storage.contract.js';

const programs: [string, boolean][] = [
  ['redis-server', hasRedis],
  ['valkey-server', hasValkey],
];

describe.each(programs.filter(([, isHere]) => isHere).map(([program]) => program))('%s', (program) => {
  const nodes = new RedisNodes(program);
  afterAll(() => nodes.close());

  type Start = () => Promise<{ ports: number[]; masters: readonly RedisNode[] }>;
  const topologies: [string, readonly ClientKind[], Start][] = [
    [
      'alone',
      serverClients,
      async () => {
        const server = await nodes.start();
        return { ports: [server.port], masters: [server] };
      },
    ],
    [
      'in a cluster of three',
      clusterClients,
      async () => {
        const masters = await nodes.startCluster();
        return { ports: masters.map(({ port }) => port), masters };
      },
    ],
    [
      'behind Sentinel',
      sentinelClients,
      async () => {
        const { master, sentinels } = await nodes.startSentinel();
        return { ports: sentinels.map(({ port }) => port), masters: [master] };
      },
    ],
  ];

  describe.each(topologies)('%s', (_topology, clients, start) => {
    let ports: number[];
    let masters: readonly RedisNode[];
    beforeAll(async () => {
      ({ ports, masters } = await start());
    });

    describe.each(clients)('and $name', (kind) => {
      const opened: (() => unknown)[] = [];
      afterAll(async () => {
        for (const close of opened) await close();
      });
      const openOne = async (options: Partial<ClientOptions> = {}): Promise<PolarStorage> => {
        const { client, close } = await kind.open({ ports, ...options });
        opened.push(close);
        return redisStorage(client, { prefix: `${kind.name}:` });
      };
      storageContract(openOne, {
        isAtomic: true,
        forgets: true,
        async disconnected() {
          const { client, close } = await kind.open({ ports });
          await close();
          return redisStorage(client);
        },
      });

      it('runs its script by hash, and sends it to a server that has forgotten it', async () => {
        const storage = await openOne();
        const row = { version: 1, value: 'x' };
        for (const key of keysOfManyLogins) await storage.write(key, row, { ttlSeconds: 60 });
        const evals = (): Promise<number> => countOf(masters, { command: 'eval' });
        const before = await evals();
        for (const key of keysOfManyLogins) expect(await storage.read(key)).toEqual(row);
        expect((await evals()) - before).toBe(0);

        for (const master of masters) await master.send('SCRIPT', 'FLUSH');
        for (const key of keysOfManyLogins) expect(await storage.read(key)).toEqual(row);
        expect((await evals()) - before).toBe(masters.length);
      });
    });
  });
});

/** Logins on every node of a cluster. */
const keysOfManyLogins: StorageKey[] = Array.from({ length: 40 }, (_, index) => ({
  id: index.toString(16).padStart(32, '1'),
  group: index.toString(16).padStart(32, '2'),
}));
