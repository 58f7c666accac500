import { invalidOption } from '../errors.js';
import { rejectUnknown } from '../options/option-names.js';
import {
  type PolarStorage,
  parseStoredRow,
  type StorageKey,
  type StorageStep,
  type StoredRow,
} from './polar-storage.js';
import { type RedisClient, sendToMasterOf } from './redis-command.js';
import { isSlotMoving, redisFailure } from './redis-failure.js';
import { runScript } from './redis-script.js';
import { StorageError } from './storage-error.js';

/** Options of {@link redisStorage}. */
export interface RedisStorageOptions {
  /** Prefix of all keys. @default 'polar:' */
  readonly prefix?: string | undefined;
}

/**
 * Stores the shared rows in Redis (or Valkey); for the strategy's `storage` option.
 *
 * @param client a client of `redis` (also a pool, a cluster, or Sentinel), `ioredis` (also a cluster) or
 * `@valkey/valkey-glide` (also a cluster), or `{ sendCommand }` or `{ sendCommandCluster }` for any other
 * @param options `prefix` of all keys
 * @returns a storage whose methods reject with an error that says what to do, while Redis is unavailable
 * @throws PolarConfigurationError `invalid_option` when `client` is none of these, `prefix` is not a string without
 *   `{}`, or there is another option
 *
 * @example
 * ```ts
 * const redis = await createClient().connect();
 * const polar = new PolarStrategy({ ...options, storage: redisStorage(redis) });
 * ```
 */
export function redisStorage(client: RedisClient, options: RedisStorageOptions = {}): PolarStorage {
  const send = sendToMasterOf(client, 'redisStorage');
  rejectUnknown(options, ['prefix'], 'redisStorage');
  const { prefix = 'polar:' } = options;
  // Empty braces would switch off the hash tag.
  if (typeof prefix !== 'string' || prefix.includes('{}'))
    throw invalidOption('redisStorage: prefix must be a string without {}');
  // The braces are a hash tag: in a cluster, all rows of a login are on one node.
  const nameOf = ({ group, id }: StorageKey): string => `${prefix}{${group}}:${id}`;

  const runAtOnce = async (steps: readonly StorageStep[]): Promise<StepResult[]> => {
    const names = [...new Set(steps.map((step) => nameOf(keyOf(step))))];
    const words = steps.flatMap((step) => wordsOf(step, names.indexOf(nameOf(keyOf(step))) + 1));
    const response = await runScript(send, names, [String(steps.length), ...words]);
    if (!Array.isArray(response) || response.length !== steps.length)
      throw new StorageError('Redis returned an unexpected result for the storage script.');
    return response.map((result, index) => resultOf(result, steps[index]));
  };
  const batch = async (steps: readonly StorageStep[]): Promise<StepResult[]> => {
    try {
      return await runAtOnce(steps).catch(async (error: unknown) => {
        if (!isSlotMoving(error)) throw error;
        const results: StepResult[] = [];
        for (const step of steps) results.push(...(await runAtOnce([step])));
        return results;
      });
    } catch (error) {
      throw redisFailure(error, client);
    }
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

type StepResult = StoredRow | boolean | undefined;

function keyOf(step: StorageStep): StorageKey {
  if ('read' in step) return step.read;
  return 'write' in step ? step.write : step.remove;
}

function wordsOf(step: StorageStep, key: number): string[] {
  if ('read' in step) return ['read', String(key)];
  const { value, version } = step.row;
  const words = [String(key), String(version), value];
  return 'write' in step ? ['write', ...words, String(Math.ceil(step.ttlSeconds))] : ['remove', ...words];
}

function resultOf(result: unknown, step: StorageStep | undefined): StepResult {
  if (step === undefined || !('read' in step)) return Number(result) === 1;
  const [version, value] = Array.isArray(result) ? result.map(textOf) : [];
  return parseStoredRow({ version, value });
}

/** @throws StorageError for a reply that the client has parsed */
function textOf(reply: unknown): string | undefined {
  if (reply === null || reply === undefined) return undefined;
  if (reply instanceof Uint8Array) return Buffer.from(reply).toString();
  if (typeof reply === 'string' || typeof reply === 'number') return String(reply);
  throw new StorageError(
    'redisStorage: the client parses replies. Have it return them as text, as Redis sent them.',
  );
}
