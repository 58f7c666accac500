import { postgresFailure } from '../../storage/postgres-failure.js';
import { defaultTable } from '../../storage/postgres-table.js';
import { parseURL } from '../../text/parse-url.js';
import { appPackage } from './app-package.js';
import { type CheckResult, failed, kindOf, ok, skipped, warning } from './check.js';
import { connectMs, probeConnection, unreachable } from './connection-probe.js';

interface PgClient {
  on(event: 'error', listener: () => void): unknown;
  connect(): Promise<unknown>;
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>;
  end(): Promise<void>;
}

/** Checks the PostgreSQL of the app with its `pg`, or else only its address. */
export async function probePostgres(value: string, folder: string): Promise<CheckResult> {
  // Other databases and Prisma use the same variable.
  if (/^(?!postgre)([a-z][a-z\d+.-]*:\/\/|file:)/i.test(value))
    return skipped('DATABASE_URL is for another database');
  const url = /^postgres(ql)?:\/\//.test(value) ? parseURL(value) : undefined;
  if (url === undefined)
    return failed(
      'DATABASE_URL is not an address of PostgreSQL',
      'Set it to postgres://user@host:5432/database; special characters of a password are encoded, @ as %40.',
    );
  const pg = appPackage('pg', folder) as { Client?: new (options: object) => PgClient } | undefined;
  if (pg?.Client === undefined) {
    const problem = await probeConnection(url, 5432, false);
    return problem ?? ok('accepts connections; without pg in this folder, nothing more can be checked');
  }
  const client = new pg.Client({
    connectionString: value,
    connectionTimeoutMillis: connectMs,
    query_timeout: connectMs,
  });
  client.on('error', () => {}); // the call that it concerns rejects, too
  try {
    await client.connect();
    const { rows } = await client.query(tableQuery, [defaultTable]);
    return tableResult(rows[0] as TableRow);
  } catch (error) {
    return explained(error);
  } finally {
    client.end().catch(() => {});
  }
}

/** The shape of the table of postgresStorage: columns with their types, and the key that ON CONFLICT (id) needs. */
const tableQuery = `SELECT pg_is_in_recovery() AS is_replica, to_regclass($1) IS NOT NULL AS is_there,
  (SELECT string_agg(attname || ' ' || format_type(atttypid, NULL), ', ' ORDER BY attname) FROM pg_attribute
   WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
     AND attname IN ('id', 'version', 'value', 'expires_at')) AS columns,
  EXISTS (SELECT FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND indkey::text = attnum::text
   WHERE attrelid = to_regclass($1) AND attname = 'id' AND indisunique) AS has_key,
  (SELECT bool_and(has_table_privilege(to_regclass($1), kind))
   FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS kind) AS may_use`;

interface TableRow {
  readonly is_replica: boolean;
  readonly is_there: boolean;
  readonly columns: string | null;
  readonly has_key: boolean;
  readonly may_use: boolean | null;
}

const columns = 'expires_at timestamp with time zone, id text, value text, version bigint';

function tableResult(row: TableRow): CheckResult {
  if (row.is_replica)
    return failed('is a read-only replica', 'Connect to the primary. During a failover, this passes.');
  if (!row.is_there)
    return warning(
      `responds; it has no table ${defaultTable}`,
      'If you use postgresStorage, run the SQL that npx passport-polar-sh postgres-schema prints, or pass createTables: true.',
    );
  if (row.columns !== columns || !row.has_key)
    return failed(
      `its table ${defaultTable} has other columns or no primary key`,
      'Compare it with the SQL that npx passport-polar-sh postgres-schema prints.',
    );
  if (row.may_use !== true)
    return failed(
      `this user may not use the table ${defaultTable}`,
      'Grant it SELECT, INSERT, UPDATE and DELETE.',
    );
  return ok(`responds, and has the table ${defaultTable}`);
}

/** The words of postgresStorage for an error that it knows. */
function explained(error: unknown): CheckResult {
  const { message } = postgresFailure(error, defaultTable);
  const [, problem, remedy] =
    /^postgresStorage: the table \w+ cannot be reached: (.*?\)?)\. (.*)$/.exec(message) ?? [];
  if (problem === undefined || remedy === undefined) return unreachable(kindOf(error));
  // A client of the app's own may have more options than the address.
  return (/only over TLS/.test(problem) ? warning : failed)(problem, remedy);
}
