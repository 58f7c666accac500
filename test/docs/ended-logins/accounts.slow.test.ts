/** docs/ended-logins.md over two processes of an app, a command, a real PostgreSQL and the local Polar. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PolarStrategyOptions } from 'passport-polar-sh';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import type { Pool } from 'pg';
import type { Browser } from '../../support/browser.js';
import {
  hasPostgres,
  postgresStartMs,
  startPostgres,
  type TestPostgres,
} from '../../support/postgres-server.js';
import { until } from '../../support/until.js';
import { ban, deleteAccount } from './accounts.js';
import { createPolar, type User } from './polar.js';
import { startWebApp } from './web-app.js';

const encryptionKeys = ['a-key-of-44-characters-as-openssl-makes-them'];
type WebApp = Awaited<ReturnType<typeof startWebApp>>;

let postgres: TestPostgres;
let db: Pool;
let emulator: PolarEmulator;
let one: WebApp;
let other: WebApp;
let options: PolarStrategyOptions;

beforeAll(async () => {
  if (!hasPostgres) return;
  postgres = await startPostgres();
  db = postgres.pool();
  for (const file of [join(__dirname, 'tables.sql'), require.resolve('connect-pg-simple/table.sql')])
    await db.query(readFileSync(file, 'utf8'));
}, postgresStartMs);
afterAll(() => postgres?.close());
beforeEach(async () => {
  if (!hasPostgres) return;
  emulator = await startPolarEmulator({ consent: 'auto' });
  const { clientID, clientSecret } = emulator.registerClient({
    redirectURIs: ['http://127.0.0.1:9/auth/polar/callback'],
  });
  options = {
    clientID,
    clientSecret,
    server: emulator.server,
    callbackURL: 'http://127.0.0.1:9/auth/polar/callback',
    now: emulator.now,
    encryptionKeys,
  };
  one = await startWebApp(db, options);
  other = await startWebApp(postgres.pool(), options);
});
afterEach(async () => {
  if (!hasPostgres) return;
  await Promise.all([one.close(), other.close()]);
  await emulator.close();
  await db.query('TRUNCATE users, logins, session');
});

/** Logs a user in on a new device. */
async function logIn(app: WebApp, device: string, user = 'ada@example.com'): Promise<Browser> {
  const browser = app.browser();
  browser.agent.set('User-Agent', device);
  const callback = await emulator.authorize(await browser.startLogin(), { user });
  const { status } = await browser.get(callback);
  expect(status).toBe(302);
  return browser;
}
const userOf = async (browser: Browser): Promise<User | null> => (await browser.get('/me')).body.user;
const idOf = async (browser: Browser): Promise<number> => (await userOf(browser))?.id as number;
/** The same browser at the other process. */
const there = (browser: Browser): Browser => browser.at(other);

