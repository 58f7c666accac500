import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from 'redis';
import { readConfig } from '../../example-app/config.js';
import { type ExampleApp, startExampleApp } from '../../example-app/start.js';
import { Browser } from '../support/browser.js';
import { hasRedis, startRedis, type TestRedis } from '../support/redis-server.js';
import { type RedisNode, RedisNodes } from '../support/redis-topologies.js';
import { type RunningApp, runApp } from './running-app.js';
import { type SpawnedApp, spawnApp } from './spawned-app.js';

(hasRedis ? describe : describe.skip)('the example app with REDIS_URL', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());

  let first: RunningApp;
  let second: ExampleApp;
  let spawned: SpawnedApp | undefined;
  afterEach(async () => {
    await spawned?.stop();
    spawned = undefined;
    await second?.close();
    await first?.close();
    await redis.sendCommand('FLUSHALL');
  });

  it.each(['session', 'redis'])(
    'shares sessions and tokens between processes (POLAR_STORAGE=%s)',
    async (storage) => {
      const env = {
        REDIS_URL: redis.url,
        POLAR_STORAGE: storage,
        SESSION_SECRET: 'only for tests',
        EXPOSE_TOKEN: '1',
      };
      first = await runApp(env);
      second = await startSecond(first, env);
      const browser = first.browser();
      await browser.logIn();
      // Both have one cookie jar, since cookies ignore ports.
      const onSecond = new Browser(second.url);
      onSecond.agent.jar = browser.agent.jar;

      const before = await browser.token();
      expect(await onSecond.token()).toBe(before);
      expect((await browser.post('/refresh')).status).toBe(200);
      const after = await browser.token();
      expect(after).not.toBe(before);

      // The session is as it was at login; a process that was away reads the rest from the record.
      expect((await onSecond.get('/organizations')).status).toBe(200);
      expect(await onSecond.token()).toBe(after);
      expect(first.emulator.requests.filter(({ grantType }) => grantType === 'refresh_token')).toHaveLength(
        1,
      );

      const keys = await keysIn(redis.url);
      expect(keys.filter((key) => key.startsWith('sess:'))).not.toEqual([]);
      // One row of tokens, one of the login attempt, and no lock.
      const isRow = storage === 'redis' ? /^polar:\{[0-9a-f]{32}\}:[0-9a-f]{32}$/ : /^sess:[0-9a-f]{32}$/;
      expect(keys.filter((key) => isRow.test(key))).toHaveLength(2);

      await onSecond.post('/logout');
      expect((await browser.get('/me')).status).toBe(401);
    },
    30_000,
  );

  it('keeps the tokens of a refresh in progress when it ends on SIGTERM', async () => {
    const env = { REDIS_URL: redis.url, SESSION_SECRET: 'only for tests', EXPOSE_TOKEN: '1' };
    first = await runApp(env);
    const elsewhere = first.browser();
    await elsewhere.logIn();
    const ending = await spawnApp({ ...env, ...sameApp(first) });
    spawned = ending;
    const browser = new Browser(ending.url);
    browser.agent.jar = elsewhere.agent.jar;
    const before = await browser.token();

    // Longer than a request waits for Polar.
    first.emulator.fail('token', { delayMs: 11_000 });
    const refreshed = browser.post('/refresh').then(({ status }) => status);
    const refreshes = () => first.emulator.requests.filter(({ grantType }) => grantType === 'refresh_token');
    for (let waited = 0; refreshes().length === 0; waited++) {
      expect(waited).toBeLessThan(500);
      await delay(20);
    }
    expect(await ending.stop()).toBe(0);
    expect(await refreshed).toBe(503);

    second = await startSecond(first, env);
    const later = new Browser(second.url);
    later.agent.jar = browser.agent.jar;
    const after = await later.token();
    expect(after).not.toBe(before);
    expect(first.emulator.liveTokens().map(({ accessToken }) => accessToken)).toEqual([after]);
    expect(refreshes()).toHaveLength(1);
  });
});

(hasRedis ? describe : describe.skip)('the example app with the REDIS_URL of a cluster', () => {
  const nodes = new RedisNodes();
  const user = { username: 'app', password: 'a:b/c' };
  const as = (url: string): string =>
    url.replace('//', `//${user.username}:${encodeURIComponent(user.password)}@`);
  let masters: readonly RedisNode[];
  let alone: RedisNode;
  beforeAll(async () => {
    masters = await nodes.startCluster();
    alone = await nodes.start();
    for (const master of masters)
      await master.send('ACL', 'SETUSER', user.username, 'on', `>${user.password}`, '~*', '+@all');
    for (const master of masters) await master.send('CONFIG', 'SET', 'requirepass', 'only for the admin');
  }, 60_000);
  afterAll(() => nodes.close());

  const started: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const each of started.splice(0).reverse()) await each.close();
  });
  const addresses: [string, () => string][] = [
    [
      'two nodes',
      () =>
        masters
          .slice(1)
          .map(({ url }) => as(url))
          .join(','),
    ],
    ['?cluster=true', () => `${as(masters[0]?.url ?? '')}?cluster=true`],
  ];

  it.each(addresses)('shares sessions and tokens between processes (%s)', async (_how, url) => {
    const env = { REDIS_URL: url(), SESSION_SECRET: 'only for tests', EXPOSE_TOKEN: '1' };
    const first = await runApp(env);
    started.push(first);
    const second = await startSecond(first, env);
    started.push(second);
    // On every node.
    for (let person = 0; person < 8; person++) {
      const browser = first.browser();
      await browser.logIn();
      const onSecond = new Browser(second.url);
      onSecond.agent.jar = browser.agent.jar;
      expect((await browser.post('/refresh')).status).toBe(200);
      const token = await browser.token();
      expect(await onSecond.token()).toBe(token);
      expect(first.emulator.liveTokens().map(({ accessToken }) => accessToken)).toContain(token);
    }
    for (const master of masters) expect(Number(await master.send('DBSIZE'))).toBeGreaterThan(0);
  });

  it.each<[string, () => string, string]>([
    ['a node of a cluster', () => as(masters[0]?.url ?? ''), 'is a node of a cluster. Append ?cluster=true'],
    ['one server that is no cluster', () => `${alone.url}?cluster=true`, 'no Redis cluster responds at'],
  ])('does not start with the address of %s', async (_what, url, message) => {
    const starting = runApp({ REDIS_URL: url() }).then((app) => started.push(app));
    await expect(starting).rejects.toThrow(message);
  });
});

/** The environment with which another process is the same app. */
function sameApp({ emulator, client, url }: RunningApp): Readonly<Record<string, string>> {
  return {
    PORT: '0',
    BASE_URL: url,
    POLAR_CLIENT_ID: client.clientID,
    POLAR_CLIENT_SECRET: String(client.clientSecret),
    POLAR_WEB_URL: emulator.webURL,
    POLAR_API_URL: emulator.apiURL,
  };
}

/** The same app as in another process, with the same client, Polar and Redis. */
function startSecond(app: RunningApp, env: Readonly<Record<string, string>>): Promise<ExampleApp> {
  return startExampleApp(readConfig({ ...env, ...sameApp(app) }), () => {});
}

async function keysIn(url: string): Promise<string[]> {
  const client = createClient({ url });
  await client.connect();
  const keys = await client.keys('*');
  await client.close();
  return keys;
}
