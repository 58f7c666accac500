import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PolarEmulatorClientMetadata } from 'passport-polar-sh/emulator';
import { runCommand } from '../../src/commands/run-command';
import { answersJSON, startMisbehavingServer } from '../support/misbehaving-server.js';
import { Terminal } from '../support/terminal';
import { APP, LocalClient, preview } from './support/local-client';

const local = new LocalClient();

describe('passport-polar-sh redirect-uris', () => {
  it.each([
    ['add', APP, 'already registered'],
    ['add', 'HTTPS://APP.example:443/auth/polar/callback', 'already registered'],
    ['remove', preview(9), 'not registered'],
  ])('writes nothing when there is nothing to change: %s %s', async (action, uri, said) => {
    const terminal = await local.run([action, uri]);
    expect([terminal.out, terminal.error, terminal.exitCode]).toEqual([
      expect.stringMatching(new RegExp(`^Nothing to do: https://\\S+ is ${said}\n$`)),
      '',
      undefined,
    ]);
    expect(local.writes()).toBe(0);
  });

  it.each([
    ['https://a.co', 'https://a.co/'],
    ['http://localhost:3000/cb', 'http://localhost:3000/cb'],
    ['http://app.localhost/cb', 'http://app.localhost/cb'],
    ['http://192.168.1.20/cb', 'http://192.168.1.20/cb'],
    ['https://bücher.de/ü', 'https://xn--bcher-kva.de/%C3%BC'],
    ['myapp://callback', 'myapp://callback'],
  ])('adds and removes %s as Polar normalizes it', async (uri, spelled) => {
    expect((await local.run(['add', uri])).out).toBe(`Added ${spelled}\n`);
    expect(await local.redirectURIs()).toEqual([APP, spelled]);
    expect((await local.run(['remove', uri])).out).toBe(`Removed ${spelled}\n`);
    expect(await local.redirectURIs()).toEqual([APP]);
  });

  const kinds: [string, Partial<PolarEmulatorClientMetadata>][] = [
    ['a confidential client', {}],
    ['a public client', { tokenEndpointAuthMethod: 'none' }],
    [
      'a client that uses Basic, with a name of its own',
      { tokenEndpointAuthMethod: 'client_secret_basic', name: 'Ünï' },
    ],
    ['a client without scopes that cannot refresh', { scope: '', grantTypes: ['authorization_code'] }],
    ['a client whose logins are for one organization by default', { defaultSubType: 'organization' }],
  ];
  it.each(kinds)('leaves everything else about %s unchanged', async (_kind, metadata) => {
    local.register(metadata);
    const { redirect_uris: _old, ...before } = (await local.registration()).raw;
    expect((await local.run(['add', preview(7)])).error).toBe('');
    expect((await local.registration()).raw).toEqual({
      ...before,
      redirect_uris: [APP, preview(7)],
    });
  });

  it('leaves the other addresses of a client unchanged', async () => {
    const registration = await local.registrations.register({
      clientName: 'My app',
      redirectURIs: [APP, 'https://a.co'],
      scope: 'openid',
      clientURI: 'https://app.example/',
      logoURI: 'https://app.example/logo.png',
      tosURI: 'https://app.example/terms',
      policyURI: 'https://app.example/privacy',
    });
    const { clientID, registrationAccessToken = '' } = registration;
    const access = { POLAR_CLIENT_ID: clientID, POLAR_REGISTRATION_ACCESS_TOKEN: registrationAccessToken };
    expect((await local.run(['remove', 'https://a.co'], { ...local.environment(), ...access })).out).toBe(
      'Removed https://a.co/\n',
    );
    const { raw } = await local.registrations.readRegistration(registration);
    expect(raw).toEqual({ ...registration.raw, redirect_uris: [APP] });
  });

  it('fails for a client with a grant that registrations cannot have, and leaves it unchanged', async () => {
    local.register({ grantTypes: ['authorization_code', 'web'] });
    const before = (await local.registration()).raw;
    const terminal = await local.run(['add', preview(7)]);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
    expect(terminal.error).toContain('grant_types.1');
    expect((await local.registration()).raw).toEqual(before);
  });

  it('never removes the last redirect URI', async () => {
    const terminal = await local.run(['remove', APP]);
    expect(terminal.error).toBe(
      `passport-polar-sh redirect-uris: ${APP} is the client's last redirect URI, and logins need one. Add another one first.\n`,
    );
    expect([terminal.out, terminal.exitCode, local.writes()]).toEqual(['', 1, 0]);
  });
});

