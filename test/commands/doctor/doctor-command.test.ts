import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type PolarEmulator,
  type PolarEmulatorClient,
  type PolarEmulatorClientMetadata,
  startPolarEmulator,
} from 'passport-polar-sh/emulator';
import { doctorCommand } from '../../../src/commands/doctor-command';
import { runCommand } from '../../../src/commands/run-command';
import { Terminal } from '../../support/terminal';
import { examine, root, terminalWith } from './support/run-doctor';

const LOCAL = 'http://localhost:3000/auth/polar/callback';
const SESSION_SECRET = 'a-session-secret-of-more-than-32-letters';

let emulator: PolarEmulator;
let sandbox: PolarEmulator;
let client: PolarEmulatorClient;
beforeAll(async () => {
  [emulator, sandbox] = await Promise.all([startPolarEmulator(), startPolarEmulator()]);
});
afterAll(() => Promise.all([emulator.close(), sandbox.close()]));
beforeEach(() => {
  emulator.reset();
  sandbox.reset();
  client = register();
});

function register(metadata: Partial<PolarEmulatorClientMetadata> = {}): PolarEmulatorClient {
  return emulator.registerClient({ redirectURIs: [LOCAL], scope: 'openid email', ...metadata });
}

function environment(of: PolarEmulatorClient = client): Record<string, string> {
  return {
    POLAR_SERVER: emulator.url,
    POLAR_CLIENT_ID: of.clientID,
    ...(of.clientSecret !== undefined && { POLAR_CLIENT_SECRET: of.clientSecret }),
    SESSION_SECRET,
  };
}

/** Sends what is meant for Polar's own servers to the emulators. */
const atPolar = (input: string, init: RequestInit) =>
  fetch(
    input.replace('https://api.polar.sh', emulator.url).replace('https://sandbox-api.polar.sh', sandbox.url),
    init,
  );

const everyCheck = [
  ...['node', 'node-env', 'express-session', 'passport', 'express', 'polar-server', 'polar-client-id'],
  ...['polar-client-secret', 'session-secret', 'polar', 'clock', 'client', 'redirect-uri', 'scopes'],
  ...['session-store', 'redis', 'postgres'],
];

