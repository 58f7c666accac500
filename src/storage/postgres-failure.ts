/** Says what to do about an error of PostgreSQL, of a pooler or of a driver. */
import { StorageError } from './storage-error.js';

/** A code or, for errors without one, the message; what is wrong; what to do. */
type Advice = readonly [pattern: RegExp, problem: string, remedy: string];

const schemaCommand = 'npx passport-polar-sh postgres-schema';

const advices: readonly Advice[] = [
  [
    /^(42P01|3F000)$/,
    'is missing',
    `Create it with the SQL that ${schemaCommand} prints, or pass createTables: true. If its schema is missing, create that first`,
  ],
  [
    /^(42703|42804|42P10|42883)$/,
    'is of another version of passport-polar-sh, or belongs to something else',
    `Compare its columns and its primary key with the SQL that ${schemaCommand} prints`,
  ],
  [
    /^25006$/,
    'is read-only on this server',
    'Connect to the primary, not to a replica. During a failover, this passes',
  ],
  [
    /^42501$/,
    'is not open to the role of this connection',
    `Grant it SELECT, INSERT, UPDATE and DELETE. To create the table, it needs CREATE on the schema: let another role run the SQL that ${schemaCommand} prints`,
  ],
  [
    /^(no pg_hba\.conf entry|pg_hba\.conf rejects connection) .*, (no encryption|SSL off)$/,
    'cannot be reached: PostgreSQL accepts this role only over TLS',
    'Set ssl where the pool is created, if it is not set, or add sslmode=require to the address',
  ],
  [
    /^(28P01|28000|SASL: .*)$/,
    'cannot be reached: PostgreSQL refuses the user or the password',
    'Check them where the pool is created',
  ],
  [/^3D000$/, 'cannot be reached: there is no such database', 'Check its name where the pool is created'],
  [
    /^(53300|no more connections allowed.*|sorry, too many clients already|query_wait_timeout)$/,
    'cannot be reached: the server has no free connection',
    'Lower max of the pools, put a pooler in between, or raise the limit of the server',
  ],
  [
    /^timeout exceeded when trying to connect$/,
    'cannot be reached: no connection of the pool became free in time',
    'Release each client that the app takes from the pool, also after an error, or raise max of the pool',
  ],
  [
    /^(Cannot use a pool after calling end on the pool|.* is not queryable|PGlite is closed)$/,
    'cannot be reached: the pool or client is closed',
    'End it after polar.settled() at the very end; instead of a client, pass a pool, which replaces connections that break',
  ],
  [
    /^(57014|55P03|Query read timeout)$/,
    'cannot be used: a statement was cancelled after a time-out',
    'Raise statement_timeout, lock_timeout or query_timeout, or find out what keeps the server busy',
  ],
  [
    /^(ERR_TLS_.*|.*_CERT.*|The server does not support SSL connections)$/,
    'cannot be reached: TLS to PostgreSQL failed',
    'Check the ssl option of the pool and the certificate of the server',
  ],
  [
    /^(E[A-Z]+|08...|57P0[1-5]|Connection terminated.*|timeout expired|Error connecting to database.*)$/,
    'cannot be reached: there is no connection to PostgreSQL, or it was lost',
    'Check that the server runs at this address. Once it responds again, so does the storage',
  ],
];

const unknown: Advice = [/^/, 'cannot be used', 'See the cause'];

/** The SQLSTATE of an error of PostgreSQL, or the code of one of Node.js; empty if it has none. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

/**
 * Returns the error for a failed statement. Its message has neither values nor text of the server; its `cause` is the
 * error of the driver.
 */
export function postgresFailure(cause: unknown, table: string): StorageError {
  const code = codeOf(cause);
  const message = String((cause as { message?: unknown } | undefined)?.message);
  // A pooler reports most of its errors with one code, and a driver without any.
  const adviceFor = (text: string) => advices.find(([pattern]) => pattern.test(text));
  const [, problem, remedy] = adviceFor(message) ?? adviceFor(code) ?? unknown;
  return new StorageError(
    `postgresStorage: the table ${table} ${problem}${code && ` (${code})`}. ${remedy}.`,
    {
      cause,
    },
  );
}
