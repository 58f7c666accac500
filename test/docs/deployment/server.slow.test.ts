/** server.ts of docs/deployment.md, as a process over Redis, until SIGTERM. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { freePort } from '../../support/free-port.js';
import { hasRedis, startRedis } from '../../support/redis-server.js';
import { runningFile } from '../shown-code.js';

let child: ChildProcess | undefined;
afterEach(() => void child?.kill('SIGKILL'));

(hasRedis ? describe : describe.skip)('the server of the guide to deployments', () => {
  it('starts from its environment, and on SIGTERM ends by itself after its health check has failed', async () => {
    const [redis, polar, port] = await Promise.all([startRedis(), startPolarEmulator(), freePort()]);
    const [, ...args] = runningFile('deployment', 'Procfile').trim().replace('web: ', '').split(' ');
    child = spawn(process.execPath, args, {
      cwd: resolve(__dirname),
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        PORT: String(port),
        BASE_URL: 'https://app.shop.example',
        TRUST_PROXY: '1',
        REDIS_URL: redis.url,
        SESSION_SECRET: 'only for tests',
        POLAR_CLIENT_ID: 'polar_ci_test',
        POLAR_SERVER: polar.url,
      },
    });
    const exited = once(child, 'exit');
    const get = (path: string) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'app.shop.example' },
        redirect: 'manual',
      });
    const status = (): Promise<number> =>
      get('/health').then(
        (response) => response.status,
        () => 0,
      );
    while ((await status()) !== 200) await delay(100);
    const location = (await get('/auth/polar')).headers.get('location') ?? '';
    expect(new URL(location).origin).toBe(polar.url);

    child.kill('SIGTERM');
    while ((await status()) === 200) await delay(50);
    expect(await status()).toBe(503);
    // Other requests still succeed.
    expect((await get('/')).status).toBe(200);
    expect(await exited).toEqual([0, null]);
    await Promise.all([redis.close(), polar.close()]);
  });
});
