import { invalidOption } from '../errors.js';
import { rejectUnknown } from '../options/option-names.js';
import { type PolarStorage, parseStoredRow, type StoredRow } from './polar-storage.js';
import { type PostgresClient, type PostgresQuery, postgresQuery } from './postgres-query.js';
import { defaultTable, type PostgresTable, postgresTable } from './postgres-table.js';
import { StorageError } from './storage-error.js';

/** Options of {@link postgresStorage}. */
export interface PostgresStorageOptions {
  /** The table, as `table` or `schema.table`; each app of a database has its own. @default 'polar_rows' */
  readonly table?: string | undefined;
  /**
   * Creates the table and its index when they are missing. The role of the connection needs the right to do so.
   * Without it, create them with `npx passport-polar-sh postgres-schema`. @default false
   */
  readonly createTables?: boolean | undefined;
}

/**
 * Stores the shared rows in one table of PostgreSQL; for the strategy's `storage` option. Needs nothing that outlives a
 * statement, so a pooler in transaction mode (PgBouncer) may be in between. Removes expired rows by itself.
 *
 * @param client a `Pool` of `pg`, or anything with its `query(text, values)`: Neon's serverless driver, PGlite
 * @param options `table` and `createTables`
 * @returns a storage whose methods reject with an error that says what to do, while the database is unavailable
 * @throws PolarConfigurationError `invalid_option` when `client` has no `query`, or an option is unknown or invalid
 *
 * @example
 * ```ts
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL });
 * const polar = new PolarStrategy({
 *   ...options,
 *   storage: postgresStorage(pool, { createTables: true }),
 * });
 * ```
 */
export function postgresStorage(client: PostgresClient, options: PostgresStorageOptions = {}): PolarStorage {
  rejectUnknown(options, ['table', 'createTables'], 'postgresStorage');
  const { createTables = false } = options;
  if (typeof createTables !== 'boolean')
    throw invalidOption('postgresStorage: createTables must be true or false');
  const table = postgresTable(options.table ?? defaultTable, 'postgresStorage: table');
  const query = postgresQuery(client, table, createTables);
  const removeExpired = expiredRowsRemover(query, table);

  // Casts spare every driver the question which type a parameter has, and how it returns a big integer.
  const reading = `SELECT version::text AS version, value FROM ${table.quoted}
WHERE id = $1::text AND expires_at > now()`;
  const writing = `INSERT INTO ${table.quoted} AS stored (id, version, value, expires_at)
VALUES ($1::text, $2::bigint, $3::text, now() + $4::float8 * interval '1 second')
ON CONFLICT (id) DO UPDATE
SET version = excluded.version, value = excluded.value, expires_at = excluded.expires_at
WHERE stored.version < excluded.version OR stored.expires_at <= now()
   OR (stored.version = excluded.version AND stored.value = excluded.value)
RETURNING 1 AS written`;
  const removing = `DELETE FROM ${table.quoted}
WHERE id = $1::text AND version = $2::bigint AND value = $3::text`;

  // No `batch`: all parts of one statement see the same snapshot. Of two processes that each write a row and then read
  // the other's, in one statement, neither might see what the other has written.
  return {
    async read({ id }) {
      const [found] = await query(reading, [id]);
      return found === undefined ? undefined : parsedRow(found);
    },
    async write({ id }, { value, version }, { ttlSeconds }) {
      // Drivers count changed rows differently, but all return rows.
      const written = await query(writing, [id, version, value, ttlSeconds]);
      removeExpired();
      return written.length === 1;
    },
    async remove({ id }, { value, version }) {
      await query(removing, [id, version, value]);
    },
  };
}

function parsedRow(found: unknown): StoredRow {
  const row = parseStoredRow(found);
  // "There is none" would mean that nobody has refreshed.
  if (row === undefined)
    throw new StorageError(
      'postgresStorage: query(text, values) must resolve with rows that are objects, by column.',
    );
  return row;
}

const removalPauseMs = 10 * 60_000;
const maxRemovedRows = 1000;

/**
 * Returns a function that removes expired rows in the background, now and then. It is called after writes, since without
 * them no row is ever left; so no timer keeps a process alive.
 */
function expiredRowsRemover(query: PostgresQuery, { quoted }: PostgresTable): () => void {
  // Skips rows that another process removes or renews at this moment. As an array, the selection runs once.
  const removing = `DELETE FROM ${quoted} WHERE id = ANY(ARRAY(
SELECT id FROM ${quoted} WHERE expires_at <= now() ORDER BY expires_at LIMIT ${maxRemovedRows} FOR UPDATE SKIP LOCKED
)) RETURNING 1 AS removed`;
  let nextAt = 0;
  return () => {
    if (performance.now() < nextAt) return;
    nextAt = performance.now() + removalPauseMs;
    query(removing, []).then(
      (removed) => {
        // There may be more.
        if (removed.length === maxRemovedRows) nextAt = 0;
      },
      () => {}, // the next time
    );
  };
}
