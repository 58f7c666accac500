/** Several processes over one PostgreSQL, and one that cuts them off in the middle of a refresh. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pool } from 'pg';
import { hasPgBouncer, startPgBouncer, type TestPgBouncer } from '../support/pgbouncer.js';
import { polars } from '../support/polars.js';
import {
  hasPostgres,
  postgresStartMs,
  startPostgres,
  type TestPostgres,
} from '../support/postgres-server.js';
import { rowIdOf } from '../support/stored-rows.js';
import { countOf, loginLife, type SiteOptions, until } from './site.js';
import { describeStorm } from './suite.js';

(hasPostgres ? describe : describe.skip)('postgresStorage', () => {
  let postgres: TestPostgres;
  let pgbouncer: TestPgBouncer | undefined;
  let db: Pool;
  beforeAll(async () => {
    postgres = await startPostgres();
    pgbouncer = hasPgBouncer ? await startPgBouncer(postgres.url) : undefined;
    db = postgres.pool();
  }, postgresStartMs);
  afterAll(async () => {
    await pgbouncer?.close();
    await postgres.close();
  });

  describeStorm('in a storm of requests on one expired session', ({ startSite }) => {
    const optionsOf = (emulator: SiteOptions['emulator'], postgresURL = postgres.url): SiteOptions => ({
      ...(emulator !== undefined && { emulator }),
      workers: 4,
      storage: 'postgres',
      postgresURL,
    });

    const servers = [
      ['PostgreSQL', true],
      ['PgBouncer', hasPgBouncer],
    ] as const;
    const cases = servers.flatMap(([server, isHere]) =>
      polars.map(([name, emulator]) => ({ server, isHere, name, emulator })),
    );
    for (const { emulator, isHere, name, server } of cases) {
      (isHere ? it : it.skip)(
        `costs 1 refresh in 4 processes, hour after hour (over ${server}, at ${name})`,
        async () => {
          const url = server === 'PgBouncer' ? pgbouncer?.url : postgres.url;
          const site = await startSite(optionsOf(emulator, url));
          const visitor = await site.visitor();
          for (let hour = 1; hour <= 3; hour++) {
            await site.advanceTime(hour === 1 ? loginLife : 3600);
            // While this response is pending, every process finds the token expired.
            site.polar.fail('token', { delayMs: 200 }, site.workers.length);
            const answers = await site.tokenStorm(visitor, 100);
            site.polar.heal();
            const [live] = site.polar.liveTokens();
            expect(countOf(answers.map(({ status }) => status))).toEqual({ 200: 400 });
            expect(countOf(answers.map(({ body }) => body.accessToken))).toEqual({
              [String(live?.accessToken)]: 400,
            });
            expect(site.refreshes.map(({ status }) => status)).toEqual(Array(hour).fill(200));
          }
          const { loginId = '' } = (await visitor.get(site.worker(0), '/login')).body;
          const record = 'SELECT version FROM polar_rows WHERE id = $1';
          expect((await db.query(record, [rowIdOf(loginId, 'record')])).rows).toEqual([{ version: '3' }]);
        },
        60_000,
      );
    }

    it.each(polars)(
      'loses no login when all connections are cut off in it (at %s)',
      async (_name, emulator) => {
        const site = await startSite(optionsOf(emulator));
        const visitor = await site.visitor();
        await site.advanceTime(loginLife);
        site.polar.fail('token', { delayMs: 300 }, 1);
        const storm = site.tokenStorm(visitor, 100);
        await until(() => site.refreshes.length > 0);
        for (let time = 0; time < 5; time++)
          await db.query(
            'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()',
          );
        const statuses = countOf((await storm).map(({ status }) => status));
        expect(Object.keys(statuses).filter((status) => !['200', '503'].includes(status))).toEqual([]);

        await until(async () => {
          const answers = await Promise.all(site.workers.map((worker) => visitor.token(worker)));
          return answers.every(({ status }) => status === 200);
        });
        const tokens = await Promise.all(site.workers.map((worker) => visitor.token(worker)));
        const [token, ...others] = tokens.map(({ body }) => body.accessToken);
        expect(others).toEqual(Array(3).fill(token));
        expect(site.polar.liveTokens().map(({ accessToken }) => accessToken)).toContain(token);
        // Without a storage there is no lock, so others may have asked, too. That Polar refused them ended nothing.
        expect(site.refreshes.map(({ status }) => status)).toContain(200);
        await site.advanceTime(3600);
        expect((await visitor.token(site.worker(0))).status).toBe(200);
      },
      60_000,
    );
  });
});
