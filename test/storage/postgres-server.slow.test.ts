/** postgresStorage over a real PostgreSQL: how it creates its table, what it says when it cannot work, and what it removes. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type PostgresStorageOptions, postgresStorage } from 'passport-polar-sh/postgres';
import { Client, Pool, type PoolConfig } from 'pg';
import { postgresTable } from '../../src/storage/postgres-table.js';
import { run } from '../commands/support/local-registrations.js';
import { hasPgBouncer, startPgBouncer, type TestPgBouncer } from '../support/pgbouncer.js';
import {
  hasPostgres,
  postgresStartMs,
  securedRole,
  startPostgres,
  type TestPostgres,
} from '../support/postgres-server.js';
import { until } from '../support/until.js';

const describePostgres = hasPostgres ? describe : describe.skip;
const ttlSeconds = 60;
const row = { version: 1, value: 'x' };
const someKey = () => ({ id: randomBytes(16).toString('hex'), group: randomBytes(16).toString('hex') });

let postgres: TestPostgres;
let pgbouncer: TestPgBouncer | undefined;
let db: Pool;
beforeAll(async () => {
  if (!hasPostgres) return;
  postgres = await startPostgres();
  pgbouncer = hasPgBouncer ? await startPgBouncer(postgres.url) : undefined;
  db = postgres.pool();
  // A role with no right but to connect, as hosts create them.
  await db.query(`CREATE ROLE app LOGIN; CREATE ROLE ${securedRole} LOGIN PASSWORD 'the right one'`);
}, postgresStartMs);
afterAll(async () => {
  await pgbouncer?.close();
  await postgres?.close();
});

const pools: Pool[] = [];
function pool(config: PoolConfig = {}): Pool {
  const { pathname, port } = new URL(config.connectionString ?? postgres.url);
  const pool = new Pool({
    host: '127.0.0.1',
    port: Number(port),
    user: 'postgres',
    database: pathname.slice(1),
    ...config,
  });
  pool.on('error', () => {});
  pools.push(pool);
  return pool;
}
let table = '';
beforeEach(() => {
  table = `t${randomBytes(8).toString('hex')}`;
});
afterEach(async () => {
  for (const each of pools.splice(0)) if (!each.ended) await each.end();
});

const storageOver = (client: Pool | Client, options: PostgresStorageOptions = {}) =>
  postgresStorage(client, { table, ...options });
const createTable = () => storageOver(db, { createTables: true }).read(someKey());

describePostgres('the table of postgresStorage', () => {
  /** What PostgreSQL knows of a table. */
  async function definitionOf(name: string): Promise<unknown[]> {
    const { rows } = await db.query(
      `SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns
       WHERE table_name = $1 ORDER BY ordinal_position`,
      [name],
    );
    const indexes = await db.query('SELECT indexdef FROM pg_indexes WHERE tablename = $1 ORDER BY 1', [name]);
    return [...rows, ...indexes.rows.map(({ indexdef }) => String(indexdef).replaceAll(name, 'NAME'))];
  }

  it('is the same from createTables as from npx passport-polar-sh postgres-schema', async () => {
    await createTable();
    const { out } = await run('postgres-schema', '--table', 'printed_rows');
    await db.query(out);
    const definition = await definitionOf('printed_rows');
    expect(definition).toHaveLength(6);
    expect(await definitionOf(table)).toEqual(definition);
    await db.query(out); // changes nothing
    expect(await storageOver(db, { table: 'printed_rows' }).write(someKey(), row, { ttlSeconds })).toBe(true);
  });

  it('can be in a schema, with capital letters', async () => {
    await db.query('CREATE SCHEMA "Shop"');
    const storage = postgresStorage(db, { table: 'Shop.Order', createTables: true });
    expect(await storage.write(someKey(), row, { ttlSeconds })).toBe(true);
    expect((await db.query('SELECT count(*)::int AS rows FROM "Shop"."Order"')).rows).toEqual([{ rows: 1 }]);
    expect(await definitionOf('Order')).toHaveLength(6);
  });

  it.each(['postgres', 'pgbouncer'])(
    'is created once by many processes that start at the same moment (over %s)',
    async (server) => {
      if (server === 'pgbouncer' && pgbouncer === undefined) return;
      const connectionString = server === 'pgbouncer' ? pgbouncer?.url : undefined;
      const processes = Array.from({ length: 8 }, () => pool({ connectionString, max: 2 }));
      for (let round = 0; round < 5; round++) {
        table = `t${randomBytes(8).toString('hex')}`;
        const written = await Promise.all(
          processes.map((process) =>
            storageOver(process, { createTables: true }).write(someKey(), row, { ttlSeconds }),
          ),
        );
        expect(written).toEqual(Array(8).fill(true));
        expect(await definitionOf(table)).toHaveLength(6);
      }
    },
  );

  it('needs no right to create tables once it exists, even with createTables', async () => {
    await createTable();
    await db.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO app`);
    const storage = storageOver(pool({ user: 'app' }), { createTables: true });
    const key = someKey();
    expect(await storage.write(key, row, { ttlSeconds })).toBe(true);
    expect(await storage.read(key)).toEqual(row);
    await storage.remove(key, row);
    expect(await storage.read(key)).toBeUndefined();
  });

  it('is created again if somebody drops it while the app runs', async () => {
    await createTable();
    const storage = storageOver(db, { createTables: true });
    await storage.write(someKey(), row, { ttlSeconds });
    await db.query(`DROP TABLE ${table}`);
    expect(await storage.write(someKey(), row, { ttlSeconds })).toBe(true);
  });
});

describePostgres('postgresStorage reports, and recovers from,', () => {
  /** The error of each method, which have to be the same. */
  async function failureOf(client: Pool | Client, options: PostgresStorageOptions = {}): Promise<Error> {
    const storage = storageOver(client, options);
    const key = someKey();
    const errors = [];
    for (const call of [
      () => storage.read(key),
      () => storage.write(key, row, { ttlSeconds }),
      () => storage.remove(key, row),
    ])
      errors.push(
        await call().then(
          () => new Error('it works'),
          (error: Error) => error,
        ),
      );
    const [first, ...others] = errors as [Error, ...Error[]];
    expect(first.cause).toBeDefined();
    expect(others.map(({ message }) => message)).toEqual(others.map(() => first.message));
    return first;
  }
  async function works(client: Pool | Client): Promise<void> {
    const key = someKey();
    expect(await storageOver(client).write(key, row, { ttlSeconds })).toBe(true);
    expect(await storageOver(client).read(key)).toEqual(row);
  }

  it('a missing table', async () => {
    expect(await failureOf(db)).toMatchObject({
      message: `postgresStorage: the table ${table} is missing (42P01). Create it with the SQL that npx passport-polar-sh postgres-schema prints, or pass createTables: true. If its schema is missing, create that first.`,
      cause: { code: '42P01' },
    });
    await createTable();
    await works(db);
  });

  it('a missing schema, with createTables', async () => {
    const error = await failureOf(db, { table: 'missing.rows', createTables: true });
    expect(error.message).toContain('the table missing.rows is missing (3F000)');
    expect(error.message).toContain('If its schema is missing, create that first');
  });

  it.each([
    ['without a column', 'DROP COLUMN expires_at'],
    ['without its primary key', 'DROP CONSTRAINT {}_pkey'],
    ['with a column of another type', 'ALTER COLUMN version TYPE json USING NULL'],
  ])('a table of another version (%s)', async (_what, change) => {
    await createTable();
    await db.query(`ALTER TABLE ${table} ${change.replace('{}', table)}`);
    await expect(storageOver(db).write(someKey(), row, { ttlSeconds })).rejects.toThrow(
      'is of another version of passport-polar-sh, or belongs to something else (42',
    );
    await db.query(`DROP TABLE ${table}`);
    await createTable();
    await works(db);
  });

  it('a server that is read-only, as a standby is', async () => {
    await createTable();
    const client = pool();
    const admin = pool({ options: '-c default_transaction_read_only=off' });
    const set = async (value: string): Promise<void> => {
      await admin.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
      await admin.query('SELECT pg_reload_conf()');
      const shown = async () => (await client.query('SHOW default_transaction_read_only')).rows[0];
      await until(async () => (await shown()).default_transaction_read_only === value);
    };
    const key = someKey();
    await storageOver(client).write(key, row, { ttlSeconds });
    await set('on');
    const storage = storageOver(client);
    const message = `the table ${table} is read-only on this server (25006). Connect to the primary`;
    await expect(storage.write(key, row, { ttlSeconds })).rejects.toThrow(message);
    await expect(storage.remove(key, row)).rejects.toThrow(message);
    expect(await storage.read(key)).toEqual(row);
    await set('off');
    await works(client);
  });

  it('a role without a right to the table', async () => {
    await createTable();
    const client = pool({ user: 'app' });
    const error = await failureOf(client);
    expect(error.message).toContain(`the table ${table} is not open to the role of this connection (42501)`);
    expect(error.message).toContain('Grant it SELECT, INSERT, UPDATE and DELETE');
    await db.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO app`);
    await works(client);
  });

  it('a role that may not create the table', async () => {
    const error = await failureOf(pool({ user: 'app' }), { createTables: true });
    expect(error.message).toContain('it needs CREATE on the schema');
  });

  it('a wrong password, which it does not repeat', async () => {
    const error = await failureOf(pool({ user: securedRole, password: 'the wrong one' }));
    expect(error.message).toContain('PostgreSQL refuses the user or the password (28P01)');
    expect(`${error.message} ${error.cause}`).not.toContain('the wrong one');
    expect((await failureOf(pool({ user: securedRole }))).message).toContain('the user or the password');
    await createTable();
    await db.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO ${securedRole}`);
    await works(pool({ user: securedRole, password: 'the right one' }));
  });

  it('a database that does not exist', async () => {
    const error = await failureOf(pool({ database: 'nowhere' }));
    expect(error.message).toContain('there is no such database (3D000)');
  });

  it('a server that is not there', async () => {
    const error = await failureOf(pool({ port: 1 }));
    expect(error.message).toContain('there is no connection to PostgreSQL, or it was lost (ECONNREFUSED)');
  });

  it('a pool without a free connection', async () => {
    await createTable();
    const client = pool({ max: 1, connectionTimeoutMillis: 200 });
    const taken = await client.connect();
    expect((await failureOf(client)).message).toContain('no connection of the pool became free in time');
    taken.release();
    await works(client);
  });

  it('a server without a free connection', async () => {
    await db.query('ALTER ROLE app CONNECTION LIMIT 0');
    try {
      const error = await failureOf(pool({ user: 'app' }));
      expect(error.message).toContain('the server has no free connection (53300)');
    } finally {
      await db.query('ALTER ROLE app CONNECTION LIMIT -1');
    }
  });

  it('a pool that has ended', async () => {
    const client = pool();
    await client.end();
    const error = await failureOf(client);
    expect(error.message).toContain('the pool or client is closed. End it after polar.settled()');
  });

  it('a single client whose connection broke, which never works again', async () => {
    await createTable();
    const client = new Client(postgres.url);
    client.on('error', () => {});
    await client.connect();
    await works(client);
    await client.end();
    const error = await failureOf(client);
    expect(error.message).toContain('instead of a client, pass a pool');
  });
});

describePostgres('expired rows', () => {
  const count = async (): Promise<number> =>
    (await db.query(`SELECT count(*)::int AS count FROM ${table}`)).rows[0].count;
  const addExpired = (rows: number) =>
    db.query(
      `INSERT INTO ${table} SELECT md5($2 || n::text), 1, 'x', now() - interval '1 second'
       FROM generate_series(1, $1::int) n`,
      [rows, randomBytes(8).toString('hex')],
    );

  it('are removed by several processes at once, each row by one of them, and no row that lives', async () => {
    await createTable();
    const living = someKey();
    await storageOver(db).write(living, row, { ttlSeconds });
    await until(async () => (await count()) === 1);
    await addExpired(3500);
    const processes = Array.from({ length: 3 }, () => storageOver(pool()));
    await until(async () => {
      await Promise.all(processes.map((process) => process.write(living, row, { ttlSeconds })));
      return (await count()) === 1;
    });
    expect(await storageOver(db).read(living)).toEqual(row);
  });

  it('are left alone while somebody else holds them, without waiting', async () => {
    await createTable();
    await addExpired(10);
    const holder = await db.connect();
    try {
      await holder.query('BEGIN');
      await holder.query(`SELECT * FROM ${table} ORDER BY id LIMIT 4 FOR UPDATE`);
      await storageOver(pool()).write(someKey(), row, { ttlSeconds });
      await until(async () => (await count()) === 5);
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
  });

  it('are found through the index', async () => {
    await createTable();
    await addExpired(3000);
    await db.query(`ANALYZE ${table}`);
    const plan = await db.query(
      `EXPLAIN SELECT id FROM ${table} WHERE expires_at <= now() ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED`,
    );
    expect(JSON.stringify(plan.rows)).toContain(`${table}_expires_at`);
    expect(postgresTable(table, 'table').sql).toContain(`"${table}_expires_at"`);
  });
});
