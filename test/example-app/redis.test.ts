import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from 'redis';
import { readConfig } from '../../example-app/config.js';
import { type ExampleApp, startExampleApp } from '../../example-app/start.js';
import { Browser } from '../support/browser.js';
import { hasRedis, startRedis, type TestRedis } from '../support/redis-server.js';
import { type RunningApp, runApp } from './running-app.js';

(hasRedis ? describe : describe.skip)('with REDIS_URL', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());

  let first: RunningApp;
  let second: ExampleApp;
  afterEach(async () => {
    await second?.close();
    await first?.close();
  });

  it.each(['0', '1'])(
    'processes share sessions and tokens (POLAR_REDIS_LOCK=%s)',
    async (lock) => {
      const env = {
        REDIS_URL: redis.url,
        POLAR_REDIS_LOCK: lock,
        SESSION_SECRET: 'only for tests',
        EXPOSE_TOKEN: '1',
      };
      first = await runApp(env);
      second = await startSecond(first, env);
      const browser = first.browser();
      await browser.logIn();
      // One cookie jar for both: cookies ignore ports.
      const onSecond = new Browser(second.url);
      onSecond.agent.jar = browser.agent.jar;

      const before = await browser.token();
      expect(await onSecond.token()).toBe(before);
      expect((await browser.post('/refresh')).status).toBe(200);
      const after = await browser.token();
      expect(after).not.toBe(before);

      // The session still says what it said at login; whoever was away learns the rest from the record.
      expect((await onSecond.get('/organizations')).status).toBe(200);
      expect(await onSecond.token()).toBe(after);
      expect(first.emulator.requests.filter(({ grantType }) => grantType === 'refresh_token')).toHaveLength(
        1,
      );

      const keys = await keysIn(redis.url);
      expect(keys.filter((key) => key.startsWith('sess:'))).not.toEqual([]);
      expect(keys.filter((key) => key.startsWith('polar:tokens:'))).not.toEqual([]);
      expect(keys.filter((key) => key.startsWith('polar:lock:'))).toEqual([]);

      await onSecond.post('/logout');
      expect((await browser.get('/me')).status).toBe(401);
    },
    30_000,
  );
});

/** Another process's worth of the same app: same client, same Polar, same Redis. */
function startSecond(
  { emulator, client, url }: RunningApp,
  env: Readonly<Record<string, string>>,
): Promise<ExampleApp> {
  const config = readConfig({
    ...env,
    PORT: '0',
    BASE_URL: url,
    POLAR_CLIENT_ID: client.clientID,
    POLAR_CLIENT_SECRET: client.clientSecret,
    POLAR_WEB_URL: emulator.webURL,
    POLAR_API_URL: emulator.apiURL,
  });
  return startExampleApp(config, () => {});
}

async function keysIn(url: string): Promise<string[]> {
  const client = createClient({ url });
  await client.connect();
  const keys = await client.keys('*');
  await client.close();
  return keys;
}
