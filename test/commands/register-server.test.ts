import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { serverOfClient, serverToRegisterAt } from '../../src/commands/register-server';
import { runCommand } from '../../src/commands/run-command';
import { Terminal } from '../support/terminal';
import { LocalRegistrations, variablesIn } from './support/local-registrations';

const local = new LocalRegistrations();

describe('passport-polar-sh register without --server', () => {
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

  it('registers nowhere when there is nobody to ask', async () => {
    const terminal = await runWith({});
    expect(terminal.error).toBe(
      'passport-polar-sh register: Set --server to sandbox, production or the address of a local Polar. Try --help.\n',
    );
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
  });

  it.each([
    ['a line that is typed', (url: string) => `${url}\n`],
    ['text without a line end', (url: string) => ` ${url}`],
  ])('asks on stderr at a terminal and uses %s', async (_what, typed) => {
    const terminal = await runWith({}, typed(local.emulator.url));
    expect(terminal.error).toMatch(/^Server to register at \(.*\): $/);
    expect(variablesIn(terminal.out)).toMatchObject({ POLAR_SERVER: local.emulator.url });
    expect([local.registered().length, terminal.exitCode]).toEqual([1, undefined]);
  });

  it.each(['', '\n', 'staging\n'])('registers nowhere when %j is typed', async (typed) => {
    const terminal = await runWith({}, typed);
    expect(terminal.error).toContain(`not '${typed.trim()}'. Try --help.`);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
  });

  it.each(['POLAR_SERVER', 'POLAR_API_URL'])(
    'registers at the Polar that %s names and prints its address',
    async (variable) => {
      const terminal = await runWith({ [variable]: ` ${local.emulator.url} ` }, 'production\n');
      expect(terminal.error).toBe(`Registering at ${local.emulator.url} (from ${variable}).\n`);
      expect(variablesIn(terminal.out)).toMatchObject({ POLAR_SERVER: local.emulator.url });
      expect(local.registered()).toHaveLength(1);
    },
  );

  it('takes the server from the file of --read-env', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-register-'));
    try {
      const file = join(folder, '.env');
      writeFileSync(file, `POLAR_SERVER=${local.emulator.url}\n`);
      const terminal = new Terminal('register', '--read-env', file);
      await runCommand(terminal);
      expect(variablesIn(terminal.out)).toMatchObject({ POLAR_SERVER: local.emulator.url });
      expect(local.registered()).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('prints the address of the web pages from the environment', async () => {
    const web = 'http://localhost:4100';
    const { out } = await runWith({ POLAR_API_URL: local.emulator.url, POLAR_WEB_URL: web });
    expect(variablesIn(out)).toMatchObject({ POLAR_WEB_URL: web, POLAR_API_URL: local.emulator.url });
  });

  it.each([
    [
      'localhost:4100',
      " must be sandbox, production or the address of a local Polar, not 'localhost:4100'. Try --help.",
    ],
    ['http://polar:4100', ' must use https (plain http only on localhost)'],
  ])('reports an environment that names no server: %s', async (address, message) => {
    const variable = address.startsWith('http') ? 'POLAR_API_URL' : 'POLAR_SERVER';
    const terminal = await runWith({ [variable]: address });
    expect(terminal.error).toContain(variable + message);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
  });

  it.each([
    ['https://api.polar.sh', 'production'],
    ['https://polar.sh/', 'production'],
    ['https://sandbox-api.polar.sh/', 'sandbox'],
    ['https://sandbox.polar.sh', 'sandbox'],
  ])('recognizes %s as %s', async (address, name) => {
    expect(await serverToRegisterAt(address, {}, new Terminal())).toBe(name);
  });
});

it('serverOfClient prefers the option, then the address of the environment, then its name', async () => {
  const env = { POLAR_SERVER: 'sandbox' };
  expect(serverOfClient(undefined, env)).toBe('sandbox');
  const both = { ...env, POLAR_API_URL: local.emulator.url };
  expect(serverOfClient(undefined, both)).toMatchObject({ apiURL: local.emulator.url });
  expect(serverOfClient('production', both)).toBe('production');
});
