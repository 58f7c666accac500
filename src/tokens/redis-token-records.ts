import { type SendRedisCommand, sendCommandOf } from './redis-command.js';
import type { TokenRecordStore } from './token-record-store.js';

/** Options of {@link redisTokenRecords}. */
export interface RedisTokenRecordsOptions {
  /** Sends one command over the app's Redis client. */
  readonly sendCommand: SendRedisCommand;
  /** What the keys begin with. @default 'polar:tokens:' */
  readonly prefix?: string | undefined;
}

// Compare and set in one step: a higher generation wins, whoever writes last.
const putScript = `
local present = redis.call('HGET', KEYS[1], 'generation')
if present and tonumber(present) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'sealed', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1`;

/**
 * Keeps token records in Redis (or Valkey), for the strategy's option `tokenRecords`.
 *
 * @throws TypeError when `sendCommand` is missing
 *
 * @example
 * ```ts
 * new PolarStrategy({ ..., tokenRecords: redisTokenRecords({ sendCommand: (...args) => client.sendCommand(args) }) });
 * ```
 */
export function redisTokenRecords(options: RedisTokenRecordsOptions): TokenRecordStore {
  const sendCommand = sendCommandOf(options, 'redisTokenRecords');
  const key = (loginId: string): string => `${options.prefix ?? 'polar:tokens:'}${loginId}`;
  return {
    async get(loginId) {
      const answer = await sendCommand('HMGET', key(loginId), 'generation', 'sealed');
      const [generation, sealed] = Array.isArray(answer) ? answer.map((value) => value?.toString()) : [];
      if (generation === undefined || sealed === undefined) return undefined;
      return { generation: Number(generation), sealed };
    },
    async put(loginId, { generation, sealed }, { ttlSeconds }) {
      const written = await sendCommand(
        'EVAL',
        putScript,
        '1',
        key(loginId),
        String(generation),
        sealed,
        String(ttlSeconds),
      );
      return Number(written) === 1;
    },
  };
}
