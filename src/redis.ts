/**
 * Storage in Redis, for apps of many processes.
 *
 * @packageDocumentation
 */
export type { RedisClient, SendRedisClusterCommand, SendRedisCommand } from './storage/redis-command.js';
export { type RedisStorageOptions, redisStorage } from './storage/redis-storage.js';
