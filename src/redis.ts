/**
 * Storage in Redis, for apps of many processes: {@link redisStorage}.
 *
 * @module passport-polar-sh/redis
 * @packageDocumentation
 */
export type { RedisClient, SendRedisClusterCommand, SendRedisCommand } from './storage/redis-command.js';
export { type RedisStorageOptions, redisStorage } from './storage/redis-storage.js';
