/** Connections that outlive the patience of a load balancer, which resets them at the next request. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { requestsTo } from '../support/emulator-requests.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
let cleanUp: (() => Promise<void>) | undefined;
afterEach(async () => {
  await app.close();
  await cleanUp?.();
  cleanUp = undefined;
});

const sentTo = (endpoint: 'api' | 'token') => requestsTo(app.emulator, endpoint).length;
const routes: TestAppOptions['routes'] = (server) => {
  server.all('/api', async (req, res) => {
    const init = req.method === 'POST' ? { method: 'POST', body: '{}' } : { method: req.method };
    res.status((await req.polar.fetch('/v1/organizations/', init)).status).end();
  });
};

describe('after a reset connection,', () => {
  it('a GET of the API is sent once more', async () => {
    app = await startTestApp({ routes, strategy: { scope: 'openid email organizations:read' } });
    const browser = await app.loggedInBrowser();
    app.emulator.fail('api', 'reset-before', 1);
    expect((await browser.get('/api')).status).toBe(200);
    expect(sentTo('api')).toBe(2);
    app.emulator.fail('api', 'reset-before', 2);
    const again = await browser.get('/api');
    expect([again.status, again.body.code]).toEqual([503, 'network_error']);
    expect(sentTo('api')).toBe(4);
  });

  it('a request that changes something is not sent again', async () => {
    app = await startTestApp({ routes, strategy: { scope: 'openid email organizations:read' } });
    const browser = await app.loggedInBrowser();
    app.emulator.fail('api', 'reset-before', 1);
    expect((await browser.post('/api')).body.code).toBe('network_error');
    expect(sentTo('api')).toBe(1);
  });

  it('the code of a login is sent once more', async () => {
    app = await startTestApp();
    const browser = app.browser();
    app.emulator.fail('token', 'reset-before', 1);
    expect((await browser.logIn()).headers['location']).toBe('/home');
    expect(sentTo('token')).toBe(2);
  });

  it.each(['reset-after', 'half-body'] as const)(
    'a login whose code was used up (%s) reports an error, and nobody is logged in',
    async (fault) => {
      app = await startTestApp();
      const browser = app.browser();
      app.emulator.fail('token', fault, 1);
      expect((await browser.logIn()).body.code).toBe('network_error');
      expect((await browser.get('/me')).body.user).toBeNull();
      expect((await browser.logIn()).headers['location']).toBe('/home');
    },
  );

  it('a refresh is not sent again, as Polar would no longer know the token', async () => {
    app = await startTestApp();
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(864_000);
    const before = sentTo('token');
    app.emulator.fail('token', 'reset-before', 1);
    expect((await browser.get('/token')).body.code).toBe('network_error');
    expect(sentTo('token')).toBe(before + 1);
    expect((await browser.get('/token')).status).toBe(200);
  });
});

it('a login survives a load balancer that resets the kept-alive connection during the exchange', async () => {
  // At the second login, the connection of the first one's exchange is still open, and stale.
  const balancer = await startBalancer();
  cleanUp = balancer.close;
  app = await startTestApp({
    strategy: {
      fetch: (url, init) => {
        const target = new URL(url);
        balancer.target = Number(target.port);
        target.port = String(balancer.port);
        return fetch(target, init);
      },
    },
  });
  const browser = app.browser();
  expect((await browser.logIn()).headers['location']).toBe('/home');
  balancer.resetsIdle = true;
  expect((await browser.logIn()).headers['location']).toBe('/home');
  expect(balancer.resets).toBeGreaterThan(0);
});

/** Forwards connections, and resets one that is used again after it was idle. */
async function startBalancer() {
  const sockets = new Set<Socket>();
  const balancer = { port: 0, target: 0, resetsIdle: false, resets: 0, close: async () => {} };
  const server = createServer((client) => {
    let upstream: Socket | undefined;
    sockets.add(client);
    client.on('error', () => {});
    client.on('close', () => void upstream?.destroy());
    client.on('data', (chunk) => {
      if (upstream !== undefined && balancer.resetsIdle && /^(GET|POST) /.test(chunk.toString('latin1'))) {
        balancer.resets++;
        client.resetAndDestroy();
        return;
      }
      if (upstream === undefined) {
        upstream = connect(balancer.target, '127.0.0.1');
        upstream.on('error', () => client.destroy());
        upstream.on('close', () => client.destroy());
        upstream.pipe(client);
        sockets.add(upstream);
      }
      upstream.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  balancer.port = (server.address() as AddressInfo).port;
  balancer.close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return balancer;
}
