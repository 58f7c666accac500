import { readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { answersJSON, startMisbehavingServer } from '../support/misbehaving-server.js';
import type { Terminal } from '../support/terminal';
import { LOCAL, LocalRegistrations, run, variablesIn } from './support/local-registrations';

const local = new LocalRegistrations();

describe('passport-polar-sh register', () => {
  it('registers a client and prints an environment that works', async () => {
    const terminal = await local.register();
    const environment = variablesIn(terminal.out);
    expect(environment).toEqual({
      POLAR_SERVER: local.emulator.url,
      POLAR_CLIENT_ID: expect.stringMatching(/^polar_ci_/),
      POLAR_CLIENT_SECRET: expect.stringMatching(/^polar_cs_/),
      POLAR_REGISTRATION_ACCESS_TOKEN: expect.stringMatching(/^polar_crt_/),
    });
    expect(await local.registration(environment)).toMatchObject({
      clientSecret: environment['POLAR_CLIENT_SECRET'],
      clientName: 'My app',
      redirectURIs: [LOCAL],
      scope: ['openid', 'email'],
      tokenEndpointAuthMethod: 'client_secret_post',
    });
    // Only variables and comments: `eval` may run the lines.
    for (const line of terminal.out.trimEnd().split('\n')) expect(line).toMatch(/^(# |\w+=)/);
    expect([terminal.error, terminal.exitCode]).toEqual(['', undefined]);
  });

  it('sets the name, the redirect URIs and the scopes of its options', async () => {
    const other = 'https://app.example/auth/polar/callback';
    const { out } = await local.register(
      ...['--redirect-uri', LOCAL, `--redirect-uri=${other}`, '--name', 'Reports for $1'],
      ...['--scope', 'openid organizations:read'],
    );
    expect(out).toContain(`# A Polar client with the redirect URI ${LOCAL} or ${other}\n`);
    expect(await local.registration(variablesIn(out))).toMatchObject({
      clientName: 'Reports for $1',
      redirectURIs: [LOCAL, other],
      scope: ['openid', 'organizations:read'],
    });
  });

  it('registers a public client without a secret', async () => {
    const environment = variablesIn((await local.register('--public')).out);
    expect(Object.keys(environment)).not.toContain('POLAR_CLIENT_SECRET');
    expect(await local.registration(environment)).toMatchObject({ tokenEndpointAuthMethod: 'none' });
  });

  it('writes no file without --write-env', async () => {
    const before = process.cwd();
    process.chdir(local.folder);
    try {
      await local.register();
    } finally {
      process.chdir(before);
    }
    expect(readdirSync(local.folder)).toEqual([]);
  });
});

const RENAMED =
  '--env-file is called --write-env or --read-env here, because node has its own --env-file. Try --help.';

describe('a failure of passport-polar-sh register', () => {
  it.each([
    [['--redirect-url', LOCAL], "Unknown option '--redirect-url'. Try --help."],
    [['-x'], "Unknown option '-x'. Try --help."],
    [[LOCAL], `Unexpected argument '${LOCAL}'. Try --help.`],
    [
      ['--server', 'staging'],
      "--server must be sandbox, production or the address of a local Polar, not 'staging'. Try --help.",
    ],
    [
      ['--server', ''],
      "--server must be sandbox, production or the address of a local Polar, not ''. Try --help.",
    ],
    [
      ['--server', 'http://polar.example'],
      expect.stringMatching(/^--server must use https .* Try --help\.$/),
    ],
    [['--server', 'http://'], expect.stringContaining('--server must be sandbox, production or')],
    [['--write-env', ''], '--write-env needs a path. Try --help.'],
    [['--env-file', '.env'], RENAMED],
    [['--env-file=.env'], RENAMED],
    [['--env-file'], RENAMED],
    [['--redirect-uri'], expect.stringMatching(/argument missing.* Try --help\.$/)],
  ])('exits with 2, prints one line and sends nothing: %p', async (args, message) => {
    const terminal = await local.register(...args);
    expect(terminal.error.split('\n')).toEqual([expect.stringMatching(/^passport-polar-sh register: /), '']);
    expect(terminal.error.replace('passport-polar-sh register: ', '').trim()).toEqual(message);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
    expect(local.emulator.requests).toEqual([]);
  });

  it.each([
    [['--redirect-uri', 'http://app.example/cb'], 'redirect_uris.0: Value error, An HTTPS URL is required.'],
    [['--redirect-uri', LOCAL, '--redirect-uri', 'nonsense'], 'redirect_uris.1: '],
    [['--scope', 'openid nope'], "Unknown to this version of passport-polar-sh: 'nope'."],
    [
      ['--scope', 'openid,organization:read orders.read x'],
      "Unknown to this version of passport-polar-sh: 'organization:read' (did you mean 'organizations:read'?), 'orders.read' (did you mean 'orders:read'?), 'x'.",
    ],
  ])('exits with 1 and prints one line when Polar refuses %p', async (args, message) => {
    const terminal = await local.register(...args, '--write-env', local.envFile);
    expect(terminal.error.split('\n')).toEqual([expect.stringContaining(message), '']);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
    expect(readdirSync(local.folder)).toEqual([]);
    expect(local.registered()).toEqual([]);
  });

  it.each([
    ['down', 'reset-before', 'Check that the server is reachable.'],
    ['busy', { status: 429 }, 'Try again in 60 s.'],
    ['in trouble', { status: 500 }, 'returned 500'],
    ['not Polar', 'html', 'Check the server option'],
  ] as const)(
    'exits with 1 and prints one line with an address when the server is %s',
    async (_what, fault, message) => {
      local.emulator.fail('register', fault);
      const terminal = await local.register('--write-env', local.envFile);
      expect(terminal.error.split('\n')).toEqual([expect.stringContaining(message), '']);
      expect(terminal.error).toMatch(/ See https:\S+\/troubleshooting\.md#\w+\n$/);
      expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
      expect(readdirSync(local.folder)).toEqual([]);
    },
  );
});

describe('a value from the server', () => {
  const answer = { client_id: 'polar_ci_1', redirect_uris: [LOCAL] };

  async function registerAt(more: object): Promise<Terminal> {
    const server = await startMisbehavingServer(answersJSON({ ...answer, ...more }, 201));
    const terminal = await run('register', '--server', server.url);
    await server.close();
    return terminal;
  }

  it('is quoted when a shell would expand it', async () => {
    const { out } = await registerAt({ client_secret: 'a $(touch x) `y` # z' });
    expect(out).toContain("\nPOLAR_CLIENT_SECRET='a $(touch x) `y` # z'\n");
  });

  it.each([
    [{ client_secret: 'x\nPATH=/evil' }],
    [{ client_secret: "x'; rm y; '" }],
    [{ client_id: 'polar_ci_1\r\nPATH=/evil' }],
  ])('is refused when it would not fit on one line: %j', async (more) => {
    const terminal = await registerAt(more);
    expect(terminal.error).toMatch(
      /^passport-polar-sh register: The value of POLAR_\w+ has characters .*\n$/,
    );
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
  });

  it('cannot end a comment', async () => {
    const { out } = await registerAt({ redirect_uris: [`${LOCAL}\nPATH=/evil`] });
    expect(out).not.toMatch(/^PATH/m);
  });
});
