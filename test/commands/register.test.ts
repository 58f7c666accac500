import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PolarRegistrationClient } from 'passport-polar-sh';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { serverToRegisterAt } from '../../src/commands/register-server';
import { runCommand } from '../../src/commands/run-command';
import { answersJSON, startMisbehavingServer } from '../support/misbehaving-server.js';
import { Terminal } from '../support/terminal';

const LOCAL = 'http://localhost:3000/auth/polar/callback';

let emulator: PolarEmulator;
let folder: string;
let envFile: string;

beforeAll(async () => {
  emulator = await startPolarEmulator();
});
afterAll(() => emulator.close());
beforeEach(() => {
  emulator.reset();
  folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-register-'));
  envFile = join(folder, '.env');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]): Promise<Terminal> {
  const terminal = new Terminal(...args);
  await runCommand(terminal);
  return terminal;
}

const register = (...args: string[]) => run('register', '--server', emulator.url, ...args);

/** The variables of a text, as a shell or dotenv reads them. */
function variablesIn(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^(?:export )?(\w+)=(.*?)\r?$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
}

/** What has been registered, as Polar describes it. */
function describeClient(environment: Record<string, string>) {
  return new PolarRegistrationClient({ server: emulator.server }).readRegistration({
    clientID: environment['POLAR_CLIENT_ID'] ?? '',
    registrationAccessToken: environment['POLAR_REGISTRATION_ACCESS_TOKEN'],
  });
}

const registered = () =>
  emulator.requests.filter(({ method, status }) => method === 'POST' && status === 201);
const secretsIn = (text: string) => text.match(/polar_(cs|crt)_\w+/g) ?? [];

