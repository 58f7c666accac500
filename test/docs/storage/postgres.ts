import { PolarStrategy, type PolarStrategyOptions } from 'passport-polar-sh';
import { postgresStorage } from 'passport-polar-sh/postgres';
import { Pool } from 'pg';

/** The strategy of an app of many processes. */
export function createPolarOverPostgres(connectionString: string, options: PolarStrategyOptions) {
  const pool = new Pool({ connectionString, connectionTimeoutMillis: 2000 });
  pool.on('error', (error) => console.error(error.message)); // it connects again by itself
  const storage = postgresStorage(pool, { createTables: true });
  return { polar: new PolarStrategy({ ...options, storage }), pool };
}
