/** The SQL itself runs in test/storage/postgres-server.slow.test.ts, where it is compared with `createTables`. */
import { describe, expect, it } from '@jest/globals';
import { run } from './support/local-registrations';

describe('passport-polar-sh postgres-schema', () => {
  it('prints the SQL for the table of postgresStorage, and nothing else', async () => {
    const terminal = await run('postgres-schema');
    expect(terminal.out).toMatch(/^CREATE TABLE IF NOT EXISTS "polar_rows" \(\n[\s\S]*\(expires_at\);\n$/);
    expect([terminal.error, terminal.exitCode]).toEqual(['', undefined]);
  });

  it('prints it for the table that the option table names', async () => {
    const { out } = await run('postgres-schema', '--table', 'Shop.logins');
    const names = [...out.matchAll(/"[\w.]+"(\."\w+")?/g)].map(([name]) => name);
    expect(names).toEqual(['"Shop"."logins"', '"logins_expires_at"', '"Shop"."logins"']);
  });

  it('lists its options', async () => {
    const terminal = await run('postgres-schema', '--help');
    expect(terminal.out).toMatch(/^Usage: passport-polar-sh postgres-schema/);
    for (const option of ['table', 'help'])
      expect(terminal.out).toMatch(new RegExp(`^ {2}--${option} `, 'm'));
  });

  it.each([
    [['--table', 'a.b.c'], "--table must be 'table' or 'schema.table'"],
    [['--table', 'x"; DROP TABLE users'], "--table must be 'table' or 'schema.table'"],
    [['--tables', 'x'], "Unknown option '--tables'. Try --help."],
    [['--table'], "Option '--table <value>' argument missing. Try --help."],
    [['polar'], "Unexpected argument 'polar'."],
  ])('refuses %j, prints no SQL and exits with 2', async (args, message) => {
    const terminal = await run('postgres-schema', ...args);
    expect(terminal.error).toMatch(/^passport-polar-sh postgres-schema: .*\.\n$/);
    expect(terminal.error).toContain(message);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
  });
});