describe('passport-polar-sh doctor', () => {
  it('finds nothing wrong with an app that is set up well', async () => {
    const { rows, terminal } = await examine([], environment());
    expect(rows.map(({ check }) => check)).toEqual(everyCheck);
    expect(rows.filter(({ result }) => result !== 'ok')).toEqual([
      expect.objectContaining({ check: 'session-store', result: 'skipped' }),
      { check: 'redis', result: 'skipped', found: 'REDIS_URL is not set', remedy: null },
      { check: 'postgres', result: 'skipped', found: 'DATABASE_URL is not set', remedy: null },
    ]);
    expect([terminal.error, terminal.exitCode]).toEqual(['', 0]);
  });

  it('changes nothing at Polar and signs nobody in', async () => {
    await examine([], environment());
    expect(emulator.requests.map(({ method, path }) => `${method} ${path.split('?')[0]}`).sort()).toEqual([
      'GET /.well-known/jwks.json',
      'GET /v1/oauth2/authorize',
      'GET /v1/oauth2/authorize',
      'POST /v1/oauth2/introspect',
      'POST /v1/oauth2/token',
    ]);
  });

  it('prints a table with a remedy below each row that needs one, within the width of the terminal', async () => {
    const terminal = terminalWith({ ...environment(), POLAR_CLIENT_SECRET: 'polar_cs_wrong' });
    Object.assign(terminal.stdout, { columns: 80 });
    await doctorCommand([], terminal, { folder: root, checkMs: 60_000 });
    const lines = terminal.out.split('\n');
    expect(lines[0]).toBe('check                result   found');
    expect(lines).toContain('client               failed   Polar knows the client, but the secret is wrong');
    expect(terminal.out).toContain(
      '\n                              -> Set POLAR_CLIENT_SECRET to the secret',
    );
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.at(-2)).toBe('13 ok, 1 failed, 3 skipped');
    expect(terminal.exitCode).toBe(1);
  });

  it('prints one JSON object with the same keys in every row', async () => {
    const { terminal } = await examine([], { ...environment(), POLAR_CLIENT_SECRET: 'polar_cs_wrong' });
    const report = JSON.parse(terminal.out);
    expect(Object.keys(report)).toEqual(['result', 'checks']);
    expect(report.result).toBe('failed');
    for (const row of report.checks) expect(Object.keys(row)).toEqual(['check', 'result', 'found', 'remedy']);
  });

  it('is listed and explains its options', async () => {
    const list = new Terminal();
    await runCommand(Object.assign(list, { argv: ['node', 'passport-polar-sh'] }));
    expect(list.out).toMatch(/^ {2}doctor {2,}check/m);
    const help = new Terminal('doctor', '--help');
    await runCommand(help);
    for (const option of [
      'server',
      'client-id',
      'redirect-uri',
      'scope',
      'session-store',
      'read-env',
      'json',
    ])
      expect(help.out).toMatch(new RegExp(`^ {2}--${option} `, 'm'));
  });

  it('reads a file only when asked, and prefers the environment', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-doctor-'));
    try {
      writeFileSync(join(folder, '.env'), `POLAR_SERVER=nonsense\nPOLAR_CLIENT_ID='${client.clientID}'\n`);
      const env = { POLAR_SERVER: emulator.url };
      const without = await examine([], env, { folder });
      expect(without.row('polar-client-id')).toMatchObject({
        result: 'failed',
        remedy: expect.stringContaining('--read-env .env'),
      });
      const { row } = await examine(['--read-env', '.env'], env, { folder });
      expect(row('polar-server').result).toBe('ok');
      expect(row('redirect-uri').result).toBe('ok');
      // Nor does it see packages of another folder.
      expect([row('passport').result, row('express').result]).toEqual(['failed', 'warning']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    [['--server', 'staging'], '--server is neither production, sandbox nor an address. Try --help.'],
    [['--server', 'http://polar.example'], '--server is not the address of a server. Try --help.'],
    [['polar_cs_1234'], 'Only options are expected. Try --help.'],
    [['--client-secret', 'polar_cs_1234'], "Unknown option '--client-secret'. Try --help."],
    [['--client-secret=polar_cs_1234'], "Unknown option '--client-secret'. Try --help."],
    [
      ['--env-file', '.env'],
      '--env-file is called --read-env here, because node has its own --env-file. Try --help.',
    ],
    [['--read-env', 'missing.env'], expect.stringMatching(/^--read-env cannot read the file: ENOENT/)],
    [['--redirect-uri', '/callback'], expect.stringMatching(/^--redirect-uri must be an absolute URI/)],
    [['--scope', 'openid polar_cs_1234'], expect.stringMatching(/^--scope must be scopes of Polar/)],
    [['--scope', 'openid "x"'], expect.stringMatching(/^--scope must be/)],
  ])('exits with 2, prints one line and sends nothing: %p', async (args, message) => {
    const terminal = terminalWith(environment());
    await doctorCommand(args, terminal, { folder: root });
    expect(terminal.error.split('\n')).toEqual([expect.stringMatching(/^passport-polar-sh doctor: /), '']);
    expect(terminal.error.replace('passport-polar-sh doctor: ', '').trim()).toEqual(message);
    expect(terminal.error).not.toContain('polar_cs_1234');
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
    expect(emulator.requests).toEqual([]);
  });
});

