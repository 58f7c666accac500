/** What the command doctor says about a Polar that cannot be reached, or is not one. */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { doctorCommand } from '../../../src/commands/doctor-command';
import { freePort } from '../../support/free-port';
import {
  answersJSON,
  answersText,
  type Behaviour,
  neverAnswers,
  redirects,
  resets,
  startMisbehavingServer,
  stopsInTheMiddle,
} from '../../support/misbehaving-server';
import { startTLSProxy } from '../../support/tls-proxy';
import { examine, type Row, terminalWith } from './support/run-doctor';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function emulated(): Promise<PolarEmulator> {
  const emulator = await startPolarEmulator();
  closing.push(() => emulator.close());
  return emulator;
}

const client = { POLAR_CLIENT_ID: 'polar_ci_1', POLAR_CLIENT_SECRET: 'polar_cs_1' };

/** The rows about Polar. */
const aboutPolar = (rows: readonly Row[]) =>
  Object.fromEntries(rows.slice(9, 14).map(({ check, result }) => [check, result]));
const onlyPolarFailed = {
  polar: 'failed',
  clock: 'skipped',
  client: 'skipped',
  'redirect-uri': 'skipped',
  scopes: 'skipped',
};

describe('a Polar that cannot be reached', () => {
  it('fails one row, and the rows that need it are skipped', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const { row, rows, terminal } = await examine([], { ...client, POLAR_SERVER: url });
    expect(aboutPolar(rows)).toEqual(onlyPolarFailed);
    expect(row('polar').found).toBe(`${url} is unreachable: the connection is refused (ECONNREFUSED)`);
    expect(terminal.exitCode).toBe(1);
  });

  it.each([
    ['ENOTFOUND', 'its name cannot be resolved', 'name resolution'],
    ['EAI_AGAIN', 'its name cannot be resolved', 'name resolution'],
    ['UND_ERR_CONNECT_TIMEOUT', 'it does not respond in time', 'firewall'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'its certificate is not trusted', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'its certificate is not trusted', 'NODE_EXTRA_CA_CERTS'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another host', 'Check the address'],
    ['CERT_HAS_EXPIRED', 'its certificate is not valid at this time', 'clock'],
    ['CERT_NOT_YET_VALID', 'its certificate is not valid at this time', 'clock'],
    ['EPROTO', 'TLS fails', 'https'],
    ['HPE_INVALID_CONSTANT', 'it does not speak HTTP', 'port'],
    ['ENETUNREACH', 'there is no route to it', 'network'],
    ['ESOMETHING', 'the request failed', 'network'],
  ])('because of %s: %s', async (code, found, remedy) => {
    // Codes of a network that a test cannot have, as fetch rejects with them.
    const failing = async (): Promise<Response> => {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('secret'), { code }) });
    };
    const { row, terminal } = await examine(['--server', 'sandbox'], client, { fetch: failing });
    expect(row('polar')).toMatchObject({
      result: 'failed',
      found: `https://sandbox-api.polar.sh is unreachable: ${found} (${code})`,
      remedy: expect.stringContaining(remedy),
    });
    expect(terminal.out).not.toContain('"secret"');
  });

  it('behind a proxy that Node.js was not told to use says how', async () => {
    const failing = async (): Promise<Response> => {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ENOTFOUND' }) });
    };
    const env = { ...client, HTTPS_PROXY: 'http://me:proxy-password@proxy.example:3128' };
    const { row, terminal } = await examine(['--server', 'sandbox'], env, { fetch: failing });
    expect(row('polar').remedy).toMatch(/^HTTPS_PROXY is set, .* NODE_USE_ENV_PROXY=1/);
    expect(terminal.out).not.toContain('proxy-password');
    const told = await examine(
      ['--server', 'sandbox'],
      { ...env, NODE_USE_ENV_PROXY: '1' },
      { fetch: failing },
    );
    expect(told.row('polar').remedy).toContain('name resolution');
  });

  it('because its certificate signs itself: says how to trust it', async () => {
    const proxy = await startTLSProxy();
    closing.push(() => proxy.close());
    proxy.target = (await emulated()).url;
    const server = ['--server', `https://127.0.0.1:${proxy.port}`];
    const { row, rows } = await examine(server, client);
    expect(aboutPolar(rows)).toEqual(onlyPolarFailed);
    expect(row('polar')).toMatchObject({
      found: expect.stringContaining('its certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)'),
      remedy: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
  });

  it('because it speaks no TLS', async () => {
    const { url } = await emulated();
    const { row } = await examine(['--server', url.replace('http:', 'https:')], client);
    expect(row('polar').found).toMatch(/TLS fails \((EPROTO|ERR_SSL_\w+)\)$/);
  });
});

