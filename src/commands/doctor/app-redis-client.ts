import { appPackage } from './app-package.js';
import { connectMs } from './connection-probe.js';

/** A client of Redis, created by the package of the app. */
export interface AppRedisClient {
  readonly client: object;
  readonly connected: Promise<unknown>;
  close(): void;
}

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Returns a function that connects with the `redis` or `ioredis` of the app; undefined if it has neither.
 *
 * @param addresses of one server, or of nodes of a cluster, which have the user and password of the first
 */
export function appRedisClient(
  addresses: readonly string[],
  isMarkedAsCluster: boolean,
  folder: string,
): (() => AppRedisClient) | undefined {
  const isCluster = addresses.length > 1 || isMarkedAsCluster;
  const nodeRedis = appPackage('redis', folder) as Record<string, AnyFunction> | undefined;
  if (nodeRedis?.['createClient'] !== undefined)
    return () => {
      const socket = { connectTimeout: connectMs, reconnectStrategy: false };
      const client = (
        isCluster
          ? nodeRedis['createCluster']?.({
              rootNodes: addresses.map((url) => ({ url })),
              defaults: { ...credentialsIn(addresses[0]), socket },
            })
          : nodeRedis['createClient']?.({ url: addresses[0], socket })
      ) as NodeRedisClient;
      client.on('error', () => {}); // connect() rejects with it, too
      return { client, connected: client.connect(), close: () => closeNodeRedis(client) };
    };
  const ioredis = appPackage('ioredis', folder) as IoRedis | undefined;
  if (ioredis === undefined) return undefined;
  return () => {
    const options = { lazyConnect: true, retryStrategy: () => null, connectTimeout: connectMs };
    const client = isCluster
      ? new ioredis.Cluster(addresses, {
          lazyConnect: true,
          clusterRetryStrategy: () => null,
          redisOptions: credentialsIn(addresses[0]),
        })
      : new (ioredis.Redis ?? ioredis)(addresses[0], options);
    let failure: unknown;
    client.on('error', (error: unknown) => {
      failure = error;
    });
    const connected = client.connect().catch((error: unknown) => {
      throw failure ?? error; // connect() says only that the connection is closed
    });
    return { client, connected, close: () => client.disconnect() };
  };
}

interface NodeRedisClient {
  on: AnyFunction;
  connect(): Promise<unknown>;
  /** Before version 5, `disconnect`. */
  destroy?(): void;
  disconnect?(): Promise<void>;
}

function closeNodeRedis(client: NodeRedisClient): void {
  // Throws for a client that is closed already.
  (async () => (client.destroy === undefined ? client.disconnect?.() : client.destroy()))().catch(() => {});
}

/** Before version 5, the package itself is the class. */
interface IoRedis {
  new (...args: unknown[]): IoRedisClient;
  Redis?: new (...args: unknown[]) => IoRedisClient;
  Cluster: new (...args: unknown[]) => IoRedisClient;
}

interface IoRedisClient {
  on: AnyFunction;
  connect(): Promise<unknown>;
  disconnect(): void;
}

function credentialsIn(address = ''): { username?: string; password?: string } {
  const { password, username } = new URL(address);
  return {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
  };
}
