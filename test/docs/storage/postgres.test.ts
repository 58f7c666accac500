/** The strategy of docs/storage.md, with a real PostgreSQL. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import session from 'express-session';
import { Passport } from 'passport';
import { polarTokens } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import request from 'supertest';
import {
  hasPostgres,
  postgresStartMs,
  startPostgres,
  type TestPostgres,
} from '../../support/postgres-server.js';
import { rowIdOf } from '../../support/stored-rows.js';
import { createPolarOverPostgres } from './postgres.js';

(hasPostgres ? describe : describe.skip)('the strategy of the guide to storage over PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  }, postgresStartMs);
  afterAll(() => server?.close());

  it('keeps refreshed tokens in a table that it creates', async () => {
    const emulator = await startPolarEmulator({ consent: 'auto' });
    const { polar, pool } = createPolarOverPostgres(server.url, emulator.strategyOptions());
    try {
      const passport = new Passport();
      passport.use(polar);
      passport.serializeUser((user, done) => done(null, user));
      passport.deserializeUser((user, done) => done(null, user as Express.User));
      const app = express();
      app.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false }));
      app.use(passport.session(), polarTokens(polar));
      app.get('/auth/polar', passport.authenticate('polar'));
      app.get('/auth/polar/callback', passport.authenticate('polar', { successRedirect: '/' }));
      app.get('/token', async (req, res) => {
        res.json({ accessToken: await req.polar.getAccessToken(), loginId: req.polar.loginId });
      });
      const browser = request.agent(app);
      const { headers } = await browser.get('/auth/polar');
      await browser.get(await emulator.authorize(headers['location'])).expect(302);
      emulator.advanceTime(864_000);
      const { body } = await browser.get('/token').expect(200);
      expect(body.accessToken).toBe(emulator.liveTokens()[0]?.accessToken);
      await polar.settled({ withinMs: 5000 });
      const ids = (['record', 'lock', 'tombstone'] as const).map((row) => rowIdOf(body.loginId, row));
      const { rows } = await pool.query('SELECT id, version FROM polar_rows WHERE id = ANY($1)', [ids]);
      expect(rows).toEqual([{ id: ids[0], version: '1' }]);
    } finally {
      await pool.end();
      await emulator.close();
    }
  });
});
