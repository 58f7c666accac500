import { GuardedStorage } from '../../storage/guarded-storage.js';
import type { RedisClient } from '../../storage/redis-command.js';
import { redisFailure } from '../../storage/redis-failure.js';
import { redisStorage } from '../../storage/redis-storage.js';
import { StorageError } from '../../storage/storage-error.js';
import { parseURL } from '../../text/parse-url.js';
import { type AppRedisClient, appRedisClient } from './app-redis-client.js';
import { type CheckResult, failed, kindOf, ok, warning } from './check.js';
import { connectMs, probeConnection, unreachable } from './connection-probe.js';
import { explainConnection } from './unreachable.js';

/** Checks the Redis of the app with its own client, or else only its address. */
export async function probeRedis(value: string, folder: string): Promise<CheckResult> {
  const addresses = value.split(/,(?=rediss?:)/).map((each) => each.trim().replace(/\?cluster=true$/, ''));
  const urls = addresses.map((each) =>
    /^rediss?:\/\//.test(each) && isEncoded(each) ? parseURL(each) : undefined,
  );
  const [url] = urls;
  if (url === undefined || urls.includes(undefined))
    return failed(
      'REDIS_URL is not an address of Redis',
      'Set it to redis://host:6379 or rediss://host:6379; special characters of a password are encoded, @ as %40.',
    );
  const open = appRedisClient(addresses, value.endsWith('?cluster=true'), folder);
  if (open !== undefined) return withClient(open);
  const problem = await probeConnection(url, 6379, url.protocol === 'rediss:');
  return (
    problem ?? ok('accepts connections; without redis or ioredis in this folder, nothing more can be checked')
  );
}

/** False for a `%` that encodes nothing, as in a password that is not encoded: the drivers throw. */
function isEncoded(address: string): boolean {
  try {
    decodeURIComponent(address);
    return true;
  } catch {
    return false;
  }
}

async function withClient(open: () => AppRedisClient): Promise<CheckResult> {
  const { client, close, connected } = open();
  try {
    await connected;
  } catch (error) {
    close();
    // Not with the client: that it is closed by now would hide the reason.
    return explainConnection(error) ?? explained(error, {}) ?? unreachable(kindOf(error));
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
