/**
 * Storage in PostgreSQL, for apps of many processes: {@link postgresStorage}.
 *
 * @module passport-polar-sh/postgres
 * @packageDocumentation
 */
export type { PostgresClient } from './storage/postgres-query.js';
export { type PostgresStorageOptions, postgresStorage } from './storage/postgres-storage.js';