describe('passport-polar-sh redirect-uris --read-env', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-redirect-uris-'));
    file = join(folder, '.env');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('takes the variables that register --write-env wrote', async () => {
    const terminal = new Terminal(
      ...['register', '--server', local.emulator.url, '--redirect-uri', APP, '--write-env', file],
    );
    await runCommand(terminal);
    expect([terminal.error, terminal.exitCode]).toEqual(['', undefined]);
    const { error, out } = await local.run(['list', '--read-env', file], {});
    expect([error, out]).toEqual(['', `${APP}\n`]);
  });

  it('prefers variables of the environment', async () => {
    writeFileSync(file, 'POLAR_CLIENT_ID=polar_ci_of_the_file\n');
    expect((await local.run(['list', '--read-env', file])).out).toBe(`${APP}\n`);
  });

  it.each([
    [['--read-env', 'missing.env'], '--read-env cannot read the file: ENOENT'],
    [['--env-file=.env'], '--env-file is called --read-env here, because node has its own --env-file.'],
  ])('exits with 2 and sends nothing: %j', async (args, message) => {
    const terminal = await local.run(['list', ...args]);
    expect([terminal.error, terminal.exitCode]).toEqual([expect.stringContaining(message), 2]);
    expect(local.emulator.requests).toEqual([]);
  });

  it('is what the command suggests if the variables are missing', async () => {
    const terminal = await local.run(['list'], {});
    expect(terminal.error).toBe(
      'passport-polar-sh redirect-uris: POLAR_CLIENT_ID is not set: use the value that the command register printed, or pass the file that it wrote with --read-env. Try --help.\n',
    );
  });

  it('is not what the file of a local Polar can replace, and the command says what does', async () => {
    const terminal = await local.run(['list'], { POLAR_CLIENT_ID: 'polar_ci_local' });
    expect(terminal.error).toContain(
      'the client of a local Polar has none: start the emulator with --redirect-uri instead. Try --help.\n',
    );
  });
});

describe('passport-polar-sh redirect-uris, with a server that differs from Polar,', () => {
  const metadata = {
    client_id: 'polar_ci_1',
    client_name: 'My app',
    redirect_uris: [APP],
    scope: 'openid',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    response_types: ['code'],
  };

  async function runAt(read: object, update: object, args = ['add', preview(7)]) {
    const server = await startMisbehavingServer((res, request) => {
      answersJSON(request.method === 'GET' ? read : update)(res, request);
    });
    const env = {
      POLAR_API_URL: server.url,
      POLAR_CLIENT_ID: 'polar_ci_1',
      POLAR_REGISTRATION_ACCESS_TOKEN: 'polar_crt_1',
    };
    const terminal = await local.run(args, env);
    await server.close();
    return { terminal, sent: server.requests.map(({ method }) => method) };
  }

  it.each(['client_name', 'scope', 'token_endpoint_auth_method', 'grant_types', 'response_types'])(
    'does not reset %s when the server omits it',
    async (field) => {
      const { [field as 'scope']: _left, ...rest } = metadata;
      const { terminal, sent } = await runAt(rest, rest);
      expect(terminal.error).toContain(`Polar's response lacks the client's ${field},`);
      expect([terminal.exitCode, sent]).toEqual([1, ['GET']]);
    },
  );

  it('reports the names of fields that changed unexpectedly', async () => {
    const update = {
      ...metadata,
      redirect_uris: [APP, preview(7)],
      client_secret: 'polar_cs_new',
      scope: '',
    };
    const { terminal } = await runAt(metadata, update);
    expect(terminal.error).toContain("so did the client's scope, client_secret");
    expect(terminal.error).not.toContain('polar_cs_new');
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
  });

  it('reports an ignored change without trying again', async () => {
    const { terminal, sent } = await runAt(metadata, metadata);
    expect(terminal.error).toContain('its response lists');
    expect([terminal.exitCode, sent]).toEqual([1, ['GET', 'PUT']]);
  });

  it('strips line breaks and control characters from redirect URIs', async () => {
    const { terminal } = await runAt(
      { ...metadata, redirect_uris: [`${APP}\nhttps://x\u001b[2J`] },
      metadata,
      ['list'],
    );
    expect(terminal.out).toBe(`${APP} https://x [2J\n`);
  });
});

