import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Pool } from 'pg';
import { readConfig } from '../../example-app/config.js';
import { type ExampleApp, startExampleApp } from '../../example-app/start.js';
import { freePort } from '../support/free-port.js';
import {
  hasPostgres,
  postgresStartMs,
  securedRole,
  startPostgres,
  type TestPostgres,
} from '../support/postgres-server.js';
import { isRowId } from '../support/stored-rows.js';
import { type RunningApp, runApp } from './running-app.js';
import { runToEnd } from './spawned-app.js';

(hasPostgres ? describe : describe.skip)('the example app with DATABASE_URL', () => {
  let postgres: TestPostgres;
  let db: Pool;
  beforeAll(async () => {
    postgres = await startPostgres();
    db = postgres.pool();
  }, postgresStartMs);
  afterAll(() => postgres.close());

  let first: RunningApp | undefined;
  let second: ExampleApp | undefined;
  afterEach(async () => {
    await second?.close();
    await first?.close();
    [first, second] = [undefined, undefined];
    jest.restoreAllMocks();
    await db.query('DROP TABLE IF EXISTS polar_rows, session');
  });

  it.each(['session', 'postgres'])(
    'creates its tables and shares sessions and tokens between processes (POLAR_STORAGE=%s)',
    async (storage) => {
      const env = {
        DATABASE_URL: postgres.url,
        POLAR_STORAGE: storage,
        SESSION_SECRET: 'only for tests',
        EXPOSE_TOKEN: '1',
      };
      const app = await runApp(env);
      first = app;
      second = await startExampleApp(
        readConfig({
          ...env,
          PORT: '0',
          BASE_URL: app.url,
          POLAR_CLIENT_ID: app.client.clientID,
          POLAR_CLIENT_SECRET: app.client.clientSecret,
          POLAR_WEB_URL: app.emulator.webURL,
          POLAR_API_URL: app.emulator.apiURL,
        }),
        () => {},
      );
      const browser = app.browser();
      await browser.logIn();
      const onSecond = browser.at(second);

      const before = await browser.token();
      expect(await onSecond.token()).toBe(before);
      expect((await browser.post('/refresh')).status).toBe(200);
      const after = await browser.token();
      expect(after).not.toBe(before);
      expect((await onSecond.get('/organizations')).status).toBe(200);
      expect(await onSecond.token()).toBe(after);
      expect(app.emulator.requests.filter(({ grantType }) => grantType === 'refresh_token')).toHaveLength(1);

      const sids = (await db.query<{ sid: string }>('SELECT sid FROM session')).rows.map(({ sid }) => sid);
      expect(sids.filter((sid) => !isRowId(sid))).toHaveLength(1);
      // One row of tokens, one of the login attempt, and no lock.
      const rows =
        storage === 'postgres' ? (await db.query('SELECT id FROM polar_rows')).rows : sids.filter(isRowId);
      expect(rows).toHaveLength(2);

      await onSecond.post('/logout');
      expect((await browser.get('/me')).status).toBe(401);
    },
    30_000,
  );

  it('works on after PostgreSQL was away, without a restart', async () => {
    jest.spyOn(console, 'error').mockImplementation(() => {}); // where the app reports it
    first = await runApp({ DATABASE_URL: postgres.url, SESSION_SECRET: 'only for tests', EXPOSE_TOKEN: '1' });
    const browser = first.browser();
    await browser.logIn();
    const before = await browser.token();
    await postgres.stop();
    expect((await browser.get('/me')).status).toBeGreaterThanOrEqual(500);
    await postgres.start();
    expect((await browser.post('/refresh')).status).toBe(200);
    expect(await browser.token()).not.toBe(before);
  }, 30_000);

  it('says what is wrong when it cannot start, without the password', async () => {
    await db.query(`CREATE ROLE ${securedRole} LOGIN PASSWORD 'the right one'`);
    const wrong = new URL(postgres.url);
    wrong.username = securedRole;
    wrong.password = 'wrong-one';
    const away = `postgres://ada:wrong-one@127.0.0.1:${await freePort()}/app`;
    for (const [url, code] of [
      [wrong.href, '28P01'],
      [away, 'ECONNREFUSED'],
    ] as const) {
      const { code: exit, output } = await runToEnd({ DATABASE_URL: url, PORT: '0' });
      expect([exit, output.trim().split('\n')]).toEqual([
        1,
        [
          `The example app cannot start: DATABASE_URL: PostgreSQL at ${new URL(url).host} does not let this app in (${code})`,
        ],
      ]);
    }
  }, 30_000);
});
