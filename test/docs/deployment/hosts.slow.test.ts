/** docs/deployment.md: the `trust proxy` of each host, with the headers that its documentation says it sends. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import session from 'express-session';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { neededProgram } from '../../support/needed-program.js';
import { SiteBrowser } from '../../support/site-browser.js';
import { closeServer } from '../../support/test-app.js';
import { startTLSProxy, type TLSProxy } from '../../support/tls-proxy.js';
import { projectFile } from '../shown-code.js';
import { createApp } from './app.js';

const origin = 'https://app.shop.example';
const client = '203.0.113.7';
const edge = '172.70.247.28';
const list = (...addresses: (string | string[] | undefined)[]): string =>
  addresses.flat().filter(Boolean).join(', ');

/** What each host adds to what the client has sent. Where it is not documented that a header is removed, it stays. */
const hosts: Record<string, (sent: IncomingHttpHeaders) => IncomingHttpHeaders> = {
  Heroku: (sent) => ({
    ...sent,
    'x-forwarded-for': list(sent['x-forwarded-for'], client),
    'x-forwarded-proto': 'https',
    'x-forwarded-port': '443',
    'x-request-start': '1764277200000',
    via: '1.1 heroku-router',
  }),
  'Fly.io': (sent) => ({
    ...sent,
    'x-forwarded-for': list(sent['x-forwarded-for'], client, '66.241.124.1'),
    'x-forwarded-proto': 'https',
    'x-forwarded-port': '443',
    'x-forwarded-ssl': 'on',
    'fly-client-ip': client,
    'fly-forwarded-port': '443',
    via: '2 fly.io',
  }),
  Render: (sent) => ({
    ...sent,
    'x-forwarded-for': list(sent['x-forwarded-for'], client, edge, '10.19.6.53'),
    'x-forwarded-proto': 'https',
    'cf-connecting-ip': client,
    'true-client-ip': client,
    'cf-visitor': '{"scheme":"https"}',
  }),
  Vercel: (sent) => ({
    ...sent,
    'x-forwarded-for': client,
    'x-real-ip': client,
    'x-forwarded-host': sent.host,
    'x-forwarded-proto': 'https',
  }),
  Cloudflare: (sent) => ({
    ...sent,
    'x-forwarded-for': list(sent['x-forwarded-for'], client),
    'x-forwarded-proto': 'https',
    'cf-connecting-ip': client,
    'cf-visitor': '{"scheme":"https"}',
  }),
  'Cloudflare Tunnel': (sent) => ({
    ...sent,
    'x-forwarded-for': list(sent['x-forwarded-for'], client),
    'x-forwarded-proto': 'https',
    'cf-connecting-ip': client,
    'cf-visitor': '{"scheme":"https"}',
  }),
};

const [, table = ''] = /^## Trust proxy\n([\s\S]*?)^## /m.exec(projectFile('docs/deployment.md')) ?? [];

/** The second column of the guide's table of hosts. */
const trustProxies = new Map(
  [...table.matchAll(/^\| \[?([A-Za-z][\w. ]+?)\]?(?:\([^)]*\))? \| `(\S+?)`/gm)].map(
    ([, host = '', value = '']) => [host, /^\d+$/.test(value) ? Number(value) : value.replaceAll("'", '')],
  ),
);

let emulator: PolarEmulator;
let proxy: TLSProxy;
let server: Server;

const openssl = neededProgram(['openssl'], 'apt-get install openssl');
const withOpenSSL = openssl === undefined ? describe.skip : describe;

beforeEach(async () => {
  if (openssl === undefined) return;
  emulator = await startPolarEmulator({ consent: 'auto' });
  proxy = await startTLSProxy();
});
afterEach(async () => {
  await Promise.all([proxy?.close(), emulator?.close(), server && closeServer(server)]);
});

async function start(host: string): Promise<SiteBrowser> {
  const { clientID, clientSecret } = emulator.registerClient({
    redirectURIs: [`${origin}/auth/polar/callback`],
  });
  const trustProxy = trustProxies.get(host);
  if (trustProxy === undefined) throw new Error(`The guide says nothing about ${host}`);
  const { app } = createApp({
    baseURL: origin,
    trustProxy,
    sessionSecret: 'only for tests',
    store: new session.MemoryStore(),
    polar: { clientID, clientSecret, server: emulator.server, now: emulator.now },
  });
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  proxy.headers = hosts[host] as TLSProxy['headers'];
  return new SiteBrowser({ origin, port: proxy.port, certificate: proxy.certificate });
}

withOpenSSL.each(Object.keys(hosts))('on %s, with the trust proxy of the guide,', (host) => {
  it('users log in and out, with a secure session cookie', async () => {
    const browser = await start(host);
    const loggedIn = await browser.logIn();
    expect([loggedIn.status, loggedIn.headers['location']]).toEqual([302, `${origin}/`]);
    expect(String(loggedIn.headers['set-cookie'])).toMatch(/connect\.sid=.*; Secure/);
    expect((await browser.get('/')).body.user).not.toBeNull();
    await browser.post('/logout').expect(302);
    expect((await browser.get('/')).body.user).toBeNull();
  });

  it('req.ip is the address of the client, also if the client claims another one', async () => {
    const browser = await start(host);
    expect((await browser.get('/ip')).text).toBe(client);
    expect((await browser.get('/ip').set('X-Forwarded-For', '6.6.6.6')).text).toBe(client);
  });

  it.each<[string, Record<string, string>]>([
    ['X-Forwarded-Host', { 'X-Forwarded-Host': 'evil.example' }],
    ['X-Forwarded-Proto', { 'X-Forwarded-Proto': 'http' }],
    ['X-Forwarded-For', { 'X-Forwarded-For': '6.6.6.6' }],
    ['X-Forwarded-Prefix', { 'X-Forwarded-Prefix': '/evil' }],
    ['Forwarded', { Forwarded: 'host=evil.example;proto=http;for=6.6.6.6' }],
  ])('a forged %s leads a login nowhere else', async (_header, forged) => {
    const browser = await start(host);
    const { status, headers } = await browser.get('/auth/polar').set(forged);
    const seen = proxy.headers({
      host: new URL(origin).host,
      'x-forwarded-host': forged['X-Forwarded-Host'],
    });
    // A host that lets X-Forwarded-Host through: nobody but the forger's own browser is refused.
    if (seen['x-forwarded-host'] === 'evil.example') return expect(status).toBe(500);
    expect(status).toBe(302);
    const page = new URL(String(headers['location']));
    expect(page.origin).toBe(emulator.url);
    expect(page.searchParams.get('redirect_uri')).toBe(`${origin}/auth/polar/callback`);
    const guard = await browser.get('/organizations').set({ Accept: 'text/html', ...forged });
    expect(String(guard.headers['location'])).toMatch(/^\/auth\/polar\?/);
  });
});

it('the guide’s table has each of these hosts, and nginx', () => {
  expect([...trustProxies.keys()].sort()).toEqual([...Object.keys(hosts), 'nginx'].sort());
});
