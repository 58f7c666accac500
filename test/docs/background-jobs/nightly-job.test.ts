/** Runs what docs/background-jobs.md shows, over real HTTP, with a real PostgreSQL and the local Polar. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PolarStrategyOptions } from 'passport-polar-sh';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import type { Pool } from 'pg';
import { defaultTable, postgresTable } from '../../../src/storage/postgres-table.js';
import {
  hasPostgres,
  postgresStartMs,
  startPostgres,
  type TestPostgres,
} from '../../support/postgres-server.js';
import { rowIdOf } from '../../support/stored-rows.js';
import { nightlyJob } from './nightly-job.js';
import { createPolar } from './polar.js';
import { startWebApp, type WebApp } from './web-app.js';

const loginLife = 864_000;
const oldKey = 'old key of 44 characters, as openssl makes it';
const newKey = 'new key of 44 characters, as openssl makes it';

let postgres: TestPostgres;
let db: Pool;
beforeAll(async () => {
  if (!hasPostgres) return;
  postgres = await startPostgres();
  db = postgres.pool();
  for (const file of [join(__dirname, 'tables.sql'), require.resolve('connect-pg-simple/table.sql')])
    await db.query(readFileSync(file, 'utf8'));
  await db.query(postgresTable(defaultTable, 'table').sql);
}, postgresStartMs);
afterAll(() => postgres?.close());

let emulator: PolarEmulator;
let web: WebApp;
beforeEach(async () => {
  if (!hasPostgres) return;
  emulator = await startPolarEmulator({ consent: 'auto' });
  web = await startWebApp(db, emulator, { encryptionKeys: [oldKey] });
});
afterEach(async () => {
  if (!hasPostgres) return;
  await web.close();
  await emulator.close();
  await db.query('TRUNCATE polar_rows, users, session');
});

/** The strategy of a job, as in another process of the same app with its own memory. */
const jobPolar = (changes: Partial<PolarStrategyOptions> = {}) =>
  createPolar(postgres.pool(), { ...web.options, ...changes });
const runJob = (changes: Partial<PolarStrategyOptions> = {}) => nightlyJob(db, jobPolar(changes));

interface UserRow {
  readonly id: number;
  readonly email: string;
  readonly polar_login_id: string;
  readonly polar_disconnected: string | null;
  readonly organizations: string[] | null;
}
async function theUser(): Promise<UserRow> {
  const { rows } = await db.query<UserRow>('SELECT * FROM users');
  expect(rows).toHaveLength(1);
  return rows[0] as UserRow;
}
const recordOf = async (loginId: string): Promise<{ version: string; value: string } | undefined> =>
  (await db.query('SELECT * FROM polar_rows WHERE id = $1', [rowIdOf(loginId, 'record')])).rows[0];
const refreshes = () => emulator.requests.filter(({ grantType }) => grantType === 'refresh_token');
const liveToken = () => emulator.liveTokens()[0]?.accessToken;

async function loggedIn() {
  const browser = web.browser();
  const answer = await browser.logIn();
  expect([answer.status, answer.headers['location']]).toEqual([302, '/token']);
  return browser;
}

