/** The command doctor with real databases, and with the session stores over them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { postgresTable } from '../../../src/storage/postgres-table';
import { freePort } from '../../support/free-port';
import {
  encryptedRole,
  hasPostgres,
  postgresStartMs,
  securedRole,
  startPostgres,
  type TestPostgres,
} from '../../support/postgres-server';
import { hasRedis, startRedis, type TestRedis } from '../../support/redis-server';
import { RedisNodes } from '../../support/redis-topologies';
import { examine, root } from './support/run-doctor';

const PASSWORD = 'p4ss/w0rd#of:the@database';
const encoded = encodeURIComponent(PASSWORD);
const nowhere = ['--server', 'http://127.0.0.1:1'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-doctor-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The row about a database, which never shows a password. */
async function rowOf(check: 'redis' | 'postgres', url: string, surroundings: { folder?: string } = {}) {
  const env = check === 'redis' ? { REDIS_URL: url } : { DATABASE_URL: url };
  const { row, terminal } = await examine(nowhere, env, surroundings);
  for (const secret of [PASSWORD, encoded, 'p4ss', 'w0rd', 'wrong-password'])
    expect(terminal.out + terminal.error).not.toContain(secret);
  return row(check);
}

/** A folder of an app that has one package of this project. */
function appWith(name: string): string {
  const app = mkdtempSync(join(folder, 'app-'));
  const entry = join(app, 'node_modules', name);
  writeFileSync(join(app, 'package.json'), '{}');
  mkdirSync(entry, { recursive: true });
  writeFileSync(
    join(entry, 'index.js'),
    `module.exports = require(${JSON.stringify(require.resolve(name, { paths: [root] }))});`,
  );
  return app;
}