describe('a failure of passport-polar-sh redirect-uris', () => {
  it.each([
    [[], {}, 'Expected list, add or remove.'],
    [['show'], {}, "Expected list, add or remove, not 'show'."],
    [['list', APP], {}, `Unexpected argument '${APP}'.`],
    [['add', APP, 'x'], {}, "Unexpected argument 'x'."],
    [['add'], {}, 'add needs an absolute URI without a fragment, such as'],
    [['add', '/auth/polar/callback'], {}, 'add needs an absolute URI'],
    [['remove', `${APP}#x`], {}, 'remove needs an absolute URI'],
    [['add', `${APP}#`], {}, 'add needs an absolute URI without a fragment'],
    [
      ['add', 'http://app.example/cb'],
      {},
      'Polar accepts https, or http on localhost and private IPv4 addresses',
    ],
    [['list', '--token', 'x'], {}, "Unknown option '--token'"],
    [['list', '--server', 'staging'], {}, '--server must be sandbox, production or'],
    [['list'], { POLAR_CLIENT_ID: '' }, 'POLAR_CLIENT_ID is not set'],
    [['list'], { POLAR_REGISTRATION_ACCESS_TOKEN: ' ' }, 'POLAR_REGISTRATION_ACCESS_TOKEN is not set'],
    [
      ['list'],
      { POLAR_REGISTRATION_ACCESS_TOKEN: 'of two words' },
      'POLAR_REGISTRATION_ACCESS_TOKEN has invalid characters',
    ],
    [['list'], { POLAR_API_URL: '' }, 'Set --server to the server of the client'],
    [
      ['list'],
      { POLAR_API_URL: '', POLAR_SERVER: 'staging' },
      "POLAR_SERVER must be sandbox, production or the address of a local Polar, not 'staging'",
    ],
    [['list'], { POLAR_API_URL: 'http://polar.example' }, 'POLAR_API_URL must use https'],
  ])('exits with 2, prints one line and sends nothing: %j %j', async (args, env, message) => {
    const terminal = await local.run(args, { ...local.environment(), ...env });
    expect(terminal.error.split('\n')).toEqual([expect.stringContaining(message), '']);
    expect(terminal.error).toMatch(/^passport-polar-sh redirect-uris: .* Try --help\.$/m);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
    expect(local.emulator.requests).toEqual([]);
  });

  it.each([
    ['down', 'reset-before', 'Check that the server is reachable.'],
    ['busy', { status: 429 }, 'Try again in 60 s.'],
    ['in trouble', { status: 500 }, 'returned 500'],
  ] as const)(
    'exits with 1 and prints one line with an address when Polar is %s',
    async (_what, fault, message) => {
      local.emulator.fail('register', fault, Infinity);
      const terminal = await local.run(['add', preview(7)]);
      local.emulator.heal();
      expect(terminal.error.split('\n')).toEqual([expect.stringContaining(message), '']);
      expect(terminal.error).toMatch(/ See https:\S+\/troubleshooting\.md#\w+\n$/);
      expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
    },
  );

  it('exits with 1 when the client is gone', async () => {
    await local.registrations.deleteRegistration(local.client);
    const terminal = await local.run(['list']);
    expect(terminal.error).toContain('that the client still exists');
    expect(terminal.exitCode).toBe(1);
  });
});

it('passport-polar-sh redirect-uris never shows the secret or the token', async () => {
  const shown: string[] = [];
  const wrong = {
    ...local.environment(),
    POLAR_REGISTRATION_ACCESS_TOKEN: `${local.client.registrationAccessToken}x`,
  };
  for (const args of [['list'], ['add', preview(7)], ['remove', preview(7)], ['remove', APP], ['x']])
    for (const env of [local.environment(), wrong]) {
      const { out, error } = await local.run(args, env);
      shown.push(out, error);
    }
  for (const secret of [local.client.clientSecret, local.client.registrationAccessToken])
    expect(shown.join('')).not.toContain(secret);
});

it('passport-polar-sh redirect-uris prints its usage with --help and is in the list of commands', async () => {
  const terminal = new Terminal('redirect-uris', '--help');
  await runCommand(terminal);
  expect(terminal.out).toMatch(/^Usage: passport-polar-sh redirect-uris list/);
  for (const name of ['POLAR_CLIENT_ID', 'POLAR_REGISTRATION_ACCESS_TOKEN', '--server', '--read-env'])
    expect(terminal.out).toContain(`  ${name} `);
  const all = new Terminal();
  await runCommand(all);
  expect(all.out).toContain('  redirect-uris ');
});
