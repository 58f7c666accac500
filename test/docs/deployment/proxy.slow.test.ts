/** docs/outgoing-proxy.md: every request to Polar goes through a real proxy. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { Browser } from '../../support/browser.js';
import { type ForwardProxy, startForwardProxy } from '../../support/forward-proxy.js';
import { neededProgram } from '../../support/needed-program.js';
import { startTLSProxy, type TLSProxy } from '../../support/tls-proxy.js';

// A name that only the proxy can resolve.
const POLAR = 'polar.shop.example';
const CALLBACK = 'http://localhost:3000/auth/polar/callback';

/** As the guide says, fetch reads the environment from these versions on. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const hasEnvProxy = major >= 24 || (major === 22 && minor >= 21);

let emulator: PolarEmulator;
let tls: TLSProxy;
let proxy: ForwardProxy;
let folder: string;
let app: ChildProcess | undefined;

const openssl = neededProgram(['openssl'], 'apt-get install openssl');
const withOpenSSL = openssl === undefined ? describe.skip : describe;

beforeEach(async () => {
  if (openssl === undefined) return;
  // Access tokens of a login that need a refresh at once.
  emulator = await startPolarEmulator({ consent: 'auto', lifetimes: { loginAccessTokenSeconds: 1 } });
  tls = await startTLSProxy();
  tls.target = emulator.url;
  proxy = await startForwardProxy({ [POLAR]: tls.port });
  folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-proxy-'));
  writeFileSync(join(folder, 'ca.pem'), tls.certificate);
});
afterEach(async () => {
  if (app?.exitCode === null) {
    app.kill();
    await once(app, 'close');
  }
  await Promise.all([proxy?.close(), tls?.close(), emulator?.close()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the app as a process and waits until it listens. */
async function start(env: Readonly<Record<string, string>>): Promise<Browser> {
  const { clientID, clientSecret = '' } = emulator.registerClient({ redirectURIs: [CALLBACK] });
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/docs/deployment/proxied-app.ts'], {
    cwd: resolve(__dirname, '../../..'),
    env: {
      PATH: process.env['PATH'],
      POLAR_CLIENT_ID: clientID,
      POLAR_CLIENT_SECRET: clientSecret,
      POLAR_WEB_URL: emulator.url,
      POLAR_API_URL: `https://${POLAR}`,
      NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
      ...env,
    },
  });
  app = child;
  const url = await new Promise<string>((started, failed) => {
    let output = '';
    const read = (chunk: Buffer): void => {
      output += String(chunk);
      const found = /listening on (\S+)\n/.exec(output)?.[1];
      if (found !== undefined) started(found);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('close', () => failed(new Error(output)));
  });
  return new Browser(url);
}

async function useApp(browser: Browser): Promise<void> {
  const callback = await browser.visitPolar(await browser.startLogin());
  const { status, headers } = await browser.get(callback.replace('http://localhost:3000', ''));
  expect([status, headers['location']]).toEqual([302, '/']);
  const { body } = await browser.get('/organizations');
  expect(body.items.length).toBeGreaterThan(0);
  await browser.post('/logout').expect(302);
  const asked = emulator.requests.filter(({ endpoint }) => endpoint !== 'authorize');
  expect(asked.map(({ endpoint, grantType, status }) => [grantType ?? endpoint, status])).toEqual([
    ['authorization_code', 200],
    ['jwks', 200],
    ['refresh_token', 200],
    ['api', 200],
    ['revoke', 200],
  ]);
  expect(new Set(proxy.visited)).toEqual(new Set([`${POLAR}:443`]));
}

async function expectNothingThere(browser: Browser): Promise<void> {
  const callback = await browser.visitPolar(await browser.startLogin());
  const { status } = await browser.get(callback.replace('http://localhost:3000', ''));
  expect([status, proxy.visited]).toEqual([503, []]);
}

withOpenSSL('an app behind a proxy', () => {
  it('sends every request through it with the fetch option', async () => {
    await useApp(await start({ PROXY_URL: proxy.url }));
  });

  it('sends every request through it with NODE_USE_ENV_PROXY, from the version that the guide names', async () => {
    const browser = await start({ NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: proxy.url });
    await (hasEnvProxy ? useApp(browser) : expectNothingThere(browser));
  });

  it('reaches nothing without either', async () => {
    await expectNothingThere(await start({ HTTPS_PROXY: proxy.url }));
  });
});
