/** Cases in which a doctor could easily mislead: a wrong remedy, or "ok" for what does not work. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type PolarEmulator,
  type PolarEmulatorClient,
  type PolarEmulatorClientMetadata,
  startPolarEmulator,
} from 'passport-polar-sh/emulator';
import { doctorCommand } from '../../../src/commands/doctor-command';
import { examine, root, terminalWith } from './support/run-doctor';

const LOCAL = 'http://localhost:3000/auth/polar/callback';

let emulator: PolarEmulator;
let client: PolarEmulatorClient;
let folder: string;
const servers: Server[] = [];
beforeAll(async () => {
  emulator = await startPolarEmulator();
  client = register();
  folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-doctor-'));
});
afterAll(async () => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
  await emulator.close();
});

function register(metadata: Partial<PolarEmulatorClientMetadata> = {}): PolarEmulatorClient {
  return emulator.registerClient({ redirectURIs: [LOCAL], scope: 'openid email', ...metadata });
}

function environment(of = client, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { clientID, clientSecret } = of;
  return {
    POLAR_SERVER: emulator.url,
    POLAR_CLIENT_ID: clientID,
    ...(clientSecret !== undefined && { POLAR_CLIENT_SECRET: clientSecret }),
    ...more,
  };
}

async function serverThat(respond: RequestListener): Promise<string> {
  const server = createServer(respond).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('passport-polar-sh doctor', () => {
  it('takes an address in any case, as the strategy does', async () => {
    const server = emulator.url.replace('http', 'HTTP').replace('127.0.0.1', 'LOCALHOST');
    const { row } = await examine([], environment(client, { POLAR_SERVER: `${server}/` }));
    expect([row('polar-server').result, row('polar').result]).toEqual(['ok', 'ok']);
  });

  it('warns of variables that are set, but empty, because the strategy refuses them', async () => {
    const refused = async () => {
      throw new TypeError('no network');
    };
    const empty = { POLAR_SERVER: '', POLAR_CLIENT_SECRET: '' };
    const { row } = await examine([], environment(client, empty), { fetch: refused });
    expect(row('polar-server')).toMatchObject({
      result: 'warning',
      found: 'POLAR_SERVER is set, but empty; checked production',
    });
    expect(row('polar-client-secret')).toMatchObject({
      result: 'warning',
      found: 'POLAR_CLIENT_SECRET is set, but empty',
    });
  });

  it.each(['client_secret_post', 'none'] as const)(
    'finds a client (%s) that may not refresh tokens',
    async (tokenEndpointAuthMethod) => {
      const forCodesOnly = register({ tokenEndpointAuthMethod, grantTypes: ['authorization_code'] });
      const { row } = await examine([], environment(forCodesOnly));
      expect(row('client')).toEqual({
        check: 'client',
        result: 'failed',
        found: 'the client may not refresh tokens, so each login ends with its first access token',
        remedy: 'Add refresh_token to the grant types of the client, or register a new one.',
      });
    },
  );

  it('compares the authentication method of the client with POLAR_AUTH_METHOD in both directions', async () => {
    const more = { POLAR_AUTH_METHOD: 'client_secret_basic' };
    const { row } = await examine([], environment(client, more));
    expect(row('client')).toMatchObject({
      result: 'failed',
      found: 'the secret is right, but the client is registered for client_secret_post',
    });
  });

  it.each([
    [{ POLAR_AUTH_METHOD: 'basic' }, 'POLAR_AUTH_METHOD is not an authentication method'],
    [{ POLAR_AUTH_METHOD: 'none' }, 'POLAR_AUTH_METHOD is none, but POLAR_CLIENT_SECRET is set'],
  ])('refuses an authentication method that the strategy would refuse (%j)', async (more, found) => {
    const { row } = await examine([], environment(client, more));
    expect(row('client')).toMatchObject({ result: 'failed', found });
  });

  it('refuses an authentication method that needs a secret for a client without one', async () => {
    const publicClient = register({ tokenEndpointAuthMethod: 'none' });
    const more = { POLAR_AUTH_METHOD: 'client_secret_post' };
    const { row } = await examine([], environment(publicClient, more));
    expect(row('client')).toMatchObject({
      result: 'failed',
      found: 'POLAR_AUTH_METHOD is client_secret_post, but POLAR_CLIENT_SECRET is not set',
    });
  });

  it('names a port that fetch refuses, instead of blaming the network', async () => {
    const { row } = await examine([], environment(client, { POLAR_SERVER: 'http://127.0.0.1:6000' }));
    expect(row('polar')).toMatchObject({
      result: 'failed',
      found: expect.stringContaining('refuse its port'),
      remedy: expect.stringContaining('Use another port'),
    });
  });

  it('shows the spelling of a redirect URI, and the registered one that differs by case only', async () => {
    const { row } = await examine(
      ['--redirect-uri', 'http://localhost:3000/auth/polar/Callback'],
      environment(),
    );
    expect(row('redirect-uri').found).toBe(
      `http://localhost:3000/auth/polar/Callback is not registered, but ${LOCAL} is`,
    );
  });

  it('shows no credentials and no query of a redirect URI', async () => {
    const uri = 'http://me:p4ss@localhost:3000/cb?key=s3cret#part';
    const { row, terminal } = await examine(['--redirect-uri', uri], environment());
    expect(row('redirect-uri').found).toContain('http://…@localhost:3000/cb?… is not registered');
    expect(terminal.out).not.toMatch(/p4ss|s3cret|part/);
  });

  it.each<[string, RequestListener]>([
    ['responds to everything with 401', (_req, res) => res.writeHead(401).end('no')],
    [
      'responds to everything with HTML',
      (_req, res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    ],
    ['redirects everything', (req, res) => res.writeHead(302, { location: req.url }).end()],
  ])('fails once for a server that %s', async (_what, respond) => {
    const POLAR_SERVER = await serverThat(respond);
    const { row } = await examine([], environment(client, { POLAR_SERVER }));
    expect(row('polar').result).toBe('failed');
    for (const check of ['client', 'redirect-uri', 'scopes'])
      expect(row(check)).toMatchObject({
        result: 'skipped',
        found: 'what responds is not a Polar: see polar',
      });
  });

  it.each(['mysql://root:p4ss@127.0.0.1/app', 'file:./dev.db', 'mongodb+srv://u:p4ss@db.example/app'])(
    'leaves a DATABASE_URL of another database alone (%s)',
    async (DATABASE_URL) => {
      const { row, terminal } = await examine([], environment(client, { DATABASE_URL }));
      expect(row('postgres')).toMatchObject({
        result: 'skipped',
        found: 'DATABASE_URL is for another database',
      });
      expect(terminal.out).not.toContain('p4ss');
    },
  );

  it('takes no message of the module of the store for its result', async () => {
    const file = join(folder, 'ready.cjs');
    writeFileSync(
      file,
      `process.send('ready');
process.send({ result: 'ok', found: process.env.POLAR_CLIENT_SECRET });
const session = require(${JSON.stringify(require.resolve('express-session'))});
module.exports = new session.MemoryStore();`,
    );
    const { row } = await examine(['--session-store', file], environment());
    expect(row('session-store')).toMatchObject({
      result: 'ok',
      found: expect.stringMatching(/^works, but in memory/),
    });
  });

  it('shows no text of a server that echoes what it is sent', async () => {
    const POLAR_SERVER = await serverThat((req, res) => {
      const isFirst = req.url?.includes('jwks');
      const text = JSON.stringify(isFirst ? { keys: [] } : { error: `what is ${req.url}?` });
      res.writeHead(isFirst ? 200 : 400, { 'content-type': 'application/json' }).end(text);
    });
    const more = { POLAR_SERVER: `${POLAR_SERVER}/s3cret`, POLAR_CLIENT_ID: 'a-s3cret' };
    const { row, terminal } = await examine([], environment(client, more));
    expect(row('redirect-uri').found).toBe('could not be decided: Polar responds with status 400');
    expect(terminal.out).not.toContain('s3cret');
  });

  it('shows no code of an error that looks like a value', async () => {
    const file = join(folder, 'refuses.cjs');
    writeFileSync(
      file,
      `const session = require(${JSON.stringify(require.resolve('express-session'))});
const store = (module.exports = new session.MemoryStore());
store.set = () => { throw Object.assign(new Error('no'), { code: process.env.POLAR_CLIENT_SECRET }); };`,
    );
    const { row } = await examine(['--session-store', file], environment());
    expect(row('session-store').found).toBe('refuses a row, or its id (Error)');
  });

  it('ends the process once the report is written: name resolution and TLS outlive an aborted request', async () => {
    const steps: string[] = [];
    const terminal = Object.assign(terminalWith(environment()), {
      stdout: {
        write(text: string, written?: () => void) {
          steps.push(text.slice(0, 5));
          written?.();
        },
      },
      exit: () => steps.push(`exit ${terminal.exitCode}`),
    });
    await doctorCommand([], terminal, { folder: root, checkMs: 60_000 });
    expect(steps).toEqual(['check', 'exit 0']);
  });

  it.each([
    ['a byte order mark', Buffer.from('\uFEFFPOLAR_SERVER=sandbox\n')],
    ['UTF-16', Buffer.from('\uFEFFPOLAR_SERVER=sandbox\n', 'utf16le')],
  ])('refuses a file with %s, whose first variable node --env-file would not find', async (_what, bytes) => {
    writeFileSync(join(folder, '.env'), bytes);
    const terminal = terminalWith({});
    await doctorCommand(['--read-env', join(folder, '.env')], terminal, { folder: root });
    expect(terminal.exitCode).toBe(2);
    expect(terminal.error).toContain('save it as UTF-8 without a byte order mark');
  });
});
