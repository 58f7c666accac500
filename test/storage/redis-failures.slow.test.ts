/** What a developer reads when the Redis of redisStorage cannot be used, and that nothing has to be restarted. */
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { GlideClient } from '@valkey/valkey-glide';
import { Cluster, Redis } from 'ioredis';
import { logout, type PolarStorage } from 'passport-polar-sh';
import { type RedisClient, redisStorage } from 'passport-polar-sh/redis';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import { hasRedis } from '../support/redis-server.js';
import { type RedisNode, RedisNodes } from '../support/redis-topologies.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const key = { id: '1'.repeat(32), group: '2'.repeat(32) };
const row = { version: 1, value: 'sealed' };
const secrets = /sesame|wrong/;

(hasRedis ? describe : describe.skip)('redisStorage over a client that', () => {
  const nodes = new RedisNodes();
  let server: RedisNode;
  let replica: RedisNode;
  let locked: RedisNode;
  let clusterNode: RedisNode;
  beforeAll(async () => {
    server = await nodes.start();
    replica = await nodes.start([`replicaof 127.0.0.1 ${server.port}`]);
    locked = await nodes.start();
    await locked.send('CONFIG', 'SET', 'requirepass', 'sesame');
    [, clusterNode] = (await nodes.startCluster()) as [RedisNode, RedisNode, RedisNode];
  }, 60_000);
  afterAll(() => nodes.close());

  const opened: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of opened.splice(0)) await close();
  });
  const nodeRedis = (url: string, options: object = {}) => {
    const client = createClient({ url, ...options });
    client.on('error', () => {});
    opened.push(() => client.isOpen && client.destroy());
    return client;
  };
  const io = <T extends Redis | Cluster>(client: T): T => {
    client.on('error', () => {});
    opened.push(() => client.disconnect());
    return client;
  };

  /** The failure of a write. */
  async function failure(client: RedisClient): Promise<Error & { cause: Error }> {
    const error = await redisStorage(client)
      .write(key, row, { ttlSeconds: 60 })
      .then(
        () => undefined,
        (cause: unknown) => cause,
      );
    expect(error).toBeInstanceOf(Error);
    return error as Error & { cause: Error };
  }

  const notConnected = 'is not connected: await client.connect() before the app listens';
  const ways: [string, string, () => Promise<RedisClient> | RedisClient][] = [
    ['is not connected yet', notConnected, () => nodeRedis(server.url)],
    ['is a pool that is not connected yet', notConnected, () => createClientPool({ url: server.url })],
    [
      'is a cluster that is not connected yet',
      notConnected,
      () => createCluster({ rootNodes: [{ url: clusterNode.url }] }),
    ],
    [
      'is Sentinel that is not connected yet',
      notConnected,
      () => createSentinel({ name: 'polar', sentinelRootNodes: [{ host: '127.0.0.1', port: server.port }] }),
    ],
    [
      'has been closed (node-redis)',
      notConnected,
      async () => {
        const client = nodeRedis(server.url);
        await client.connect();
        await client.close();
        return client;
      },
    ],
    [
      'has been closed (ioredis)',
      notConnected,
      async () => {
        const client = new Redis(server.url);
        await client.quit();
        return client;
      },
    ],
    [
      'was closed (Valkey GLIDE)',
      notConnected,
      async () => {
        const address = { host: '127.0.0.1', port: server.port };
        const client = await GlideClient.createClient({ addresses: [address] });
        client.close();
        return client;
      },
    ],
    [
      'has a wrong password (node-redis)',
      'refused the user name or password',
      () => {
        const client = nodeRedis(locked.url.replace('//', '//:wrong@'));
        client.connect().catch(() => {});
        return client;
      },
    ],
    [
      'has a wrong password (ioredis)',
      'refused the user name or password: check those that its client was created with',
      () => io(new Redis({ port: locked.port, password: 'wrong' })),
    ],
    [
      'has no password (ioredis)',
      'refused the user name or password',
      () => io(new Redis({ port: locked.port })),
    ],
    [
      'is connected to a read-only replica',
      'is a read-only replica: connect to the master',
      async () => nodeRedis(replica.url).connect(),
    ],
    [
      'is connected to one node of a cluster',
      'is part of a cluster: connect to it with a cluster client',
      async () => nodeRedis(await strangerTo(key.group)).connect(),
    ],
    [
      'is unreachable and does not wait',
      'is unreachable: its client keeps trying',
      () => {
        const client = nodeRedis('redis://127.0.0.1:1', { disableOfflineQueue: true });
        client.connect().catch(() => {});
        return client;
      },
    ],
    ['is unreachable (ioredis)', 'is unreachable', () => io(new Redis({ port: 1, maxRetriesPerRequest: 1 }))],
    [
      'is a cluster whose nodes are unreachable (ioredis)',
      'is unreachable',
      () => io(new Cluster([{ host: '127.0.0.1', port: 1 }], { clusterRetryStrategy: () => null })),
    ],
    [
      'is connected to a Redis that is full',
      'refuses writes because its memory or disk is full',
      async () => {
        await server.send('CONFIG', 'SET', 'maxmemory', '1');
        opened.push(() => server.send('CONFIG', 'SET', 'maxmemory', '0'));
        return nodeRedis(server.url).connect();
      },
    ],
  ];
  it.each(ways)('%s fails with what to do', async (_way, message, open) => {
    const error = await failure(await open());
    expect(error.message).toContain(`The Redis of redisStorage ${message}`);
    expect(error.cause).toBeInstanceOf(Error);
    expect(error.message).not.toMatch(secrets);
    for (const logged of [JSON.stringify(error.cause), inspect(error, { depth: 10, showHidden: true })])
      expect(logged).not.toMatch(secrets);
  });

  /** A node of the cluster that does not have the slot of a login. */
  async function strangerTo(group: string): Promise<string> {
    const slot = Number(await clusterNode.send('CLUSTER', 'KEYSLOT', `{${group}}`));
    const ranges = (await clusterNode.send('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const [, , [, port]] = ranges.find(([from, to]) => slot < from || slot > to) as (typeof ranges)[0];
    return `redis://127.0.0.1:${port}`;
  }

  describe('cannot be used, in an app,', () => {
    let app: TestApp | undefined;
    let printed: string[];
    beforeEach(() => {
      printed = [];
      jest
        .spyOn(process.stderr, 'write')
        .mockImplementation(((text: string) => printed.push(text) > 0) as never);
    });
    afterEach(async () => {
      jest.restoreAllMocks();
      await app?.close();
    });
    const start = async (storage: PolarStorage): Promise<TestApp> => {
      app = await startTestApp({
        strategy: { storage, timeoutMs: 6000 },
        routes: (server, { polar }) => server.post('/logout', logout(polar, { redirectTo: '/' })),
      });
      return app;
    };

    it('is told once during development, loses nothing, and shares logins once it is connected', async () => {
      const client = nodeRedis(server.url);
      const { emulator, ...rest } = await start(redisStorage(client));
      const browser = await rest.loggedInBrowser();
      emulator.advanceTime(864_000);
      expect((await browser.get('/token')).status).toBe(200);
      expect(printed.filter((line) => line.includes('The Redis of redisStorage'))).toEqual([
        expect.stringMatching(
          /^passport-polar-sh: The Redis of redisStorage is not connected: await client\.connect\(\) .* See https:\S+#storage_unavailable\n$/,
        ),
      ]);

      await client.connect();
      await rest.polar.settled({ withinMs: 40_000 });
      emulator.advanceTime(3600);
      expect((await browser.get('/token')).status).toBe(200);
      expect((await client.keys('polar:*')).length).toBeGreaterThan(0);
      expect(rest.errors).toEqual([]);
    }, 60_000);

    it('is not told in production', async () => {
      const { NODE_ENV } = process.env;
      process.env['NODE_ENV'] = 'production';
      try {
        await (await start(redisStorage(nodeRedis(server.url)))).loggedInBrowser();
        expect(printed).toEqual([]);
      } finally {
        process.env['NODE_ENV'] = NODE_ENV;
      }
    });

    it('is an error of the configuration when it can be read only, and works once it is the master', async () => {
      const client = await nodeRedis(replica.url).connect();
      const { errors, ...rest } = await start(redisStorage(client));
      expect((await rest.browser().get('/auth/polar')).status).toBe(500);
      expect(errors).toEqual([
        expect.objectContaining({
          code: 'unsupported_storage',
          message: expect.stringMatching(
            /^The Redis of redisStorage is a read-only replica: connect to the master/,
          ),
        }),
      ]);
      await replica.send('REPLICAOF', 'NO', 'ONE');
      expect((await (await rest.loggedInBrowser()).get('/token')).status).toBe(200);
      await replica.send('REPLICAOF', '127.0.0.1', String(server.port));
    });
  });
});