(hasRedis ? describe : describe.skip)('Redis', () => {
  let redis: TestRedis;
  const withUser = (user: string, password = encoded) => redis.url.replace('//', `//${user}:${password}@`);
  beforeAll(async () => {
    redis = await startRedis();
    const secure = ['on', `>${PASSWORD}`, '~*'];
    await redis.sendCommand('ACL', 'SETUSER', 'all', ...secure, '+@all');
    await redis.sendCommand(
      'ACL',
      'SETUSER',
      'few',
      ...secure,
      '+ping',
      '+hello',
      '+client',
      '+info',
      '+select',
    );
  });
  afterAll(() => redis.close());

  it('that runs passes, with its password', async () => {
    const found = 'responds, and takes the rows of redisStorage';
    expect(await rowOf('redis', redis.url)).toMatchObject({ result: 'ok', found });
    expect(await rowOf('redis', withUser('all'))).toMatchObject({ result: 'ok', found });
    expect(await redis.sendCommand('KEYS', '*')).toEqual([]);
  });

  it('is reached with ioredis if the app has only that, and by a connection alone if it has neither', async () => {
    const found = 'responds, and takes the rows of redisStorage';
    const app = appWith('ioredis');
    expect(await rowOf('redis', withUser('all'), { folder: app })).toMatchObject({ result: 'ok', found });
    expect(await rowOf('redis', withUser('all', 'wrong-password'), { folder: app })).toMatchObject({
      result: 'failed',
      found: 'refused the user name or password',
    });
    const row = await rowOf('redis', withUser('all', 'wrong-password'), { folder });
    expect(row).toMatchObject({
      result: 'ok',
      found: expect.stringContaining('nothing more can be checked'),
    });
    const closed = `redis://:${encoded}@127.0.0.1:${await freePort()}`;
    for (const without of [folder, app, root])
      expect(await rowOf('redis', closed, { folder: without })).toMatchObject({
        result: 'failed',
        found: expect.stringMatching(/^cannot be reached.*ECONNREFUSED\)$/),
      });
  });

  it.each([
    [
      'a wrong password',
      () => withUser('all', 'wrong-password'),
      'failed',
      'refused the user name or password',
    ],
    [
      'too few rights',
      () => withUser('few'),
      'warning',
      'redisStorage would not work: lets its user do less',
    ],
    ['TLS to a port without', () => redis.url.replace('redis:', 'rediss:'), 'failed', ''],
    [
      'a name that does not exist',
      () => `redis://:${encoded}@nowhere.invalid:6379`,
      'failed',
      'cannot be reached: its name cannot be resolved (',
    ],
    ['a password that is not encoded', () => `redis://:${PASSWORD}@127.0.0.1:6379`, 'failed', ''],
    ['a stray %', () => `redis://:p4ss%w0rd@127.0.0.1:6379`, 'failed', 'not an address of Redis'],
    ['another kind of URL', () => `http://:${encoded}@127.0.0.1:6379`, 'failed', 'not an address of Redis'],
  ])('with %s fails', async (_what, url, result, found) => {
    const row = await rowOf('redis', url());
    expect(row).toMatchObject({ result, found: expect.stringContaining(found) });
    expect(row.remedy).toBeTruthy();
  });

  it('that never responds fails within the limit', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `redis://:${encoded}@127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { row } = await examine(nowhere, { REDIS_URL: url }, { checkMs: 6000 });
    expect(row('redis').result).toBe('failed');
    server.close();
  });

  it('keeps the rows of connect-redis', async () => {
    const file = join(folder, 'redis-store.cjs');
    const path = (name: string) => JSON.stringify(require.resolve(name, { paths: [root] }));
    writeFileSync(
      file,
      `const { RedisStore } = require(${path('connect-redis')});
const { createClient } = require(${path('redis')});
module.exports = async () => {
  const client = createClient({ url: process.env.REDIS_URL });
  await client.connect();
  return new RedisStore({ client });
};`,
    );
    const run = async (url: string) =>
      (await examine([...nowhere, '--session-store', file], { REDIS_URL: url })).row('session-store');
    expect(await run(withUser('all'))).toMatchObject({
      result: 'ok',
      found: 'keeps, renews and removes a row',
    });
    expect(await run(withUser('few'))).toMatchObject({ result: 'failed' });
    const row = await run(withUser('all', 'wrong-password'));
    expect(row).toMatchObject({
      result: 'failed',
      found: expect.stringContaining('the function for the store fails'),
    });
  });
});

(hasRedis ? describe : describe.skip)('a Redis cluster', () => {
  const nodes = new RedisNodes();
  let urls: string[];
  beforeAll(async () => {
    urls = (await nodes.startCluster()).map(({ url }) => url);
  });
  afterAll(() => nodes.close());

  it.each(['redis', 'ioredis'])('is recognized by its address and passes with %s', async (name) => {
    const app = appWith(name);
    for (const url of [urls.join(','), `${urls[0]}?cluster=true`])
      expect(await rowOf('redis', url, { folder: app })).toMatchObject({
        result: 'ok',
        found: 'responds, and takes the rows of redisStorage',
      });
  });
});

(hasPostgres ? describe : describe.skip)('PostgreSQL', () => {
  let postgres: TestPostgres;
  const withUser = (user: string, password = encoded) =>
    postgres.url.replace('//postgres@', `//${user}:${password}@`);
  beforeAll(async () => {
    postgres = await startPostgres();
    await postgres.pool().query(`CREATE ROLE ${securedRole} LOGIN PASSWORD '${PASSWORD}'`);
  }, postgresStartMs);
  afterAll(() => postgres?.close());

  it('without the table of postgresStorage is fine for apps that do not use it', async () => {
    expect(await rowOf('postgres', postgres.url)).toMatchObject({
      result: 'warning',
      found: 'responds; it has no table polar_rows',
      remedy: expect.stringContaining('postgres-schema'),
    });
  });

  it('with the table passes, for a role that may use it', async () => {
    const pool = postgres.pool();
    await pool.query(postgresTable('polar_rows', '').sql);
    try {
      expect(await rowOf('postgres', postgres.url)).toMatchObject({
        result: 'ok',
        found: 'responds, and has the table polar_rows',
      });
      expect(await rowOf('postgres', withUser(securedRole))).toMatchObject({
        result: 'failed',
        found: 'this user may not use the table polar_rows',
      });
      await pool.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON polar_rows TO ${securedRole}`);
      expect((await rowOf('postgres', withUser(securedRole))).result).toBe('ok');
    } finally {
      await pool.query('DROP TABLE polar_rows');
    }
  });

  it.each([
    ['other types', 'id text PRIMARY KEY, version int, value text, expires_at timestamptz'],
    ['a column less', 'id text PRIMARY KEY, version bigint, value text'],
    ['no key', 'id text, version bigint, value text, expires_at timestamptz'],
  ])('fails when the table has %s', async (_what, columns) => {
    const pool = postgres.pool();
    await pool.query(`CREATE TABLE polar_rows (${columns})`);
    try {
      expect(await rowOf('postgres', postgres.url)).toMatchObject({
        result: 'failed',
        found: 'its table polar_rows has other columns or no primary key',
      });
    } finally {
      await pool.query('DROP TABLE polar_rows');
    }
  });

  it.each([
    [
      'a wrong password',
      () => withUser(securedRole, 'wrong-password'),
      'refuses the user or the password (28P01)',
    ],
    ['no such database', () => `${postgres.url}-missing`, 'there is no such database (3D000)'],
    ['TLS it does not have', () => `${postgres.url}?sslmode=require`, 'TLS to PostgreSQL failed'],
    ['no address', () => `127.0.0.1:5432/${encoded}`, 'not an address of PostgreSQL'],
    ['a password that is not encoded', () => `postgres://me:${PASSWORD}@127.0.0.1/db`, ''],
  ])('with %s fails', async (_what, url, found) => {
    const row = await rowOf('postgres', url());
    expect(row).toMatchObject({ result: 'failed', found: expect.stringContaining(found) });
    expect(row.remedy).toBeTruthy();
  });

  it('of a host that requires TLS is a warning, because the app may set ssl where it creates the pool', async () => {
    expect(await rowOf('postgres', withUser(encryptedRole, 'wrong-password'))).toMatchObject({
      result: 'warning',
      found: 'PostgreSQL accepts this role only over TLS (28000)',
      remedy: 'Set ssl where the pool is created, if it is not set, or add sslmode=require to the address.',
    });
  });

  it('without pg in the app is only connected to', async () => {
    expect(await rowOf('postgres', postgres.url, { folder })).toMatchObject({
      result: 'ok',
      found: expect.stringContaining('nothing more can be checked'),
    });
    const closed = `postgres://me:${encoded}@127.0.0.1:${await freePort()}/db`;
    expect(await rowOf('postgres', closed, { folder })).toMatchObject({
      result: 'failed',
      found: 'cannot be reached (ECONNREFUSED)',
    });
    expect((await rowOf('postgres', closed)).result).toBe('failed');
  });

  it('keeps the rows of connect-pg-simple, and shows when its table is missing', async () => {
    const file = join(folder, 'pg-store.cjs');
    const path = (name: string) => JSON.stringify(require.resolve(name, { paths: [root] }));
    writeFileSync(
      file,
      `const session = require(${path('express-session')});
const Store = require(${path('connect-pg-simple')})(session);
const create = process.env.CREATE === 'yes';
exports.store = new Store({ conString: process.env.DATABASE_URL, createTableIfMissing: create, pruneSessionInterval: false });`,
    );
    const run = async (more: Record<string, string>) =>
      (await examine([...nowhere, '--session-store', file], { DATABASE_URL: postgres.url, ...more })).row(
        'session-store',
      );
    expect((await run({})).result).toBe('failed');
    expect(await run({ CREATE: 'yes' })).toMatchObject({
      result: 'ok',
      found: 'keeps, renews and removes a row',
    });
  });
});
