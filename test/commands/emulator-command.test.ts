import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PolarEmulator } from 'passport-polar-sh/emulator';
import { emulatorCommand } from '../../src/commands/emulator-command';
import { runCommand } from '../../src/commands/run-command';
import { Terminal } from '../support/terminal';

const running: PolarEmulator[] = [];
afterEach(async () => {
  for (const emulator of running.splice(0)) await emulator.close();
});

async function run(...args: string[]): Promise<{ terminal: Terminal; emulator: PolarEmulator | undefined }> {
  const terminal = new Terminal();
  const emulator = await emulatorCommand(args, terminal);
  if (emulator !== undefined) running.push(emulator);
  return { terminal, emulator };
}

describe('passport-polar-sh emulator', () => {
  it('prints the address on which it listens and an environment that works', async () => {
    const { terminal, emulator } = await run('--user', 'grace@example.com', '--consent', 'auto');
    expect(terminal.out).toContain(`listening on ${emulator?.url}\n`);
    const environment = Object.fromEntries(
      [...terminal.out.matchAll(/^(POLAR_\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
    );
    expect(environment).toEqual({
      POLAR_SERVER: emulator?.url,
      POLAR_CLIENT_ID: expect.stringMatching(/^polar_ci_/),
      POLAR_CLIENT_SECRET: expect.stringMatching(/^polar_cs_/),
    });
    expect([emulator?.user, emulator?.consent]).toEqual(['grace@example.com', 'auto']);
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: environment['POLAR_CLIENT_ID'] ?? '',
      redirect_uri: 'http://localhost:3000/auth/polar/callback',
      scope: 'openid',
    });
    const answer = await fetch(`${emulator?.url}/oauth2/authorize?${query}`, { redirect: 'manual' });
    expect(answer.status).toBe(302);
  });

  it('prints only variables and comments, so that the output can be an environment file', async () => {
    const { terminal } = await run('--realistic', '--client-secret', 'a secret');
    for (const line of terminal.out.trimEnd().split('\n')) expect(line).toMatch(/^(# .*|[A-Z_]+=\S.*|)$/);
    expect(Object.keys(parseEnv(terminal.out))).toEqual([
      ...['POLAR_CLIENT_ID', 'POLAR_CLIENT_SECRET', 'POLAR_SERVER'],
    ]);
    expect(parseEnv(terminal.out)['POLAR_CLIENT_SECRET']).toBe('a secret');
  });

  it('writes the environment to a file and prints no secret', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-emulator-'));
    try {
      const file = join(folder, '.env');
      writeFileSync(file, 'PORT=3000\nPOLAR_API_URL=https://old.example\nPOLAR_CLIENT_ID=old\n');
      const { terminal, emulator } = await run('--write-env', file);
      expect(terminal.out).toMatch(new RegExp(`^# written to ${file}$`, 'm'));
      const environment = parseEnv(readFileSync(file, 'utf8'));
      expect(environment).toEqual({
        PORT: '3000',
        POLAR_CLIENT_ID: expect.stringMatching(/^polar_ci_/),
        POLAR_SERVER: emulator?.url,
        POLAR_CLIENT_SECRET: expect.stringMatching(/^polar_cs_/),
        SESSION_SECRET: expect.stringMatching(/^[\w-]{43}$/),
      });
      expect(terminal.out).not.toContain(environment['POLAR_CLIENT_SECRET']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('stops if the environment cannot be written', async () => {
    const { terminal, emulator } = await run('--write-env', '/dev/null/.env');
    expect(emulator).toBeUndefined();
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
    expect(terminal.error).toMatch(
      /^passport-polar-sh emulator: \/dev\/null\/\.env could not be read or written \(ENOTDIR.*\)\.\n$/,
    );
  });

  it('keeps the client of an app across restarts', async () => {
    const printed = [];
    for (let start = 0; start < 2; start++) {
      const { terminal, emulator } = await run(
        '--client-id',
        'polar_ci_local',
        '--client-secret=polar_cs_local',
      );
      printed.push([...terminal.out.matchAll(/^POLAR_CLIENT_\w+=.*$/gm)].map(String));
      const body = new URLSearchParams({
        grant_type: 'authorization_code',
        code: 'none',
        client_id: 'polar_ci_local',
        client_secret: 'polar_cs_local',
      });
      const answer = await fetch(`${emulator?.url}/v1/oauth2/token`, { method: 'POST', body });
      expect(await answer.json()).toMatchObject({ error: 'invalid_grant' }); // rather than invalid_client
    }
    expect(printed[0]).toEqual(['POLAR_CLIENT_ID=polar_ci_local', 'POLAR_CLIENT_SECRET=polar_cs_local']);
    expect(printed[1]).toEqual(printed[0]);
  });

  describe('with --write-env', () => {
    let folder: string;
    let file: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-emulator-'));
      file = join(folder, '.env');
    });
    afterEach(() => rmSync(folder, { recursive: true }));
    const environment = () => parseEnv(readFileSync(file, 'utf8'));

    async function startTwice(between: (environment: string) => string, ...more: string[]) {
      const first = await run('--write-env', file);
      const before = environment();
      await running.pop()?.close();
      writeFileSync(file, between(readFileSync(file, 'utf8')));
      const { port } = new URL(first.emulator?.url ?? '');
      const { emulator, terminal } = await run('--port', port, '--write-env', file, ...more);
      return { before, after: environment(), emulator, terminal };
    }

    it('keeps the client of the file when it starts again at the same address', async () => {
      const { before, after, emulator, terminal } = await startTwice((text) => text.replaceAll('\n', '\r\n'));
      expect(after).toEqual(before);
      expect(terminal.out).toContain(`# written to ${file}, with the client that it had\n`);
      const credentials = {
        client_id: before['POLAR_CLIENT_ID'] ?? '',
        client_secret: before['POLAR_CLIENT_SECRET'] ?? '',
      };
      const body = new URLSearchParams({
        ...credentials,
        grant_type: 'refresh_token',
        refresh_token: 'none',
      });
      const response = await fetch(`${emulator?.url}/v1/oauth2/token`, { method: 'POST', body });
      expect(await response.json()).toMatchObject({ error: 'invalid_grant' }); // rather than invalid_client
    });

    it.each([
      ['is of another Polar', (text: string) => text.replace(/^POLAR_SERVER=.*$/m, 'POLAR_SERVER=sandbox')],
      ['has no secret', (text: string) => text.replace(/^POLAR_CLIENT_SECRET=.*$/m, '')],
    ])('makes a new client if that of the file %s', async (_what, between) => {
      const { before, after, emulator, terminal } = await startTwice(between);
      expect(after['POLAR_SERVER']).toBe(emulator?.url);
      for (const name of ['POLAR_CLIENT_ID', 'POLAR_CLIENT_SECRET'])
        expect([after[name] === undefined, after[name] === before[name]]).toEqual([false, false]);
      expect(terminal.out).toContain(`# written to ${file}\n`);
    });

    it('prefers --client-id and --client-secret', async () => {
      const { after } = await startTwice(
        String,
        '--client-id=polar_ci_other',
        '--client-secret=polar_cs_other',
      );
      expect(after).toMatchObject({
        POLAR_CLIENT_ID: 'polar_ci_other',
        POLAR_CLIENT_SECRET: 'polar_cs_other',
      });
    });
  });

  it('listens on the address of --host and prints where to reach it', async () => {
    const everywhere = await run('--host', '0.0.0.0');
    const { port } = new URL(everywhere.emulator?.url ?? '');
    expect(everywhere.emulator?.url).toBe(`http://127.0.0.1:${port}`);
    expect((await fetch(`http://127.0.0.2:${port}/`)).status).toBe(200);
    const other = await run('--host=127.0.0.2');
    expect(other.terminal.out).toMatch(/^POLAR_SERVER=http:\/\/127\.0\.0\.2:\d+$/m);
  });

  it('commits late with --realistic', async () => {
    const { emulator, terminal } = await run(
      '--realistic',
      '--consent=auto',
      '--redirect-uri=http://localhost:4000/cb',
    );
    expect(terminal.out).toContain(`A local Polar under load is listening on ${emulator?.url}\n`);
    const client = emulator?.registerClient({ redirectURIs: ['http://localhost:4000/cb'] });
    const query = new URLSearchParams({ response_type: 'code', client_id: client?.clientID ?? '' });
    const path = await emulator?.authorize(`${emulator.url}/oauth2/authorize?${query}`);
    const exchange = async () => {
      const body = new URLSearchParams({
        grant_type: 'authorization_code',
        code: new URLSearchParams(path?.split('?')[1]).get('code') ?? '',
        client_id: client?.clientID ?? '',
        client_secret: client?.clientSecret ?? '',
      });
      return (await fetch(`${emulator?.url}/v1/oauth2/token`, { method: 'POST', body })).status;
    };
    expect(await exchange()).toBe(400);
    await emulator?.settled();
    expect(await exchange()).toBe(200);
  });

  it('accepts several redirect URIs', async () => {
    const { terminal } = await run(
      '--redirect-uri',
      'https://a.co',
      '--redirect-uri=http://localhost:4000/cb',
    );
    expect(terminal.out).toContain('with the redirect URI https://a.co/ or http://localhost:4000/cb');
  });

  it.each(['SIGINT', 'SIGTERM'])('stops on %s', async (signal) => {
    const { terminal, emulator } = await run('--port=0');
    terminal.signals.get(signal)?.();
    await emulator?.close();
    await expect(fetch(emulator?.url ?? '')).rejects.toThrow();
    expect(terminal.exitCode).toBeUndefined();
  });

  it('stops when the shell in which npm runs it is gone, and only then', async () => {
    const isUp = (emulator: PolarEmulator | undefined) =>
      fetch(emulator?.url ?? '').then(
        () => true,
        () => false,
      );
    const ends = [];
    for (const npm of [true, false]) {
      const terminal = new Terminal();
      if (npm) terminal.env['npm_lifecycle_event'] = 'npx';
      const emulator = await emulatorCommand([], terminal);
      if (emulator !== undefined) running.push(emulator);
      ends.push({ terminal, emulator });
    }
    const [underNpm, alone] = ends;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await isUp(underNpm?.emulator)).toBe(true);
    for (const { terminal } of ends) terminal.ppid = 1;
    while (await isUp(underNpm?.emulator)) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await isUp(alone?.emulator)).toBe(true);
  });

  it('prints its usage with --help', async () => {
    const terminal = new Terminal('emulator', '--help');
    await runCommand(terminal);
    expect(terminal.out).toMatch(/^Usage: passport-polar-sh emulator/);
    expect([terminal.signals.size, terminal.exitCode]).toEqual([0, undefined]);
  });

  it.each([
    [['--prot', '4100'], "Unknown option '--prot'. Try --help."],
    [['4100'], "Unexpected argument '4100'. Try --help."],
    [['--port', 'x'], "--port must be a number from 0 to 65535, not 'x'. Try --help."],
    [['--port', ''], "--port must be a number from 0 to 65535, not ''. Try --help."],
    [['--port', ' '], "--port must be a number from 0 to 65535, not ' '. Try --help."],
    [['--port', '0x10'], "--port must be a number from 0 to 65535, not '0x10'. Try --help."],
    [['--port', '70000'], "--port must be a number from 0 to 65535, not '70000'. Try --help."],
    [['--consent', 'maybe'], "--consent must be ask, auto or deny, not 'maybe'. Try --help."],
    [['--host', ''], '--host must not be empty. Try --help.'],
    [['--client-id', ' '], '--client-id must not be empty. Try --help.'],
    [['--client-secret='], '--client-secret must not be empty. Try --help.'],
    [['--client-id', 'a\nb'], expect.stringContaining('The value of POLAR_CLIENT_ID has characters')],
    [['--user', 'x@example.com'], expect.stringContaining('Unknown user x@example.com')],
    [['--redirect-uri', 'http://a.co/'], expect.stringContaining('private IPv4 address, not http://a.co/')],
  ])('exits with 2 and explains why in one line when called with %p', async (args, message) => {
    const { terminal, emulator } = await run(...args);
    expect(terminal.error.split('\n')).toEqual([expect.stringMatching(/^passport-polar-sh emulator: /), '']);
    expect(terminal.error.replace('passport-polar-sh emulator: ', '').trim()).toEqual(message);
    expect([terminal.exitCode, emulator, terminal.out]).toEqual([2, undefined, '']);
  });

  it('exits with 1 when the port is in use', async () => {
    const { emulator } = await run();
    const { terminal } = await run('--port', new URL(emulator?.url ?? '').port);
    expect(terminal.error).toMatch(/port \d+ is in use \(.*EADDRINUSE.*\)\. Choose another with --port/);
    expect(terminal.exitCode).toBe(1);
  });

  it('exits with 1 when the host is an address of another machine', async () => {
    const { terminal } = await run('--host', '192.0.2.1');
    expect(terminal.error).toContain("--host must be an address of this machine, not '192.0.2.1'");
    expect(terminal.exitCode).toBe(1);
  });
});