describe('a black hole', () => {
  it.each<[string, Behaviour | undefined]>([
    ['that accepts connections and never says a word', undefined],
    ['that never responds', neverAnswers],
    ['that stops in the middle of a response', stopsInTheMiddle],
  ])('%s ends the command by its own limits', async (_what, behaviour) => {
    let url: string;
    if (behaviour === undefined) {
      const server = createServer(() => {}).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      closing.push(async () => server.close());
    } else {
      const server = await startMisbehavingServer(behaviour);
      url = server.url;
      closing.push(() => server.close());
    }
    const { row, rows } = await examine(['--server', url], client, { requestMs: 300 });
    expect(row('polar').found).toBe(`${url} is unreachable: it does not respond in time (timeout)`);
    expect(aboutPolar(rows)).toEqual(onlyPolarFailed);
  });

  it('takes less than ten seconds: the limits that the command has by default add up to it', async () => {
    const server = await startMisbehavingServer(neverAnswers);
    closing.push(() => server.close());
    const limits: number[] = [];
    const { setTimeout: real } = globalThis;
    // Time flies: each timer fires after a thousandth of its time, and its time is noted.
    globalThis.setTimeout = ((run: () => void, ms = 0, ...rest: []) => {
      limits.push(ms);
      return real(run, ms / 1000, ...rest);
    }) as typeof setTimeout;
    try {
      const terminal = terminalWith(client);
      await doctorCommand(['--server', server.url], terminal);
      expect(terminal.exitCode).toBe(1);
    } finally {
      globalThis.setTimeout = real;
    }
    const longest = Math.max(...limits.filter((ms) => ms < 1e6));
    expect(longest).toBe(8000);
  });
});

describe('something else than Polar', () => {
  it.each<[string, Behaviour, string]>([
    ['another API', answersJSON({}), 'but not as Polar does'],
    ['a page', answersText('<html>Welcome to the Wi-Fi'), 'but not as Polar does (malformed_response)'],
    ['a missing page', answersJSON({ detail: 'Not Found' }, 404), 'but not as Polar does'],
    ['a redirect', redirects('https://login.example/'), 'but not as Polar does (unexpected_redirect)'],
    ['a connection that is cut off', resets, 'the connection is cut off'],
  ])('fails: %s', async (_what, behaviour, found) => {
    const server = await startMisbehavingServer(behaviour);
    closing.push(() => server.close());
    const { row } = await examine(['--server', server.url], client);
    expect(row('polar')).toMatchObject({ result: 'failed', found: expect.stringContaining(found) });
  });

  it.each([
    [{ status: 429 }, 'rate_limited'],
    [{ status: 503 }, 'server_error'],
  ] as const)('a Polar that responds with %j is busy, and nothing is decided', async (fault, code) => {
    const emulator = await emulated();
    for (const endpoint of ['jwks', 'introspect', 'token', 'api'] as const)
      emulator.fail(endpoint, { ...fault }, 10);
    const { rows, terminal } = await examine(['--server', emulator.url], client);
    for (const check of ['polar', 'client', 'redirect-uri', 'scopes'])
      expect(rows.find((row) => row.check === check)).toMatchObject({
        result: 'warning',
        found: expect.stringContaining(code),
      });
    expect(terminal.exitCode).toBe(0);
  });
});

describe('the clock', () => {
  it.each([
    [3_600_000, 'failed', 'is 60 min ahead of'],
    [-3_600_000, 'failed', 'is 60 min behind'],
    [50_000, 'failed', 's ahead of'],
    [-86_400_000, 'failed', 'is 24 h behind'],
    [20_000, 'warning', 's ahead of'],
    [0, 'ok', "agrees with Polar's clock"],
  ])('that is %d ms off: %s', async (offMs, result, found) => {
    const { url } = await emulated();
    const now = () => Date.now() + offMs;
    const { row } = await examine(['--server', url], client, { now });
    expect(row('clock')).toMatchObject({ result, found: expect.stringContaining(found) });
    expect(row('clock').remedy === null).toBe(result === 'ok');
  });

  it('is not judged by a response that was slow to come', async () => {
    const { url } = await emulated();
    const times = [0, 40_000].map((ms) => Date.now() - 20_000 + ms);
    const { row } = await examine(['--server', url], client, { now: () => times.shift() ?? Date.now() });
    expect(row('clock').result).toBe('ok');
  });

  it('is not judged without a Date header', async () => {
    const server = await startMisbehavingServer((res) => {
      res.sendDate = false;
      res.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}');
    });
    closing.push(() => server.close());
    const { row } = await examine(['--server', server.url], client);
    expect([row('polar').result, row('clock').result]).toEqual(['ok', 'skipped']);
  });
});
