import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from 'redis';
import { readConfig } from '../../example-app/config.js';
import { type ExampleApp, startExampleApp } from '../../example-app/start.js';
import { Browser } from '../support/browser.js';
import { neededProgram } from './needed-program.js';
import { type RunningApp, runApp } from './running-app.js';

const program = neededProgram(['redis-server'], 'apt-get install redis-server');

(program === undefined ? describe.skip : describe)('with REDIS_URL', () => {
  let redis: { url: string; process: ChildProcess; folder: string };
  beforeAll(async () => {
    redis = await startRedis(program as string);
  });
  afterAll(async () => {
    redis.process.kill();
    await once(redis.process, 'exit');
    rmSync(redis.folder, { recursive: true, force: true });
  });

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

async function startRedis(path: string): Promise<{ url: string; process: ChildProcess; folder: string }> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'example-app-redis-'));
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder,
  ];
  const process = spawn(path, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((ready, failed) => {
    process.stdout?.on('data', (chunk) => /Ready to accept connections/.test(String(chunk)) && ready());
    process.once('exit', (code) => failed(new Error(`redis-server ended with ${code}`)));
  });
  return { url: `redis://127.0.0.1:${port}`, process, folder };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
