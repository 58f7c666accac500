/** What postgresStorage sends and how it reads results; storage.slow.test.ts runs it over real servers. */
import type { PGlite } from '@electric-sql/pglite';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Pool as NeonPool, NeonQueryFunction } from '@neondatabase/serverless';
import {
  type PostgresClient,
  type PostgresStorageOptions,
  postgresStorage,
} from 'passport-polar-sh/postgres';
import type { Client, Pool } from 'pg';
import { PolarConfigurationError } from '../../src/errors.js';
import { startPGlite } from '../support/pglite.js';

const key = { id: '1'.repeat(32), group: 'f'.repeat(32) };
const row = { version: 3, value: 'x' };
const ttlSeconds = 60;

/** A storage over a client that responds with this to reads, writes and removals of a row. */
function over(respond: (text: string) => unknown, options?: PostgresStorageOptions) {
  const sent: string[] = [];
  const client: PostgresClient = {
    query: async (text) => {
      sent.push(text);
      return respond(text);
    },
  };
  return { sent, client, storage: postgresStorage(client, options) };
}
const failing = (error: object, options?: PostgresStorageOptions) =>
  over(() => {
    throw error;
  }, options);
const isRemovalOfExpired = (text: string): boolean => text.includes('SKIP LOCKED');

describe('postgresStorage', () => {
  it('takes pools and clients of all drivers without a cast', () => {
    const typed = (client: Pool | Client | NeonPool | NeonQueryFunction<false, false> | PGlite) =>
      postgresStorage(client);
    expect(typed(over(() => []).client as never)).toHaveProperty('read');
  });

  it.each([
    [undefined],
    [null],
    [{}],
    [{ query: 'SELECT' }],
    ['postgres://ada:secret@localhost/db'],
    [async () => []],
  ])('refuses the client %p at once, and shows no connection string', (client) => {
    const create = () => postgresStorage(client as never);
    expect(create).toThrow(PolarConfigurationError);
    expect(create).toThrow('postgresStorage needs a pool: postgresStorage(new Pool({ connectionString }))');
    expect(create).not.toThrow(/secret/);
  });

  it.each([
    [{ createTable: true }, "no option 'createTable'. Did you mean createTables?"],
    [{ createTables: 'yes' }, 'createTables must be true or false'],
    [{ table: '' }, "table must be 'table' or 'schema.table'"],
    [{ table: 7 }, "table must be 'table' or 'schema.table'"],
    [{ table: 'a.b.c' }, "table must be 'table' or 'schema.table'"],
    [{ table: '.a' }, "table must be 'table' or 'schema.table'"],
    [{ table: '7rows' }, "table must be 'table' or 'schema.table'"],
    [{ table: 'rows"; DROP TABLE users; --' }, "table must be 'table' or 'schema.table'"],
    [{ table: "rows'" }, "table must be 'table' or 'schema.table'"],
    [{ table: 'rows\n' }, "table must be 'table' or 'schema.table'"],
    [{ table: 'r'.repeat(53) }, 'at most 52 characters'],
  ])('refuses the options %p at once', (options, message) => {
    const { client } = over(() => []);
    expect(() => postgresStorage(client, options as never)).toThrow(PolarConfigurationError);
    expect(() => postgresStorage(client, options as never)).toThrow(message);
  });

  it.each([
    [undefined, '"polar_rows"'],
    ['shop', '"shop"'],
    ['order', '"order"'],
    ['Shop.Polar_Rows', '"Shop"."Polar_Rows"'],
    ['r'.repeat(52), `"${'r'.repeat(52)}"`],
  ])('quotes the table %p in every statement', async (table, quoted) => {
    const { sent, storage } = over(() => [], { table });
    await storage.read(key);
    await storage.write(key, row, { ttlSeconds });
    await storage.remove(key, row);
    expect(sent).toHaveLength(4);
    for (const text of sent) expect(text).toContain(quoted);
  });

  it('runs nothing in one statement that reads and writes several rows', () => {
    expect(over(() => []).storage.batch).toBeUndefined();
  });
});