describe('passport-polar-sh register', () => {
  it('registers a client, and prints an environment that works', async () => {
    const terminal = await register();
    const environment = variablesIn(terminal.out);
    expect(environment).toEqual({
      POLAR_WEB_URL: emulator.url,
      POLAR_API_URL: emulator.url,
      POLAR_CLIENT_ID: expect.stringMatching(/^polar_ci_/),
      POLAR_CLIENT_SECRET: expect.stringMatching(/^polar_cs_/),
      POLAR_REGISTRATION_ACCESS_TOKEN: expect.stringMatching(/^polar_crt_/),
    });
    expect(await describeClient(environment)).toMatchObject({
      clientSecret: environment['POLAR_CLIENT_SECRET'],
      clientName: 'My app',
      redirectURIs: [LOCAL],
      scope: ['openid', 'email'],
      tokenEndpointAuthMethod: 'client_secret_post',
    });
    // Nothing but variables and comments: the lines may go through `eval`.
    for (const line of terminal.out.trimEnd().split('\n')) expect(line).toMatch(/^(# |\w+=)/);
    expect([terminal.error, terminal.exitCode]).toEqual(['', undefined]);
  });

  it('says of the client what it is told to', async () => {
    const other = 'https://app.example/auth/polar/callback';
    const { out } = await register(
      ...['--redirect-uri', LOCAL, `--redirect-uri=${other}`, '--name', 'Reports for $1'],
      ...['--scope', 'openid organizations:read'],
    );
    expect(out).toContain(`# A Polar client that is called back at ${LOCAL} or ${other}\n`);
    expect(await describeClient(variablesIn(out))).toMatchObject({
      clientName: 'Reports for $1',
      redirectURIs: [LOCAL, other],
      scope: ['openid', 'organizations:read'],
    });
  });

  it('registers a public client, which has no secret', async () => {
    const environment = variablesIn((await register('--public')).out);
    expect(Object.keys(environment)).not.toContain('POLAR_CLIENT_SECRET');
    expect(await describeClient(environment)).toMatchObject({ tokenEndpointAuthMethod: 'none' });
  });

  it('writes no file unless it is told to', async () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      await register();
    } finally {
      process.chdir(before);
    }
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('without --server', () => {
  async function runWith(env: Record<string, string>, typed?: string): Promise<Terminal> {
    const terminal = new Terminal('register');
    Object.assign(terminal.env, env);
    if (typed !== undefined) {
      terminal.stdin.isTTY = true;
      terminal.stdin.end(typed);
    }
    await runCommand(terminal);
    return terminal;
  }

  it('registers nowhere when nobody can be asked, least of all in production', async () => {
    const terminal = await runWith({});
    expect(terminal.error).toBe(
      'passport-polar-sh register: Say where to register: --server takes sandbox, production or the address of a local Polar. Try --help.\n',
    );
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
  });

  it.each([
    ['what is typed', (url: string) => `${url}\n`],
    ['also where the input ends', (url: string) => ` ${url}`],
  ])('asks at a terminal, not where the lines go, and takes %s', async (_what, typed) => {
    const terminal = await runWith({}, typed(emulator.url));
    expect(terminal.error).toMatch(/^Where to register\? .*: $/);
    expect(variablesIn(terminal.out)).toMatchObject({ POLAR_API_URL: emulator.url });
    expect([registered().length, terminal.exitCode]).toEqual([1, undefined]);
  });

  it.each(['', '\n', 'staging\n'])('registers nowhere when %j is typed', async (typed) => {
    const terminal = await runWith({}, typed);
    expect(terminal.error).toContain(`not '${typed.trim()}'. Try --help.`);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
  });

  it('registers at the Polar of the environment, and says so', async () => {
    const terminal = await runWith({ POLAR_API_URL: ` ${emulator.url} ` }, 'production\n');
    expect(terminal.error).toBe(`Registering at ${emulator.url}, as POLAR_API_URL says.\n`);
    expect(variablesIn(terminal.out)).toMatchObject({
      POLAR_WEB_URL: emulator.url,
      POLAR_API_URL: emulator.url,
    });
    expect(registered()).toHaveLength(1);
  });

  it('hands on the pages’ address of the environment', async () => {
    const web = 'http://localhost:4100';
    const { out } = await runWith({ POLAR_API_URL: emulator.url, POLAR_WEB_URL: web });
    expect(variablesIn(out)).toMatchObject({ POLAR_WEB_URL: web, POLAR_API_URL: emulator.url });
  });

  it.each([
    ['localhost:4100', "POLAR_API_URL must be an address, not 'localhost:4100'. Try --help."],
    ['http://polar:4100', 'POLAR_API_URL must use https (plain http only on localhost)'],
  ])('says what is wrong with the environment: %s', async (POLAR_API_URL, message) => {
    const terminal = await runWith({ POLAR_API_URL });
    expect(terminal.error).toContain(message);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
  });

  it.each([
    ['https://api.polar.sh', 'production'],
    ['https://polar.sh/', 'production'],
    ['https://sandbox-api.polar.sh/', 'sandbox'],
    ['https://sandbox.polar.sh', 'sandbox'],
  ])('knows %s by its name', async (address, name) => {
    expect(await serverToRegisterAt(address, new Terminal())).toBe(name);
  });
});

describe('--write-env', () => {
  it('makes a file for its owner alone, and prints no secret', async () => {
    const terminal = await register('--write-env', envFile);
    const text = readFileSync(envFile, 'utf8');
    expect(statSync(envFile).mode & 0o777).toBe(0o600);
    expect(secretsIn(text)).toHaveLength(2);
    expect(await describeClient(variablesIn(text))).toMatchObject({ redirectURIs: [LOCAL] });
    expect(secretsIn(terminal.out + terminal.error)).toEqual([]);
    expect(terminal.out).toContain(envFile);
    expect([terminal.error, terminal.exitCode]).toEqual(['', undefined]);
  });

  it.each([
    [
      'other lines',
      '# mine\nPORT=3000\n\nSESSION_SECRET="a b"\n',
      ['# mine', 'PORT=3000', '', 'SESSION_SECRET="a b"'],
    ],
    ['no newline at the end', 'PORT=3000', ['PORT=3000']],
    ['nothing in it', '', []],
    [
      'names that look alike',
      'MY_POLAR_CLIENT_ID=x\n#POLAR_CLIENT_ID=y\n',
      ['MY_POLAR_CLIENT_ID=x', '#POLAR_CLIENT_ID=y'],
    ],
  ])('adds to a file with %s', async (_what, before, kept) => {
    writeFileSync(envFile, before);
    await register('--write-env', envFile);
    const lines = readFileSync(envFile, 'utf8').split('\n');
    expect(lines.slice(0, kept.length)).toEqual(kept);
    expect(lines.slice(kept.length).map((line) => line.split('=')[0])).toEqual([
      'POLAR_WEB_URL',
      'POLAR_API_URL',
      'POLAR_CLIENT_ID',
      'POLAR_CLIENT_SECRET',
      'POLAR_REGISTRATION_ACCESS_TOKEN',
      '',
    ]);
  });

  it('keeps the line ends of a file from Windows', async () => {
    writeFileSync(envFile, 'PORT=3000\r\nPOLAR_CLIENT_ID=old\r\nHOST=x\r\n');
    await register('--write-env', envFile);
    const text = readFileSync(envFile, 'utf8');
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(text).toMatch(/^PORT=3000\r\nPOLAR_CLIENT_ID=polar_ci_\w+\r\nHOST=x\r\n/);
  });

  it('replaces what sets the same variables where it stands, with its export', async () => {
    const before = [
      'export POLAR_CLIENT_SECRET=old',
      'PORT=3000',
      '  POLAR_CLIENT_ID = old',
      'export  POLAR_CLIENT_ID=older',
      'POLAR_API_URL=',
    ];
    writeFileSync(envFile, before.join('\n'));
    await register('--write-env', envFile);
    const lines = readFileSync(envFile, 'utf8').split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^export POLAR_CLIENT_SECRET=polar_cs_/),
      'PORT=3000',
      expect.stringMatching(/^ {2}POLAR_CLIENT_ID=polar_ci_/),
      `POLAR_API_URL=${emulator.url}`,
      `POLAR_WEB_URL=${emulator.url}`,
      expect.stringMatching(/^POLAR_REGISTRATION_ACCESS_TOKEN=polar_crt_/),
      '',
    ]);
  });

  it('leaves nothing of an earlier client: no secret to a public one, no other server', async () => {
    writeFileSync(envFile, 'POLAR_SERVER=sandbox\nPOLAR_CLIENT_SECRET=old\nPORT=1\n');
    await register('--public', '--write-env', envFile);
    const text = readFileSync(envFile, 'utf8');
    expect(text).toMatch(/^PORT=1\n/);
    expect(Object.keys(variablesIn(text))).toEqual([
      'PORT',
      'POLAR_WEB_URL',
      'POLAR_API_URL',
      'POLAR_CLIENT_ID',
      'POLAR_REGISTRATION_ACCESS_TOKEN',
    ]);
  });

  it('keeps the mode of a file that is there', async () => {
    writeFileSync(envFile, '');
    chmodSync(envFile, 0o640);
    await register('--write-env', envFile);
    expect(statSync(envFile).mode & 0o777).toBe(0o640);
  });

  it.each([
    ['in a folder that is not there', () => join(folder, 'no', '.env'), 'ENOENT'],
    ['that is a folder', () => folder, 'EISDIR'],
    ['below a file', () => join(__filename, '.env'), 'ENOTDIR'],
  ])('%s: says so, and registers nothing', async (_what, path, reason) => {
    const terminal = await register('--write-env', path());
    expect(terminal.error).toMatch(new RegExp(`^passport-polar-sh register: .*${reason}.*\n$`));
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
    expect(emulator.requests).toEqual([]);
  });

  it('that cannot be written after all: the secret is printed, not lost', async () => {
    const going = register('--write-env', envFile);
    emulator.fail('register', { delayMs: 100 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    mkdirSync(envFile); // somebody was faster
    const terminal = await going;
    const environment = variablesIn(terminal.out);
    expect(await describeClient(environment)).toMatchObject({ redirectURIs: [LOCAL] });
    expect(terminal.error).toContain('is registered');
    expect(terminal.error).toContain('EISDIR');
    expect(secretsIn(terminal.error)).toEqual([]);
    expect(terminal.exitCode).toBe(1);
  });
});

const RENAMED = '--env-file is called --write-env now, since node takes --env-file for its own. Try --help.';

describe('goes wrong in one line on stderr', () => {
  it.each([
    [['--redirect-url', LOCAL], "Unknown option '--redirect-url'. Try --help."],
    [['-x'], "Unknown option '-x'. Try --help."],
    [[LOCAL], `Unexpected argument '${LOCAL}'. Try --help.`],
    [
      ['--server', 'staging'],
      "--server takes sandbox, production or the address of a local Polar, not 'staging'. Try --help.",
    ],
    [
      ['--server', ''],
      "--server takes sandbox, production or the address of a local Polar, not ''. Try --help.",
    ],
    [
      ['--server', 'http://polar.example'],
      expect.stringMatching(/^--server must use https .* Try --help\.$/),
    ],
    [['--server', 'http://'], expect.stringContaining('--server takes sandbox, production or')],
    [['--write-env', ''], '--write-env takes a path. Try --help.'],
    [['--env-file', '.env'], RENAMED],
    [['--env-file=.env'], RENAMED],
    [['--env-file'], RENAMED],
    [['--redirect-uri'], expect.stringMatching(/argument missing.* Try --help\.$/)],
  ])('with exit code 2, and nothing is sent: %p', async (args, message) => {
    const terminal = await register(...args);
    expect(terminal.error.split('\n')).toEqual([expect.stringMatching(/^passport-polar-sh register: /), '']);
    expect(terminal.error.replace('passport-polar-sh register: ', '').trim()).toEqual(message);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
    expect(emulator.requests).toEqual([]);
  });

  it.each([
    [['--redirect-uri', 'http://app.example/cb'], 'redirect_uris.0: Value error, An HTTPS URL is required.'],
    [['--redirect-uri', LOCAL, '--redirect-uri', 'nonsense'], 'redirect_uris.1: '],
    [['--scope', 'openid nope'], "When this command was made, Polar had no scope 'nope'."],
    [
      ['--scope', 'openid,organization:read orders.read x'],
      "Polar had no scope 'organization:read' (did you mean 'organizations:read'?), 'orders.read' (did you mean 'orders:read'?), 'x'.",
    ],
  ])('with exit code 1 when Polar refuses: %p', async (args, message) => {
    const terminal = await register(...args, '--write-env', envFile);
    expect(terminal.error.split('\n')).toEqual([expect.stringContaining(message), '']);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
    expect(readdirSync(folder)).toEqual([]);
    expect(registered()).toEqual([]);
  });

  it.each([
    ['down', 'reset-before', 'Is the server reachable from here?'],
    ['busy', { status: 429 }, 'It asks to be tried again in 60 s.'],
    ['in trouble', { status: 500 }, 'answered 500'],
    ['no Polar', 'html', 'Check the server option'],
  ] as const)('with exit code 1 when Polar is %s', async (_what, fault, message) => {
    emulator.fail('register', fault);
    const terminal = await register('--write-env', envFile);
    expect(terminal.error.split('\n')).toEqual([expect.stringContaining(message), '']);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('what a server answers', () => {
  const answer = { client_id: 'polar_ci_1', redirect_uris: [LOCAL] };

  async function registerAt(more: object): Promise<Terminal> {
    const server = await startMisbehavingServer(answersJSON({ ...answer, ...more }, 201));
    const terminal = await run('register', '--server', server.url);
    await server.close();
    return terminal;
  }

  it('is quoted where a shell would read more into it', async () => {
    const { out } = await registerAt({ client_secret: 'a $(touch x) `y` # z' });
    expect(out).toContain("\nPOLAR_CLIENT_SECRET='a $(touch x) `y` # z'\n");
  });

  it.each([
    [{ client_secret: 'x\nPATH=/evil' }],
    [{ client_secret: "x'; rm y; '" }],
    [{ client_id: 'polar_ci_1\r\nPATH=/evil' }],
  ])('is refused when it cannot stand on a line: %j', async (more) => {
    const terminal = await registerAt(more);
    expect(terminal.error).toMatch(
      /^passport-polar-sh register: The value of POLAR_\w+ has characters .*\n$/,
    );
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
  });

  it('ends no comment', async () => {
    const { out } = await registerAt({ redirect_uris: [`${LOCAL}\nPATH=/evil`] });
    expect(out).not.toMatch(/^PATH/m);
  });
});

describe('passport-polar-sh', () => {
  it.each([[[]], [['--help']], [['-h']], [['help']]])('%p tells the commands', async (args) => {
    const terminal = await run(...args);
    expect(terminal.out).toMatch(/^Usage: passport-polar-sh <command>/);
    for (const command of ['register', 'emulator']) expect(terminal.out).toContain(`  ${command} `);
    expect([terminal.error, terminal.exitCode]).toEqual(['', undefined]);
  });

  it.each(['--help', '-h'])('register %s shows the options, and does nothing', async (help) => {
    const terminal = await register(help, '--write-env', envFile);
    expect(terminal.out).toMatch(/^Usage: passport-polar-sh register/);
    for (const option of ['redirect-uri', 'scope', 'name', 'server', 'public', 'write-env', 'help'])
      expect(terminal.out).toMatch(new RegExp(`^ {2}--${option} `, 'm'));
    expect(emulator.requests).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('knows no other command', async () => {
    const terminal = await run('login');
    expect(terminal.error).toMatch(/^passport-polar-sh: there is no command 'login'\.\n\nUsage:/);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
  });
});
