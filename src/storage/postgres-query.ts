import { invalidOption } from '../errors.js';
import { codeOf, postgresFailure } from './postgres-failure.js';
import type { PostgresTable } from './postgres-table.js';

/**
 * A pool or client of `pg`, or anything else with its `query(text, values)`: the pools of Neon's serverless driver and
 * the function that its `neon()` returns, PGlite, or an object of the app.
 *
 * @example
 * ```ts
 * const client: PostgresClient = new Pool({
 *   connectionString: process.env.DATABASE_URL,
 * });
 * ```
 */
export interface PostgresClient {
  /**
   * Runs one statement.
   *
   * @param text SQL with the placeholders `$1`, `$2` and so on
   * @param values values of the placeholders
   * @returns the rows, as a list or as the `rows` of an object
   */
  query(text: string, values: unknown[]): PromiseLike<unknown>;
}

/** Runs one statement; resolves with its rows, and rejects with an error that says what to do. */
export type PostgresQuery = (text: string, values: unknown[]) => Promise<readonly unknown[]>;

// Nothing of the statement has happened: serialization_failure where an app has raised the isolation level, deadlock_detected.
const repeatable = new Set(['40001', '40P01']);
const maxAttempts = 10;
const undefinedTable = '42P01';

/**
 * Returns a function that runs statements over the app's client. No statement relies on another one: a pooler may give each
 * transaction another connection, so nothing is prepared by name, set or locked beyond the statement.
 *
 * @param createTable whether to create a table that is missing
 * @throws PolarConfigurationError `invalid_option` when `client` has no `query`
 */
export function postgresQuery(client: unknown, table: PostgresTable, createTable: boolean): PostgresQuery {
  if (!hasQuery(client))
    throw invalidOption(
      'postgresStorage needs a pool: postgresStorage(new Pool({ connectionString })) with the Pool of pg, or an object whose query(text, values) resolves with rows',
    );
  const sendAgain = async (text: string, values: unknown[]): Promise<unknown> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await client.query(text, values);
      } catch (error) {
        if (attempt === maxAttempts || !repeatable.has(codeOf(error))) throw error;
      }
    }
  };
  // Creates the table only when it is missed: looking first would cost each new process a round trip, and the right
  // to create tables.
  const sendCreating = async (text: string, values: unknown[]): Promise<unknown> => {
    try {
      return await sendAgain(text, values);
    } catch (error) {
      if (!createTable || codeOf(error) !== undefinedTable) throw error;
      await client.query(table.createAtOnce, []);
      return sendAgain(text, values);
    }
  };
  return async (text, values) =>
    rowsIn(
      await sendCreating(text, values).catch((cause: unknown) => {
        throw postgresFailure(cause, table.name);
      }),
    );
}

function hasQuery(client: unknown): client is PostgresClient {
  // Neon's neon() returns a function that has a query.
  const isObject = (typeof client === 'object' && client !== null) || typeof client === 'function';
  return isObject && typeof (client as { query?: unknown }).query === 'function';
}

function rowsIn(result: unknown): readonly unknown[] {
  const rows = Array.isArray(result) ? result : (result as { rows?: unknown } | undefined)?.rows;
  if (Array.isArray(rows)) return rows;
  throw invalidOption(
    'query(text, values) must resolve with a list of rows, or with an object that has it as rows',
  );
}
