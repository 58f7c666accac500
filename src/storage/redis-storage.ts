import {
  type PolarStorage,
  parseStoredRow,
  type StorageKey,
  type StorageStep,
  type StoredRow,
} from './polar-storage.js';
import { type RedisClient, type SendRedisCommand, sendCommandOf } from './redis-command.js';

/** Options of {@link redisStorage}. */
export interface RedisStorageOptions {
  /** Prefix of all keys. @default 'polar:' */
  readonly prefix?: string | undefined;
}

// One script for all steps, so that each refresh takes two round trips. Each step is passed as its kind, the number of
// its key, and the arguments of that kind; a row is a hash of `version` and `value`.
const script = `
local results = {}
local at = 1
for step = 1, tonumber(ARGV[at]) do
  local kind, key = ARGV[at + 1], KEYS[tonumber(ARGV[at + 2])]
  local found = redis.call('HMGET', key, 'version', 'value')
  if kind == 'read' then
    results[step] = found
    at = at + 2
  else
    local version, value = ARGV[at + 3], ARGV[at + 4]
    local same = found[1] == version and found[2] == value
    if kind == 'remove' then
      if same then redis.call('DEL', key) end
      results[step] = 1
      at = at + 4
    else
      local fits = same or not found[1] or tonumber(found[1]) < tonumber(version)
      if fits then
        redis.call('HSET', key, 'version', version, 'value', value)
        redis.call('EXPIRE', key, ARGV[at + 5])
      end
      results[step] = fits and 1 or 0
      at = at + 5
    end
  end
end
return results`;

/**
 * Stores the shared rows in Redis (or Valkey); for the strategy's `storage` option.
 *
 * @param client a client of `redis` (node-redis) or `ioredis`, or `{ sendCommand }` for any other
 * @throws TypeError when `client` is none of these, or `prefix` is not a string
 *
 * @example
 * ```ts
 * const redis = await createClient().connect();
 * new PolarStrategy({ ..., storage: redisStorage(redis) });
 * ```
 */
export function redisStorage(
  client: RedisClient | { readonly sendCommand: SendRedisCommand },
  options: RedisStorageOptions = {},
): PolarStorage {
  const sendCommand = sendCommandOf(client, 'redisStorage');
  const { prefix = 'polar:' } = options;
  if (typeof prefix !== 'string') throw new TypeError('redisStorage: prefix must be a string');
  // The braces are a hash tag: in a cluster, all rows of a login are on one node.
  const nameOf = ({ group, id }: StorageKey): string => `${prefix}{${group}}:${id}`;

  const batch = async (steps: readonly StorageStep[]): Promise<(StoredRow | boolean | undefined)[]> => {
    const names = [...new Set(steps.map((step) => nameOf(keyOf(step))))];
    const words = steps.flatMap((step) => wordsOf(step, names.indexOf(nameOf(keyOf(step))) + 1));
    const response = await sendCommand(
      'EVAL',
      script,
      String(names.length),
      ...names,
      String(steps.length),
      ...words,
    );
    if (!Array.isArray(response) || response.length !== steps.length)
      throw new Error('Redis returned an unexpected result for the storage script');
    return response.map((result, index) => resultOf(result, steps[index]));
  };
  return {
    batch,
    read: async (key) => (await batch([{ read: key }]))[0] as StoredRow | undefined,
    write: async (key, row, { ttlSeconds }) => (await batch([{ write: key, row, ttlSeconds }]))[0] === true,
    async remove(key, row) {
      await batch([{ remove: key, row }]);
    },
  };
}

function keyOf(step: StorageStep): StorageKey {
  if ('read' in step) return step.read;
  return 'write' in step ? step.write : step.remove;
}

function wordsOf(step: StorageStep, key: number): string[] {
  if ('read' in step) return ['read', String(key)];
  const { value, version } = step.row;
  const words = [String(key), String(version), value];
  return 'write' in step ? ['write', ...words, String(step.ttlSeconds)] : ['remove', ...words];
}

function resultOf(result: unknown, step: StorageStep | undefined): StoredRow | boolean | undefined {
  if (step === undefined || !('read' in step)) return Number(result) === 1;
  const [version, value] = Array.isArray(result) ? result.map((part) => part?.toString()) : [];
  return parseStoredRow({ version, value });
}
