/** The strategy of docs/storage.md, with a real Redis. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import session from 'express-session';
import { Passport } from 'passport';
import { polarTokens } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { createClient } from 'redis';
import request from 'supertest';
import { hasRedis, startRedis, type TestRedis } from '../../support/redis-server.js';
import { rowIdOf } from '../../support/stored-rows.js';
import { overClient, overCluster } from './other-clients.js';
import { createPolar } from './polar.js';

(hasRedis ? describe : describe.skip)('the strategy of the guide to storage', () => {
  let server: TestRedis;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.close());

  it('keeps refreshed tokens in Redis', async () => {
    const emulator = await startPolarEmulator({ consent: 'auto' });
    const { polar, redis } = await createPolar(server.url, emulator.strategyOptions());
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
      const key = `polar:{${body.loginId}}:${rowIdOf(body.loginId, 'record')}`;
      expect(await redis.hGet(key, 'version')).toBe('1');
      await polar.settled({ withinMs: 5000 });
      expect(await redis.keys(`polar:{${body.loginId}}:*`)).toEqual([key]);
    } finally {
      await redis.close();
      await emulator.close();
    }
  });

  it('takes any other client', async () => {
    const redis = await createClient({ url: server.url }).connect();
    const key = { id: '1'.repeat(32), group: '2'.repeat(32) };
    const row = { version: 1, value: 'sealed' };
    const routedBy: string[] = [];
    const storage = overClient({ send: (command) => redis.sendCommand(command) });
    const clustered = overCluster({
      send(to, isReadOnly, command) {
        routedBy.push(to);
        expect(isReadOnly).toBe(false);
        return redis.sendCommand(command);
      },
    });
    try {
      expect(await storage.write(key, row, { ttlSeconds: 60 })).toBe(true);
      expect(await clustered.read(key)).toEqual(row);
      expect(routedBy).toEqual([`polar:{${key.group}}:${key.id}`]);
    } finally {
      await redis.close();
    }
  });
});