describe('a result of the client', () => {
  it.each<[unknown, unknown]>([
    [[{ version: '7', value: 's' }], { version: 7, value: 's' }],
    [
      { rows: [{ version: '7', value: 's' }], rowCount: 1 },
      { version: 7, value: 's' },
    ],
    [
      { rows: [{ version: 7, value: 's' }], affectedRows: 0 },
      { version: 7, value: 's' },
    ],
    [[], undefined],
    [{ rows: [] }, undefined],
  ])('is read as a row: %j', async (result, expected) => {
    expect(await over(() => result).storage.read(key)).toEqual(expected);
  });

  it.each<[unknown, boolean]>([
    [{ rows: [{ written: 1 }] }, true],
    [[{ written: 1 }], true],
    // PGlite counts affectedRows, Neon's driver returns no counts at all.
    [{ rows: [{ written: 1 }], rowCount: 0, affectedRows: 0 }, true],
    [{ rows: [], rowCount: 1 }, false],
    [[], false],
  ])('tells whether a row was written by its rows alone: %j', async (result, expected) => {
    expect(await over(() => result).storage.write(key, row, { ttlSeconds })).toBe(expected);
  });

  it.each([[undefined], [null], [{}], [{ rows: 1 }], ['rows']])(
    'is an error if it has no rows: %j',
    async (result) => {
      const { storage } = over(() => result);
      const message = 'query(text, values) must resolve with a list of rows';
      await expect(storage.read(key)).rejects.toThrow(message);
      await expect(storage.write(key, row, { ttlSeconds })).rejects.toThrow(message);
      await expect(storage.remove(key, row)).rejects.toThrow(message);
    },
  );

  it.each([[[['7', 's']]], [[{ version: '7' }]], [[{ version: 'seven', value: 's' }]], [[null]]])(
    'is an error, and not "no row", if its row has other columns: %j',
    async (rows) => {
      await expect(over(() => rows).storage.read(key)).rejects.toThrow('rows that are objects, by column');
    },
  );
});

describe('an error of the client', () => {
  it.each([
    ['42P01', 'the table polar_rows is missing (42P01)', 'npx passport-polar-sh postgres-schema'],
    ['3F000', 'the table polar_rows is missing', 'createTables: true'],
    ['42703', 'is of another version of passport-polar-sh', 'npx passport-polar-sh postgres-schema'],
    ['25006', 'is read-only on this server', 'Connect to the primary'],
    ['42501', 'is not open to the role', 'Grant it SELECT, INSERT, UPDATE and DELETE'],
    ['28P01', 'PostgreSQL refuses the user or the password', 'where the pool is created'],
    ['3D000', 'there is no such database', 'Check its name'],
    ['53300', 'the server has no free connection', 'Lower max of the pools'],
    ['ECONNREFUSED', 'there is no connection to PostgreSQL, or it was lost', 'Check that the server runs'],
    ['57P01', 'there is no connection to PostgreSQL, or it was lost', 'so does the storage'],
    ['08006', 'there is no connection to PostgreSQL, or it was lost', 'so does the storage'],
    ['22P02', 'cannot be used (22P02)', 'See the cause'],
  ])('says what failed and what to do: %s', async (code, problem, remedy) => {
    const cause = Object.assign(new Error('a text with a polar_at_secret'), { code });
    const error = await failing(cause)
      .storage.read(key)
      .catch((error: unknown) => error);
    expect(error).toMatchObject({ message: expect.stringMatching(/^postgresStorage: /), cause });
    expect((error as Error).message).toContain(problem);
    expect((error as Error).message).toContain(remedy);
    expect((error as Error).message).not.toContain('secret');
  });

  it.each([
    'no pg_hba.conf entry for host "10.0.0.7", user "u", database "d", no encryption',
    'no pg_hba.conf entry for host "10.0.0.7", user "u", database "d", SSL off',
    'pg_hba.conf rejects connection for host "10.0.0.7", user "u", database "d", no encryption',
  ])('asks for TLS, and not for another password, where the server does: %s', async (text) => {
    const reading = failing(Object.assign(new Error(text), { code: '28000' })).storage.read(key);
    await expect(reading).rejects.toThrow(
      /cannot be reached: PostgreSQL accepts this role only over TLS \(28000\)\. Set ssl where/,
    );
  });

  it.each([['a text'], [undefined], [null], [7], [{}]])('may be anything: %p', async (cause) => {
    await expect(failing(cause as never).storage.read(key)).rejects.toMatchObject({
      message: 'postgresStorage: the table polar_rows cannot be used. See the cause.',
      cause,
    });
  });

  it('may be thrown instead of rejected', async () => {
    const client = {
      query: () => {
        throw new Error('Cannot use a pool after calling end on the pool');
      },
    };
    await expect(postgresStorage(client as never).read(key)).rejects.toThrow('the pool or client is closed');
  });

  it.each(['40001', '40P01'])('of a statement that did nothing (%s) is tried again', async (code) => {
    let failures = 3;
    const { sent, storage } = over(() => {
      if (failures-- > 0) throw Object.assign(new Error('serialize'), { code });
      return [{ version: '1', value: 'x' }];
    });
    expect(await storage.read(key)).toEqual({ version: 1, value: 'x' });
    expect(sent).toHaveLength(4);
    const always = failing({ code });
    await expect(always.storage.read(key)).rejects.toThrow(code);
    expect(always.sent).toHaveLength(10);
  });

  it('of any other kind is not tried again: the rest of the package decides that', async () => {
    const { sent, storage } = failing({ code: 'ECONNRESET' });
    await expect(storage.write(key, row, { ttlSeconds })).rejects.toThrow('ECONNRESET');
    expect(sent).toHaveLength(1);
  });
});

