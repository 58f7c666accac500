/**
 * Token records and refresh locks in Redis, for apps of many processes.
 *
 * @packageDocumentation
 */
export { type RedisRefreshLockOptions, redisRefreshLock } from './refresh/redis-refresh-lock.js';
export type { SendRedisCommand } from './tokens/redis-command.js';
export { type RedisTokenRecordsOptions, redisTokenRecords } from './tokens/redis-token-records.js';
