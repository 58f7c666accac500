import { invalidOption } from '../errors.js';

/** The name of the table unless the app chooses one. */
export const defaultTable = 'polar_rows';

// PostgreSQL cuts names after 63 bytes; the index has a longer name than its table.
const longestName = 63 - '_expires_at'.length;
const namePattern = new RegExp(`^([a-z_]\\w{0,62}\\.)?[a-z_]\\w{0,${longestName - 1}}$`, 'i');

/** The table of {@link postgresStorage}. */
export interface PostgresTable {
  /** As the app has written it. */
  readonly name: string;
  /** Quoted, so that capital letters and reserved words are names, too. */
  readonly quoted: string;
  /** Creates the table and its index, unless they exist. */
  readonly sql: string;
  /** The same as one statement, which any number of processes may send at once. */
  readonly createAtOnce: string;
}

/**
 * Returns a table with its SQL.
 *
 * @param name `table` or `schema.table`
 * @throws PolarConfigurationError `invalid_option` when this is no such name
 */
export function postgresTable(name: unknown, who: string): PostgresTable {
  if (typeof name !== 'string' || !namePattern.test(name))
    throw invalidOption(
      `${who} must be 'table' or 'schema.table' of letters, digits and underscores; the table's name has at most ${longestName} characters`,
    );
  const quoted = name
    .split('.')
    .map((part) => `"${part}"`)
    .join('.');
  const index = `"${name.split('.').at(-1)}_expires_at"`;
  const sql = `CREATE TABLE IF NOT EXISTS ${quoted} (
  id text PRIMARY KEY,
  version bigint NOT NULL,
  value text NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS ${index} ON ${quoted} (expires_at);
`;
  // IF NOT EXISTS still fails if another process creates the table at the same moment. The lock belongs to the
  // transaction of this statement, not to the connection, which a pooler may give to somebody else.
  const createAtOnce = `DO $polar$ BEGIN
PERFORM pg_advisory_xact_lock(hashtext('passport-polar-sh ${name}'));
${sql}END $polar$`;
  return { name, quoted, sql, createAtOnce };
}