(hasPostgres ? describe : describe.skip)('with a table of logins', () => {
  it('all but this login end, at once in both processes, and the list of devices shows it', async () => {
    const [phone, laptop, stranger] = [
      await logIn(one, 'Phone'),
      await logIn(other, 'Laptop'),
      await logIn(one, 'Phone', 'grace@example.com'),
    ];
    // Both processes have used each of them.
    for (const browser of [phone, laptop, stranger])
      for (const app of [one, other]) expect(await userOf(browser.at(app))).not.toBeNull();
    const devices = async () =>
      (await phone.get('/account/devices')).body.map((each: { device: string; isThisOne: boolean }) => [
        each.device,
        each.isThisOne,
      ]);
    expect(await devices()).toEqual([
      ['Phone', true],
      ['Laptop', false],
    ]);
    await phone.post('/account/devices/end-others').expect(303);
    expect(await devices()).toEqual([['Phone', true]]);
    for (const app of [one, other]) {
      expect(await userOf(laptop.at(app))).toBeNull();
      expect(await userOf(phone.at(app))).not.toBeNull();
      expect(await userOf(stranger.at(app))).not.toBeNull();
    }
    await until(() => emulator.liveTokens().length === 2);
  });

  it('a device of one’s own can be ended, and nobody else’s', async () => {
    const [phone, laptop] = [await logIn(one, 'Phone'), await logIn(other, 'Laptop')];
    const stranger = await logIn(one, 'Phone', 'grace@example.com');
    const { loginId } = (await userOf(laptop)) as User;
    await stranger.post(`/account/devices/${loginId}/end`).expect(404);
    expect(await userOf(laptop)).not.toBeNull();
    await phone.post(`/account/devices/${loginId}/end`).expect(303);
    await until(async () => (await userOf(laptop)) === null);
    expect(await userOf(phone)).not.toBeNull();
  });

  it('a banned user is logged out in every process at the next request, and cannot log in again', async () => {
    const [phone, laptop] = [await logIn(one, 'Phone'), await logIn(other, 'Laptop')];
    await ban(db, one.polar, await idOf(phone));
    for (const browser of [phone, there(phone), laptop]) {
      expect(await userOf(browser)).toBeNull();
      expect((await browser.get('/token')).body.code).toBe('not_logged_in');
    }
    await until(() => emulator.liveTokens().length === 0);
    const again = one.browser();
    const callback = await emulator.authorize(await again.startLogin(), { user: 'ada@example.com' });
    const refused = await again.get(callback);
    expect([refused.status, refused.body.code]).toEqual([401, 'login_refused']);
    await until(() => emulator.liveTokens().length === 0);
  });

  it('a login that is finished while its user is being banned does not survive', async () => {
    const phone = await logIn(one, 'Phone');
    const id = await idOf(phone);
    const second = other.browser();
    const callback = await emulator.authorize(await second.startLogin(), { user: 'ada@example.com' });
    await Promise.all([ban(db, one.polar, id), second.get(callback)]);
    expect(await userOf(second)).toBeNull();
    await until(() => emulator.liveTokens().length === 0);
    expect((await db.query('SELECT 1 FROM logins WHERE user_id = $1', [id])).rowCount).toBe(0);
  });

  it('nothing of a deleted account is left: no user, login, session or token', async () => {
    const [phone, laptop] = [await logIn(one, 'Phone'), await logIn(other, 'Laptop')];
    const stranger = await logIn(other, 'Phone', 'grace@example.com');
    const { polar_id: polarId } = (await db.query('SELECT polar_id FROM users ORDER BY id')).rows[0];
    await phone.post('/account/delete').expect(303);
    for (const browser of [phone, laptop]) expect(await userOf(browser)).toBeNull();
    expect(await userOf(stranger)).not.toBeNull();
    await until(() => emulator.liveTokens().length === 1);
    const rows = async (table: string) => (await db.query(`SELECT 1 FROM ${table}`)).rowCount;
    expect([await rows('users'), await rows('logins')]).toEqual([1, 1]);
    const { rows: sessions } = await db.query(
      `SELECT sess FROM session WHERE sess -> 'passport' ->> 'user' IS NOT NULL`,
    );
    expect(sessions).toHaveLength(1);
    // What the storage still holds is sealed.
    const left = JSON.stringify((await db.query('SELECT id, value FROM polar_rows')).rows);
    expect(left).toContain('ended_by_app');
    for (const text of [polarId, 'ada@example.com', 'polar_at_', 'polar_rt_'])
      expect(left).not.toContain(text);
    // Somebody who logs in again is a new user, and Polar does not ask them again.
    const id = await idOf(stranger);
    expect(await idOf(await logIn(one, 'Phone'))).toBeGreaterThan(id);
  });

  it('a storage that is down leaves the login in the table, the user locked, and the work to be done again', async () => {
    const phone = await logIn(one, 'Phone');
    const id = await idOf(phone);
    const down = {
      read: () => Promise.reject(new Error('down')),
      write: () => Promise.reject(new Error('down')),
      remove: () => Promise.reject(new Error('down')),
    };
    const broken = createPolar(db, { ...options, storage: down, timeoutMs: 2000 });
    await expect(deleteAccount(db, broken, id)).rejects.toThrow('Some logins could not be ended');
    expect(await userOf(phone)).toBeNull();
    await deleteAccount(db, one.polar, id);
    expect((await db.query('SELECT 1 FROM users')).rowCount).toBe(0);
    await until(() => emulator.liveTokens().length === 0);
  });

  it('a log-out, and a login that Polar ends, remove themselves from the table', async () => {
    const [phone, laptop] = [await logIn(one, 'Phone'), await logIn(other, 'Laptop')];
    await phone.post('/logout').expect(302);
    const devices = async () =>
      (await db.query('SELECT device FROM logins')).rows.map(({ device }) => device);
    await until(async () => (await devices()).length === 1);
    expect(await devices()).toEqual(['Laptop']);
    emulator.revokeAll('ada@example.com');
    emulator.advanceTime(864_000);
    expect((await laptop.get('/token')).body.code).toBe('login_expired');
    await until(async () => (await devices()).length === 0);
    expect(await userOf(there(laptop))).toBeNull();
  });

  it('the command bans a user from a process of its own', async () => {
    const phone = await logIn(one, 'Phone');
    const id = await idOf(phone);
    const command = spawn(process.execPath, ['--import', 'tsx', 'ban-user.ts', String(id)], {
      cwd: __dirname,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        DATABASE_URL: postgres.url,
        POLAR_CLIENT_ID: options.clientID,
        POLAR_CLIENT_SECRET: options.clientSecret,
        POLAR_SERVER: emulator.url,
        POLAR_RECORD_KEYS: encryptionKeys.join(' '),
      },
    });
    let errors = '';
    command.stderr.on('data', (chunk) => {
      errors += String(chunk);
    });
    const [code] = await once(command, 'exit');
    expect([errors, code]).toEqual(['', 0]);
    expect(await userOf(there(phone))).toBeNull();
    expect(emulator.liveTokens()).toEqual([]);
  });
});