describe('a missing table', () => {
  const missing = Object.assign(new Error('relation does not exist'), { code: '42P01' });

  it('is created once it is missed, with createTables', async () => {
    let exists = false;
    const { sent, storage } = over(
      (text) => {
        if (text.startsWith('DO ')) exists = true;
        else if (!exists) throw missing;
        return [];
      },
      { createTables: true },
    );
    expect(await storage.read(key)).toBeUndefined();
    expect(sent.map((text) => text.split(' ')[0])).toEqual(['SELECT', 'DO', 'SELECT']);
    await storage.read(key);
    expect(sent).toHaveLength(4);
  });

  it('is not created without createTables', async () => {
    const { sent, storage } = failing(missing);
    await expect(storage.read(key)).rejects.toThrow('pass createTables: true');
    expect(sent).toHaveLength(1);
  });

  it('that cannot be created is an error each time, and no endless attempt', async () => {
    const { sent, storage } = over(
      (text) => {
        throw text.startsWith('DO ')
          ? Object.assign(new Error('permission denied'), { code: '42501' })
          : missing;
      },
      { createTables: true },
    );
    await expect(storage.read(key)).rejects.toThrow('it needs CREATE on the schema');
    expect(sent).toHaveLength(2);
  });
});

describe('expired rows', () => {
  afterEach(() => void jest.restoreAllMocks());

  it('are removed after a write, every ten minutes at most, and at once if there are more', async () => {
    let [now, left] = [1_000_000, 2500];
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    const { sent, storage } = over((text) => {
      if (!isRemovalOfExpired(text)) return [{}];
      const removed = Math.min(left, 1000);
      left -= removed;
      return Array.from({ length: removed }, () => ({ removed: 1 }));
    });
    const removals = () => sent.filter(isRemovalOfExpired).length;
    const write = async (): Promise<number> => {
      await storage.write(key, row, { ttlSeconds });
      await new Promise(setImmediate);
      return removals();
    };
    await storage.read(key).catch(() => {});
    await storage.remove(key, row);
    expect(removals()).toBe(0);
    expect([await write(), await write(), await write(), await write()]).toEqual([1, 2, 3, 3]);
    now += 599_999;
    expect(await write()).toBe(3);
    now += 1;
    expect([await write(), await write()]).toEqual([4, 4]);
    expect(sent.find(isRemovalOfExpired)).toContain('LIMIT 1000');
  });

  it('delay and fail no write while they are removed', async () => {
    const hanging = over((text) => (isRemovalOfExpired(text) ? new Promise(() => {}) : [{}]));
    for (let time = 0; time < 3; time++)
      expect(await hanging.storage.write(key, row, { ttlSeconds })).toBe(true);
    expect(hanging.sent.filter(isRemovalOfExpired)).toHaveLength(1);

    const refused = over((text) => {
      if (isRemovalOfExpired(text)) throw Object.assign(new Error('permission denied'), { code: '42501' });
      return [{}];
    });
    expect(await refused.storage.write(key, row, { ttlSeconds })).toBe(true);
    await new Promise(setImmediate); // an unhandled rejection would end this process
  });

  it('are removed from a real table, and no others', async () => {
    const db = startPGlite();
    try {
      const storage = postgresStorage(db, { createTables: true });
      const other = { ...key, id: '2'.repeat(32) };
      await storage.write(key, row, { ttlSeconds });
      await db.query('UPDATE polar_rows SET expires_at = now()', []);
      // The first write of this process has already looked for expired rows.
      await postgresStorage(db).write(other, row, { ttlSeconds });
      await new Promise((resolve) => setTimeout(resolve, 0));
      const { rows } = (await db.query('SELECT id FROM polar_rows', [])) as { rows: unknown[] };
      expect(rows).toEqual([{ id: other.id }]);
      expect(await storage.read(other)).toEqual(row);
    } finally {
      await db.close();
    }
  });
});