describe('the environment', () => {
  const id = 'polar_ci_0123456789';
  const secret = 'polar_cs_0123456789';

  it.each<[Record<string, string>, string, 'failed' | 'warning', string]>([
    [{ POLAR_CLIENT_ID: '' }, 'polar-client-id', 'failed', 'POLAR_CLIENT_ID is not set'],
    [{ POLAR_CLIENT_ID: `"${id}"` }, 'polar-client-id', 'failed', 'POLAR_CLIENT_ID is in quotes'],
    [{ POLAR_CLIENT_ID: `${id} ` }, 'polar-client-id', 'failed', 'white space'],
    [{ POLAR_CLIENT_ID: `${id}\r` }, 'polar-client-id', 'failed', 'white space'],
    [{ POLAR_CLIENT_ID: 'polar_ci_...' }, 'polar-client-id', 'failed', 'is a placeholder'],
    [{ POLAR_CLIENT_ID: 'your-client-id' }, 'polar-client-id', 'failed', 'is a placeholder'],
    [{ POLAR_CLIENT_SECRET: 'polar_cs_your_secret' }, 'polar-client-secret', 'failed', 'is a placeholder'],
    [{ POLAR_CLIENT_ID: secret, POLAR_CLIENT_SECRET: id }, 'polar-client-id', 'failed', 'are swapped'],
    [{ POLAR_CLIENT_ID: secret }, 'polar-client-id', 'failed', 'is a client secret'],
    [{ POLAR_CLIENT_SECRET: `'${secret}'` }, 'polar-client-secret', 'failed', 'in quotes'],
    [{ POLAR_CLIENT_SECRET: `${secret}\n` }, 'polar-client-secret', 'failed', 'white space'],
    [{ POLAR_CLIENT_SECRET: 'polar_oat_1' }, 'polar-client-secret', 'failed', 'an organization access token'],
    [{ POLAR_CLIENT_SECRET: 'polar_crt_1' }, 'polar-client-secret', 'failed', 'a registration access token'],
    [{ POLAR_CLIENT_SECRET: id }, 'polar-client-secret', 'failed', 'is a client id'],
    [{ SESSION_SECRET: '' }, 'session-secret', 'warning', 'SESSION_SECRET is not set'],
    [{ SESSION_SECRET: 'keyboard cat' }, 'session-secret', 'warning', 'easy to guess'],
    [{ SESSION_SECRET: 'x'.repeat(40) }, 'session-secret', 'warning', 'easy to guess'],
    [{ SESSION_SECRET: 'short', NODE_ENV: 'production' }, 'session-secret', 'failed', 'easy to guess'],
    [{ POLAR_SERVER: 'Sandbox' }, 'polar-server', 'failed', 'neither production, sandbox nor an address'],
    [{ POLAR_SERVER: '"sandbox"' }, 'polar-server', 'failed', 'in quotes'],
    [{ POLAR_SERVER: 'http://polar.example' }, 'polar-server', 'failed', 'not the address of a server'],
    [{ POLAR_SERVER: '', POLAR_WEB_URL: 'http://127.0.0.1:1' }, 'polar-server', 'failed', 'only one of'],
    [
      { POLAR_SERVER: '', POLAR_WEB_URL: 'https://polar.sh', POLAR_API_URL: 'https://sandbox-api.polar.sh' },
      'polar-server',
      'failed',
      'parts of two',
    ],
    [
      { POLAR_WEB_URL: 'http://127.0.0.1:1', POLAR_API_URL: 'http://127.0.0.1:1' },
      'polar-server',
      'warning',
      'as well as',
    ],
    [{ NODE_ENV: 'Production' }, 'node-env', 'warning', 'not exactly production'],
  ])('%j: says what is wrong in the row %s', async (env, check, result, found) => {
    const { row, terminal } = await examine([], { ...environment(), ...env });
    expect(row(check)).toMatchObject({ result, found: expect.stringContaining(found) });
    expect(row(check).remedy).toBeTruthy();
    if (result === 'failed') expect(terminal.exitCode).toBe(1);
  });

  it('warns of plain http to another container, as docker compose has it', async () => {
    const env = { POLAR_WEB_URL: 'http://127.0.0.1:4100', POLAR_API_URL: 'http://polar:4100' };
    const { POLAR_SERVER: _, ...others } = environment();
    const { row } = await examine(
      [],
      { ...others, ...env },
      {
        fetch: (input, init) => fetch(input.replace('http://polar:4100', emulator.url), init),
      },
    );
    expect(row('polar-server')).toMatchObject({
      result: 'warning',
      remedy: expect.stringContaining('allowInsecureHTTP'),
    });
    expect([row('polar').result, row('client').result]).toEqual(['ok', 'ok']);
  });

  it.each([
    { POLAR_SERVER: 'http://polar.example' },
    { POLAR_SERVER: '', POLAR_WEB_URL: 'http://203.0.113.9', POLAR_API_URL: 'http://203.0.113.9' },
    { POLAR_CLIENT_SECRET: 'polar_oat_1' },
    { POLAR_CLIENT_ID: 'polar_cs_1' },
  ])('%j: sends no secret to a wrong place, nor a wrong secret anywhere', async (env) => {
    const sent: string[] = [];
    const recording = (input: string, init: RequestInit) => {
      sent.push(`${input} ${init.body}`);
      return fetch(input, init);
    };
    const { row } = await examine([], { ...environment(), ...env }, { fetch: recording });
    expect(row('client').result).toBe('skipped');
    expect(sent.join('\n')).not.toMatch(/polar_(cs|oat)_|example|203/);
  });

  it('warns of an id that no client of Polar has, at Polar only', async () => {
    const env = { POLAR_CLIENT_ID: 'local-app', POLAR_CLIENT_SECRET: 'local-secret' };
    const atLocal = await examine([], { ...environment(), ...env });
    expect([atLocal.row('polar-client-id').result, atLocal.row('polar-client-secret').result]).toEqual([
      'ok',
      'ok',
    ]);
    const { row } = await examine(['--server', 'sandbox'], env, { fetch: atPolar });
    expect([row('polar-client-id').result, row('polar-client-secret').result]).toEqual([
      'warning',
      'warning',
    ]);
  });

  it.each([
    ['v20.18.3', 'failed'],
    ['v20.19.0', 'ok'],
    ['v21.7.0', 'failed'],
    ['v22.11.0', 'failed'],
    ['v22.12.0', 'ok'],
    ['v23.0.0', 'failed'],
    ['v24.0.0', 'ok'],
    ['v26.1.0', 'ok'],
  ])('with Node.js %s: %s', async (nodeVersion, result) => {
    const { row } = await examine([], environment(), { nodeVersion });
    expect(row('node').result).toBe(result);
  });
});

