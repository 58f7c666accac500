/** A session store that forgets rows sooner than their lifetime: connect-redis with a ttl of the app's own. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RedisStore } from 'connect-redis';
import { polarTokens } from 'passport-polar-sh';
import { createClient } from 'redis';
import { refreshesAt } from '../support/emulator-requests.js';
import { fieldsOf } from '../support/entry-fields.js';
import { hasRedis, startRedis, type TestRedis } from '../support/redis-server.js';
import { siblingStrategy } from '../support/sibling.js';
import { rowIdOf } from '../support/stored-rows.js';
import { startTestApp } from '../support/test-app.js';

const loginLife = 864_000;
const minute = 60;

(hasRedis ? describe : describe.skip)('connect-redis with a ttl that the app gives', () => {
  const ttlSeconds = 4;
  let redis: TestRedis;
  let client: ReturnType<typeof createClient>;
  beforeAll(async () => {
    redis = await startRedis();
    client = createClient({ url: redis.url });
    await client.connect();
  });
  afterAll(async () => {
    client.destroy();
    await redis.close();
  });

  it.each([
    ['a number', ttlSeconds],
    ['a function', () => ttlSeconds],
  ])('as %s keeps a login that is in use for longer than that, for all processes', async (_kind, ttl) => {
    const store = new RedisStore({ client, ttl, prefix: `${typeof ttl}:` });
    const app = await startTestApp({
      session: { store },
      routes: (server, parts) => {
        server.get('/elsewhere/token', polarTokens(siblingStrategy(parts)), async (req, res) => {
          res.json({ accessToken: await req.polar.getAccessToken() });
        });
      },
    });
    const browser = await app.loggedInBrowser();
    const loginId = fieldsOf((await browser.get('/session')).body.polar)['loginId'] ?? '';
    app.emulator.advanceTime(loginLife);
    await browser.token();
    const record = `${typeof ttl}:${rowIdOf(loginId, 'record')}`;
    const livesOn = () => client.pTTL(record);
    expect(await livesOn()).toBeGreaterThan(0);
    const writtenAt = performance.now();
    while (performance.now() - writtenAt < ttlSeconds * 1500) {
      app.emulator.advanceTime(minute);
      await browser.get('/token').expect(200);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(await livesOn()).toBeGreaterThan(0);
    expect((await browser.get('/elsewhere/token')).body.accessToken).toBe(
      app.emulator.liveTokens()[0]?.accessToken,
    );
    expect(refreshesAt(app.emulator)).toHaveLength(1);
    await app.close();
  });
});
