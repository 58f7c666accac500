import { GuardedStorage } from '../../storage/guarded-storage.js';
import type { RedisClient } from '../../storage/redis-command.js';
import { redisFailure } from '../../storage/redis-failure.js';
import { redisStorage } from '../../storage/redis-storage.js';
import { StorageError } from '../../storage/storage-error.js';
import { parseURL } from '../../text/parse-url.js';
import { appPackage } from './app-package.js';
import { type CheckResult, failed, kindOf, ok, warning } from './check.js';
import { connectMs, probeConnection, unreachable } from './connection-probe.js';

/** Checks the Redis of the app with its own client, or else only its address. */
export async function probeRedis(value: string, folder: string): Promise<CheckResult> {
  const addresses = value.split(/,(?=rediss?:)/).map((each) => each.trim().replace(/\?cluster=true$/, ''));
  const urls = addresses.map((each) => (/^rediss?:\/\//.test(each) ? parseURL(each) : undefined));
  const [url] = urls;
  if (url === undefined || urls.includes(undefined))
    return failed(
      'REDIS_URL is not an address of Redis',
      'Set it to redis://host:6379 or rediss://host:6379; special characters of a password are encoded, @ as %40.',
    );
  const open = openerOf(addresses, value, folder);
  if (open !== undefined) return withClient(open);
  const problem = await probeConnection(url, 6379, url.protocol === 'rediss:');
  return (
    problem ?? ok('accepts connections; without redis or ioredis in this folder, nothing more can be checked')
  );
}

interface OpenedClient {
  readonly client: object;
  readonly connected: Promise<unknown>;
  close(): void;
}

type AnyFunction = (...args: unknown[]) => unknown;

/** How to connect with the package of the app; undefined if it has none. */
function openerOf(
  addresses: readonly string[],
  value: string,
  folder: string,
): (() => OpenedClient) | undefined {
  const isCluster = addresses.length > 1 || value.endsWith('?cluster=true');
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

async function withClient(open: () => OpenedClient): Promise<CheckResult> {
  const { client, close, connected } = open();
  try {
    await connected;
  } catch (error) {
    close();
    // Not with the client: that it is closed by now would hide the reason.
    return explained(error, {}) ?? unreachable(kindOf(error));
  }
  try {
    await new GuardedStorage(redisStorage(client as RedisClient), connectMs).check();
    return ok('responds, and takes the rows of redisStorage');
  } catch (error) {
    const { found, remedy = '' } = explained(error, client) ?? unreachable(kindOf(error));
    return warning(`responds, but redisStorage would not work: ${found}`, remedy);
  } finally {
    close();
  }
}

/** The words of redisStorage for an error that it knows. */
function explained(error: unknown, client: object): CheckResult | undefined {
  const failure = error instanceof StorageError ? error : redisFailure(error, client);
  if (!(failure instanceof StorageError)) return undefined;
  const [problem = '', remedy = ''] = failure.message
    .replace(/^The Redis of redisStorage /, '')
    .split(/: (.*)/s);
  return failed(problem, remedy === '' ? 'See docs/storage.md.' : capitalized(remedy));
}

const capitalized = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