describe('the client', () => {
  const clientRow = async (env: Record<string, string>, server?: string) => {
    const { row } = await examine(server ? ['--server', server] : [], env, { fetch: atPolar });
    return row('client');
  };

  it('with a wrong secret fails', async () => {
    const row = await clientRow({ ...environment(), POLAR_CLIENT_SECRET: 'polar_cs_wrong' });
    expect(row).toMatchObject({ result: 'failed', found: expect.stringContaining('the secret is wrong') });
  });

  it('registered for client_secret_basic needs the option for it', async () => {
    const env = environment(register({ tokenEndpointAuthMethod: 'client_secret_basic' }));
    expect(await clientRow(env)).toMatchObject({
      result: 'warning',
      remedy: expect.stringContaining("tokenEndpointAuthMethod: 'client_secret_basic'"),
    });
    expect((await clientRow({ ...env, POLAR_AUTH_METHOD: 'client_secret_basic' })).result).toBe('ok');
  });

  it('without a secret is checked as a public one', async () => {
    const { clientID } = register({ tokenEndpointAuthMethod: 'none' });
    const env: Record<string, string> = { POLAR_SERVER: emulator.url, POLAR_CLIENT_ID: clientID };
    expect(await clientRow(env)).toMatchObject({ result: 'ok', found: expect.stringContaining('public') });
    expect(await clientRow({ ...env, POLAR_CLIENT_SECRET: 'polar_cs_other' })).toMatchObject({
      result: 'failed',
      found: expect.stringContaining('public one, which has no secret'),
    });
    expect(await clientRow({ ...env, POLAR_CLIENT_ID: client.clientID })).toMatchObject({
      result: 'failed',
      found: expect.stringContaining('POLAR_CLIENT_SECRET is not set'),
    });
  });

  it.each([{}, { POLAR_CLIENT_SECRET: 'polar_cs_1' }])(
    'that Polar does not know fails once, and not in the rows that need it: %j',
    async (env) => {
      const { rows, row } = await examine([], {
        POLAR_SERVER: emulator.url,
        POLAR_CLIENT_ID: 'polar_ci_unknown',
        ...env,
      });
      expect(rows.filter(({ result }) => result === 'failed').map(({ check }) => check)).toEqual(['client']);
      expect([row('redirect-uri').found, row('scopes').found]).toEqual([
        'Polar does not know the client: see client',
        'Polar does not know the client: see client',
      ]);
    },
  );

  it('of the sandbox is recognized at production, and the secret stays at production', async () => {
    const { clientID, clientSecret = '' } = sandbox.registerClient({ redirectURIs: [LOCAL] });
    const env = { POLAR_CLIENT_ID: clientID, POLAR_CLIENT_SECRET: clientSecret };
    expect(await clientRow(env)).toMatchObject({
      result: 'failed',
      found: "the client id belongs to Polar's sandbox",
      remedy: expect.stringContaining('POLAR_SERVER=sandbox'),
    });
    expect(sandbox.requests.map(({ method, path }) => `${method} ${path.split('?')[0]}`)).toEqual([
      'GET /v1/oauth2/authorize',
    ]);
    expect((await clientRow(env, 'sandbox')).result).toBe('ok');
  });
});