const describePostgres = hasPostgres ? describe : describe.skip;
describePostgres('a nightly job', () => {
  it('works for a user whose tokens were never refreshed', async () => {
    await loggedIn();
    expect(await runJob()).toEqual([]);
    const user = await theUser();
    expect(user).toMatchObject({ email: 'ada@example.com', polar_disconnected: null });
    expect(user.organizations?.length).toBeGreaterThan(0);
    expect(refreshes()).toHaveLength(0);
  });

  it('works after the web app has refreshed the tokens, and the other way round', async () => {
    const browser = await loggedIn();
    emulator.advanceTime(loginLife);
    const refreshed = await browser.token();
    const { polar_login_id } = await theUser();
    const polar = jobPolar();
    expect(await polar.tokensFor(polar_login_id).getAccessToken()).toBe(refreshed);
    expect(refreshes()).toHaveLength(1);

    emulator.advanceTime(3600);
    expect(await nightlyJob(db, polar)).toEqual([]);
    expect(refreshes()).toHaveLength(2);
    expect(await browser.token()).toBe(liveToken());
    expect(refreshes()).toHaveLength(2);
  });

  it('works every night while the user stays away', async () => {
    const browser = await loggedIn();
    const polar = jobPolar();
    for (let night = 0; night < 20; night++) {
      emulator.advanceTime(86_400);
      await db.query('UPDATE users SET organizations = NULL');
      expect(await nightlyJob(db, polar)).toEqual([]);
      expect((await theUser()).organizations).not.toBeNull();
    }
    expect(await browser.token()).toBe(liveToken());
  });

  describe('and a browser tab that find the token expired at the same time', () => {
    async function race(changes: Partial<PolarStrategyOptions>) {
      await web.close();
      web = await startWebApp(db, emulator, { encryptionKeys: [oldKey], ...changes });
      const browser = await loggedIn();
      const { polar_login_id } = await theUser();
      const access = jobPolar().tokensFor(polar_login_id);
      for (let hour = 0; hour < 5; hour++) {
        emulator.advanceTime(hour === 0 ? loginLife : 3600);
        emulator.fail('token', { delayMs: 30 }, 2); // so that both have asked for it
        const tokens = await Promise.all([browser.token(), access.getAccessToken()]);
        emulator.heal();
        expect(tokens).toEqual([liveToken(), liveToken()]);
      }
      return refreshes().map(({ status }) => status);
    }

    it('refresh it once, with a lock in the storage', async () => {
      expect(await race({})).toEqual([200, 200, 200, 200, 200]);
      expect((await theUser()).polar_disconnected).toBeNull();
      // One row for the tokens, and none for a lock that is no longer held.
      const { polar_login_id: loginId } = await theUser();
      const ids = (['record', 'lock', 'tombstone'] as const).map((row) => rowIdOf(loginId, row));
      const rows = async () =>
        (await db.query('SELECT id FROM polar_rows WHERE id = ANY($1)', [ids])).rows as { id: string }[];
      await until(async () => (await rows()).length === 1).catch(() => {});
      expect((await rows()).map(({ id }) => id)).toEqual([rowIdOf(loginId, 'record')]);
    });
  });

  it('notices when a user logs out and when they log in again', async () => {
    const browser = await loggedIn();
    const polar = jobPolar();
    expect(await nightlyJob(db, polar)).toEqual([]);
    const before = await theUser();
    expect((await browser.post('/logout')).status).toBe(302);
    expect(emulator.liveTokens()).toEqual([]);
    await expect(polar.tokensFor(before.polar_login_id).getAccessToken()).rejects.toMatchObject({
      code: 'logged_out',
      status: 401,
    });
    expect(await nightlyJob(db, polar)).toEqual([]);
    expect(await theUser()).toMatchObject({ id: before.id, polar_disconnected: 'logged_out' });

    await loggedIn();
    const after = await theUser();
    expect(after).toMatchObject({ id: before.id, polar_disconnected: null });
    expect(after.polar_login_id).not.toBe(before.polar_login_id);
    expect((await polar.tokensFor(after.polar_login_id).fetch('/v1/organizations/')).status).toBe(200);
  });

  it('notices when Polar has ended a login', async () => {
    await loggedIn();
    emulator.revokeAll();
    emulator.advanceTime(loginLife);
    // A sibling has a third of the time-out to record something newer.
    expect(await runJob({ timeoutMs: 3000 })).toEqual([]);
    expect((await theUser()).polar_disconnected).toBe('login_expired');
  });

  it('reports users to try again later while Polar is unavailable, and loses no login', async () => {
    await loggedIn();
    emulator.advanceTime(loginLife);
    emulator.fail('token', { status: 429, retryAfterSeconds: 1 });
    expect(await runJob()).toEqual([(await theUser()).id]);
    expect(await runJob()).toEqual([]);
    expect(await theUser()).toMatchObject({ polar_disconnected: null, organizations: expect.any(Array) });
  });

  it('reports users to try again later while the records cannot be read', async () => {
    await loggedIn();
    const { id } = await theUser();
    await db.query('ALTER TABLE polar_rows RENAME COLUMN value TO away');
    try {
      expect(await runJob()).toEqual([id]);
    } finally {
      await db.query('ALTER TABLE polar_rows RENAME COLUMN away TO value');
    }
    expect(await runJob()).toEqual([]);
  });

  it('names the options that are missing', async () => {
    await loggedIn();
    for (const missing of ['encryptionKeys', 'storage'])
      await expect(runJob({ [missing]: undefined })).rejects.toMatchObject({
        name: 'PolarConfigurationError',
        message: expect.stringContaining(
          `tokensFor needs the options storage and encryptionKeys (not given: ${missing})`,
        ),
      });
    expect((await theUser()).polar_disconnected).toBeNull();
  });
});

