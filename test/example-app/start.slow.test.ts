import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Browser } from '../support/browser.js';
import { giveConsent } from './consent.js';
import { runToEnd, type SpawnedApp, spawnApp } from './spawned-app.js';

describe('the example app as a process', () => {
  let app: SpawnedApp | undefined;
  afterEach(async () => {
    await app?.stop();
    app = undefined;
  });

  it('works without configuration, with a local Polar that it starts itself', async () => {
    app = await spawnApp({ PORT: '0' });
    expect(app.output()).toMatch(/started a local Polar and registered this app there/);
    const browser = new Browser(app.url);
    expect((await browser.get('/')).text).toContain('local stand-in for Polar');

    const callback = new URL(await giveConsent(await browser.startLogin()));
    expect(callback.origin).toBe(app.url);
    const back = await browser.get(callback.pathname + callback.search);
    expect([back.status, back.headers['location']]).toEqual([302, '/']);

    const me = await browser.get('/me');
    expect(me.body).toMatchObject({
      user: { emails: [{ value: 'ada@example.com', verified: true }] },
      scopes: ['openid', 'email', 'organizations:read'],
    });
    const refreshed = await browser.post('/refresh');
    expect([refreshed.status, refreshed.body.scopes]).toEqual([200, me.body.scopes]);
    expect(refreshed.body.expiresAt).not.toBe(me.body.expiresAt);
    const organizations = await browser.get('/organizations');
    expect(organizations.body.items).toHaveLength(2);

    expect((await browser.post('/logout')).status).toBe(302);
    expect((await browser.get('/me')).status).toBe(401);
  });

  it('ends cleanly on SIGTERM', async () => {
    app = await spawnApp({ PORT: '0' });
    const open = await fetch(app.url); // leaves a connection open
    await open.text();
    expect(await app.stop()).toBe(0);
    expect(app.output()).toMatch(/listening on http:\/\/localhost:\d+\n$/);
  });

  it.each(['stop', 'interrupt'] as const)(
    'ends cleanly when npm start gets the signal to %s',
    async (how) => {
      app = await spawnApp({ PORT: '0' }, 'npm');
      expect(await app[how]()).toBe(0);
      // npm ends only after the app.
      await expect(fetch(app.url)).rejects.toThrow();
    },
    30_000,
  );

  it.each([
    ['the first one again', 50, 0],
    ['the order to end at once', 700, 1],
  ])(
    'treats a second signal as %s when it comes after %d ms',
    async (_what, afterMs, code) => {
      app = await spawnApp({ PORT: '0' });
      const socket = await requestUnderWay(app.url);
      const ended = app.stop();
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      void app.interrupt();
      expect(await ended).toBe(code);
      socket.destroy();
    },
    30_000,
  );

  it('names an invalid variable in one line', async () => {
    const { code, output } = await runToEnd({ PORT: 'abc' });
    expect(code).toBe(1);
    expect(output).toBe(
      "The example app cannot start: PORT must be a whole number from 0 to 65535, not 'abc'\n",
    );
  });

  it('ends when its port is taken', async () => {
    const other = createServer().listen(0);
    const { port } = other.address() as AddressInfo;
    const { code, output } = await runToEnd({ PORT: String(port) });
    other.close();
    expect(code).toBe(1);
    expect(output).toMatch(new RegExp(`PORT ${port} is in use`));
  });

  it('ends when Redis does not respond', async () => {
    const { code, output } = await runToEnd({ PORT: '0', REDIS_URL: 'redis://:secret@127.0.0.1:1' });
    expect(code).toBe(1);
    expect(output).toBe('The example app cannot start: REDIS_URL: no Redis responds at 127.0.0.1:1\n');
  });
});

/** An unfinished request, for which the app waits for a while when it ends. */
async function requestUnderWay(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), 'localhost');
  socket.on('error', () => {}).write('GET / HTTP/1.1\r\nhost:');
  await new Promise((resolve) => setTimeout(resolve, 200));
  return socket;
}