it('Express 4 is fine, but the report says what its async handlers need', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-doctor-'));
  try {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(dirname(require.resolve('express4/package.json')), join(folder, 'node_modules/express'));
    const { row } = await examine([], environment(), { folder });
    expect(row('express')).toEqual({
      check: 'express',
      result: 'ok',
      found: expect.stringMatching(/^4\.\d+\.\d+\. Wrap async handlers.*docs\/getting-started\.md#express-4/),
      remedy: null,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('the redirect URI and the scopes', () => {
  it('that are registered need no other scope or redirect URI', async () => {
    const app = 'https://app.example/auth/polar/callback';
    const env = environment(register({ redirectURIs: [LOCAL, app], scope: 'openid email products:read' }));
    const { row } = await examine(['--redirect-uri', app, '--scope', 'products:read,email'], {
      ...env,
      NODE_ENV: 'production',
    });
    expect(row('redirect-uri')).toMatchObject({ result: 'ok', found: `${app} is registered` });
    expect(row('scopes')).toMatchObject({ result: 'ok', found: 'openid products:read email: registered' });
    expect(row('node-env').result).toBe('ok');
  });

  it.each([
    [`${LOCAL}/`, LOCAL],
    [LOCAL.replace('localhost', '127.0.0.1'), LOCAL],
    ['http://app.example/cb', 'https://app.example/cb'],
    ['https://www.app.example/cb', 'https://app.example/cb'],
    ['https://app.example/cb', 'https://app.example/cb/'],
  ])('%s that is not registered points to %s', async (given, registered) => {
    const env = environment(register({ redirectURIs: [registered] }));
    const { row, terminal } = await examine(['--redirect-uri', given], env);
    expect(row('redirect-uri').result).toBe('failed');
    if (!given.startsWith('http://app')) expect(row('redirect-uri').found).toContain(`but ${registered} is`);
    expect(terminal.exitCode).toBe(1);
  });

  it('says how to register a redirect URI that is like no other', async () => {
    const { row } = await examine(['--redirect-uri', 'https://app.example/'], environment());
    expect(row('redirect-uri')).toMatchObject({
      result: 'failed',
      remedy: expect.stringMatching(/redirect-uris add.*a local Polar with its option --redirect-uri/),
    });
  });

  it.each([
    [{}, LOCAL],
    [{ PORT: '4000' }, 'http://localhost:4000/auth/polar/callback'],
    [{ PORT: '80' }, 'http://localhost/auth/polar/callback'],
    [{ PORT: '\\\\.\\pipe\\app' }, LOCAL],
    [{ PORT: '70000' }, LOCAL],
    [{ PORT: '0' }, LOCAL],
  ])('says that the default is one, and takes its port from the environment: %j', async (port, uri) => {
    const advice = expect.stringContaining('--redirect-uri (127.0.0.1 and localhost differ)');
    const registered = environment(register({ redirectURIs: [uri] }));
    const found = expect.stringContaining(`the default of this command, ${uri}, is registered`);
    const known = (await examine([], { ...registered, ...port })).row('redirect-uri');
    expect(known).toEqual({ check: 'redirect-uri', result: 'ok', found, remedy: null });
    expect(known.found).toEqual(advice);
    for (const other of [uri.replace('localhost', '127.0.0.1'), 'https://app.example/']) {
      const env = { ...environment(register({ redirectURIs: [other] })), ...port };
      expect((await examine([], env)).row('redirect-uri')).toEqual({
        check: 'redirect-uri',
        result: 'failed',
        found: expect.stringContaining(`the default of this command, ${uri}, is not registered`),
        remedy: advice,
      });
    }
  });

  it('only warns of its own default in production', async () => {
    const env = environment(register({ redirectURIs: ['https://app.example/'] }));
    expect((await examine([], env)).row('redirect-uri').result).toBe('failed');
    const { row } = await examine([], { ...env, NODE_ENV: 'production' });
    expect(row('redirect-uri')).toMatchObject({
      result: 'warning',
      remedy: expect.stringContaining('--redirect-uri'),
    });
  });

  it('names the scopes that Polar would drop, and what they may have been meant to be', async () => {
    const { row } = await examine(['--scope', 'email products:read organization:read'], environment());
    expect(row('scopes')).toMatchObject({
      result: 'failed',
      found:
        "not registered for this client: products:read organization:read. Unknown to this version of passport-polar-sh: 'organization:read' (did you mean 'organizations:read'?).",
    });
  });
});