describePostgres('the keys of the records', () => {
  it('can be replaced without interrupting jobs and tabs, with the new one in front', async () => {
    // First the new key goes to the end everywhere, so that every process can open what it seals.
    await web.close();
    web = await startWebApp(db, emulator, { encryptionKeys: [oldKey, newKey] });
    const browser = await loggedIn();
    const { polar_login_id } = await theUser();
    const before = await recordOf(polar_login_id);

    emulator.advanceTime(loginLife);
    const ahead = jobPolar({ encryptionKeys: [newKey, oldKey] });
    expect(await ahead.tokensFor(polar_login_id).getAccessToken()).toBe(liveToken());
    const after = await recordOf(polar_login_id);
    expect([before?.version, after?.version]).toEqual(['0', '1']);
    expect(keyIdOf(after)).not.toBe(keyIdOf(before));
    expect(await browser.token()).toBe(liveToken());
    expect(refreshes()).toHaveLength(1);

    emulator.advanceTime(3600);
    const withoutOldKey = jobPolar({ encryptionKeys: [newKey] });
    expect(await withoutOldKey.tokensFor(polar_login_id).getAccessToken()).toBe(liveToken());
  });

  it('reveal no tokens and lose no login when they are wrong', async () => {
    await loggedIn();
    const { polar_login_id } = await theUser();
    const wrong = jobPolar({ encryptionKeys: [newKey] });
    await expect(wrong.tokensFor(polar_login_id).getAccessToken()).rejects.toMatchObject({
      name: 'PolarTransientError',
      code: 'server_error',
    });
    await expect(wrong.tokensFor('unknown').getAccessToken()).rejects.toMatchObject({
      name: 'PolarLoginRequiredError',
      code: 'not_logged_in',
    });
    expect(await nightlyJob(db, wrong)).toEqual([(await theUser()).id]);
    expect((await theUser()).polar_disconnected).toBeNull();
    expect(await runJob()).toEqual([]);
    expect(await theUser()).toMatchObject({ polar_disconnected: null, organizations: expect.any(Array) });
  });

  it('seal what is in the database', async () => {
    await loggedIn();
    const { polar_login_id } = await theUser();
    const { value } = (await recordOf(polar_login_id)) ?? { value: '' };
    const readable = value.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'));
    expect(readable.join(' ')).not.toContain('polar_');
  });
});

describePostgres('a login while the records cannot be written', () => {
  it('works, and its record is written afterwards', async () => {
    await db.query('ALTER TABLE polar_rows RENAME COLUMN value TO away');
    try {
      const browser = await loggedIn();
      expect(await browser.token()).toBe(liveToken());
    } finally {
      await db.query('ALTER TABLE polar_rows RENAME COLUMN away TO value');
    }
    const { polar_login_id } = await theUser();
    await until(async () => (await recordOf(polar_login_id)) !== undefined);
    expect(await runJob()).toEqual([]);
    expect((await theUser()).organizations).not.toBeNull();
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; !(await condition()); attempt++) {
    expect(attempt).toBeLessThan(500);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Which key sealed a record. */
function keyIdOf(record: { value: string } | undefined): unknown {
  const [header = ''] = record?.value.split('.') ?? [];
  return JSON.parse(Buffer.from(header, 'base64url').toString()).kid;
}
