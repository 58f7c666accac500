import { createClient, createCluster } from 'redis';

/** Where Redis is: one server, or some nodes of a cluster, which name the others. */
export interface RedisAddress {
  readonly urls: readonly [string, ...string[]];
  readonly isCluster: boolean;
}

/**
 * Reads `REDIS_URL`: `redis://host:6379`; for a cluster `redis://a:6379,redis://b:6379`, or one address with
 * `?cluster=true`. All nodes have the user and password of the first.
 *
 * @throws Error that names the variable, without its password
 */
export function readRedisURL(value: string): RedisAddress {
  const given = value.split(',').map((part) => part.trim());
  const urls = given.map((part) => part.replace(/\?cluster=true$/, ''));
  if (!urls.every((url) => /^rediss?:\/\/[^?]+$/.test(url) && URL.canParse(url))) {
    throw new Error(
      'REDIS_URL must look like redis://localhost:6379; for a cluster like redis://a:6379,redis://b:6379 or redis://a:6379?cluster=true',
    );
  }
  return {
    urls: urls as [string, ...string[]],
    isCluster: urls.length > 1 || given[0] !== urls[0],
  };
}

/**
 * Connects to Redis.
 *
 * @throws Error when it cannot be reached, or is a cluster where one server is expected, or the other way round
 */
export async function connectToRedis({ urls, isCluster }: RedisAddress) {
  let wasReady = false;
  const options = {
    // While Redis is away, requests fail at once instead of piling up.
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 5000,
      // At the start, a wrong address is an error to report; later, Redis may just be restarting.
      reconnectStrategy: (retries: number) => wasReady && Math.min(100 * 2 ** retries, 3000),
    },
  };
  const client = isCluster
    ? createCluster({ rootNodes: urls.map((url) => ({ url })), defaults: nodeOptions(urls[0], options) })
    : createClient({ ...options, url: urls[0] });
  client.on('error', (error: Error) => {
    if (wasReady) console.error(`Redis: ${error.message}`);
  });
  const hosts = urls.map((url) => new URL(url).host).join(', ');
  try {
    await client.connect();
  } catch (cause) {
    throw new Error(`REDIS_URL: no Redis${isCluster ? ' cluster' : ''} responds at ${hosts}`, { cause });
  }
  wasReady = true;
  if (!isCluster && /cluster_enabled:1/.test(await client.info('cluster').catch(() => ''))) {
    client.destroy();
    throw new Error(`REDIS_URL: ${hosts} is a node of a cluster. Append ?cluster=true`);
  }
  return client;
}

/** The options of all nodes; the URLs apply to the nodes that they name. */
function nodeOptions<T extends { socket: object }>(url: string, options: T) {
  const { protocol, username, password } = new URL(url);
  return {
    ...options,
    socket: { ...options.socket, ...(protocol === 'rediss:' && { tls: true as const }) },
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
  };
}
