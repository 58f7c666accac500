import { afterAll, beforeAll, describe } from '@jest/globals';
import { hasPgBouncer, startPgBouncer, type TestPgBouncer } from '../support/pgbouncer.js';
import {
  hasPostgres,
  postgresStartMs,
  startPostgres,
  type TestPostgres,
} from '../support/postgres-server.js';
import { hasRedis, startRedis, type TestRedis } from '../support/redis-server.js';
import type { RealStorage, Servers } from './real-storages.js';

/** Starts the available servers for the tests of a file. */
export function useServers(): {
  /** Available once the tests run. */
  readonly servers: Servers;
  /** `describe`, or `describe.skip` if the server is not available. */
  describeWith(needs: RealStorage['needs']): typeof describe | typeof describe.skip;
} {
  let redis: TestRedis | undefined;
  let postgres: TestPostgres | undefined;
  let pgbouncer: TestPgBouncer | undefined;
  beforeAll(async () => {
    redis = hasRedis ? await startRedis() : undefined;
    postgres = hasPostgres ? await startPostgres() : undefined;
    pgbouncer = hasPgBouncer && postgres !== undefined ? await startPgBouncer(postgres.url) : undefined;
  }, postgresStartMs);
  afterAll(async () => {
    await pgbouncer?.close();
    await postgres?.close();
    await redis?.close();
  });
  const isHere = { redis: hasRedis, postgres: hasPostgres, pgbouncer: hasPgBouncer && hasPostgres };
  return {
    servers: {
      get redis() {
        return redis?.url ?? '';
      },
      get postgres() {
        return postgres?.url ?? '';
      },
      get pgbouncer() {
        return pgbouncer?.url ?? '';
      },
    },
    describeWith: (needs) => (needs === undefined || isHere[needs] ? describe : describe.skip),
  };
}
