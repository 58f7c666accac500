/** Every client that redisStorage takes, created as its documentation says. */
import { GlideClient, GlideClusterClient, Logger } from '@valkey/valkey-glide';
import { Cluster, Redis } from 'ioredis';
import type { RedisClient } from 'passport-polar-sh/redis';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';

// GLIDE reports each script that a server does not know yet.
Logger.setLoggerConfig('off');

export interface OpenClient {
  readonly client: RedisClient;
  close(): unknown;
}

export interface ClientOptions {
  /** Ports on 127.0.0.1: of the server, of nodes of the cluster, or of the Sentinels. */
  readonly ports: readonly number[];
  readonly user?: { readonly username: string; readonly password: string };
  /** Lets the client send commands that only read to replicas. */
  readonly readsFromReplicas?: boolean;
}

export interface ClientKind {
  readonly name: string;
  open(options: ClientOptions): Promise<OpenClient>;
}

const host = '127.0.0.1';
/** Connects again soon, as the tests do not wait for long. */
const reconnectStrategy = (retries: number): number => Math.min(50 * retries, 200);
const retryStrategy = reconnectStrategy;

type NodeRedis = { on(event: 'error', listener: () => void): unknown; isOpen: boolean; destroy(): unknown };

/** Without a listener, node-redis and ioredis end the process when a server is stopped. */
async function connected<T extends NodeRedis & { connect(): Promise<unknown> }>(client: T) {
  client.on('error', () => {});
  await client.connect();
  return { client, close: async () => void (client.isOpen && (await client.destroy())) };
}

function io<T extends Redis | Cluster>(client: T) {
  client.on('error', () => {});
  return { client, close: () => client.disconnect() };
}

const nodeRedis = ({ ports: [port], user }: ClientOptions) =>
  connected(createClient({ ...user, socket: { host, port: port ?? 0, reconnectStrategy } }));

const nodeRedisCluster = ({ ports, user, readsFromReplicas = false }: ClientOptions) =>
  connected(
    createCluster({
      rootNodes: ports.map((port) => ({ socket: { host, port } })),
      defaults: { ...user, socket: { reconnectStrategy } },
      useReplicas: readsFromReplicas,
    }),
  );

/** One server. */
export const serverClients: readonly ClientKind[] = [
  { name: 'node-redis', open: nodeRedis },
  {
    name: 'a pool of node-redis',
    open: ({ ports: [port], user }) =>
      connected(
        createClientPool({ ...user, socket: { host, port: port ?? 0, reconnectStrategy } }, { maximum: 4 }),
      ),
  },
  {
    name: 'ioredis',
    open: async ({ ports: [port], user }) => io(new Redis({ ...user, host, port: port ?? 0, retryStrategy })),
  },
  {
    name: 'Valkey GLIDE',
    async open({ ports: [port], user }) {
      const client = await GlideClient.createClient({
        addresses: [{ host, port: port ?? 0 }],
        ...(user && { credentials: user }),
      });
      return { client, close: () => client.close() };
    },
  },
  {
    name: 'a sendCommand of the app',
    async open(options) {
      const { client, close } = await nodeRedis(options);
      return { client: { sendCommand: (...command: string[]) => client.sendCommand(command) }, close };
    },
  },
];

/** A cluster. */
export const clusterClients: readonly ClientKind[] = [
  { name: 'a cluster of node-redis', open: nodeRedisCluster },
  {
    name: 'a cluster of ioredis',
    open: async ({ ports, user, readsFromReplicas = false }) =>
      io(
        new Cluster(
          ports.map((port) => ({ host, port })),
          {
            redisOptions: { ...user },
            scaleReads: readsFromReplicas ? 'slave' : 'master',
            clusterRetryStrategy: retryStrategy,
          },
        ),
      ),
  },
  {
    name: 'a cluster of Valkey GLIDE',
    async open({ ports, user, readsFromReplicas = false }) {
      const client = await GlideClusterClient.createClient({
        addresses: ports.map((port) => ({ host, port })),
        readFrom: readsFromReplicas ? 'preferReplica' : 'primary',
        ...(user && { credentials: user }),
      });
      return { client, close: () => client.close() };
    },
  },
  {
    name: 'a sendCommandCluster of the app',
    async open(options) {
      const { client, close } = await nodeRedisCluster(options);
      return {
        client: {
          sendCommandCluster: ({ key, isReadOnly, command }) => client.sendCommand(key, isReadOnly, command),
        },
        close,
      };
    },
  },
];

/** Sentinel. GLIDE has no client for it. */
export const sentinelClients: readonly ClientKind[] = [
  {
    name: 'Sentinel of node-redis',
    open: ({ ports, readsFromReplicas = false }) =>
      connected(
        createSentinel({
          name: 'polar',
          sentinelRootNodes: ports.map((port) => ({ host, port })),
          replicaPoolSize: readsFromReplicas ? 1 : 0,
          nodeClientOptions: { socket: { reconnectStrategy } },
          scanInterval: 500,
        }),
      ),
  },
  {
    name: 'Sentinel of ioredis',
    open: async ({ ports }) =>
      io(
        new Redis({
          name: 'polar',
          sentinels: ports.map((port) => ({ host, port })),
          retryStrategy,
          sentinelRetryStrategy: retryStrategy,
        }),
      ),
  },
];
