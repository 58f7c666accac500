import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { version } from '../../package.json';
import { runCommand } from '../../src/commands/run-command';
import { Terminal } from '../support/terminal';
import { LocalRegistrations, run } from './support/local-registrations';

const local = new LocalRegistrations();

describe('passport-polar-sh', () => {
  it.each([[[]], [['--help']], [['-h']], [['help']]])(
    'lists the commands with the arguments %p',
    async (args) => {
      const terminal = await run(...args);
      expect(terminal.out).toMatch(/^Usage: passport-polar-sh <command>/);
      for (const command of ['register', 'redirect-uris', 'doctor', 'postgres-schema', 'emulator'])
        expect(terminal.out).toContain(`  ${command} `);
      expect([terminal.error, terminal.exitCode]).toEqual(['', undefined]);
    },
  );

  it.each(['--version', '-v'])('prints the version of the package with %s', async (argument) => {
    const terminal = await run(argument);
    expect(terminal.out).toBe(`${version}\n`);
    expect([terminal.error, terminal.exitCode]).toEqual(['', undefined]);
  });

  it('shows the options of a command with help and its name', async () => {
    expect((await run('help', 'doctor')).out).toMatch(/^Usage: passport-polar-sh doctor/);
    expect((await run('help', 'nonsense')).out).toMatch(/^Usage: passport-polar-sh <command>/);
  });

  it.each(['--help', '-h'])('shows the options of register with %s and registers nothing', async (help) => {
    const terminal = await local.register(help, '--write-env', local.envFile);
    expect(terminal.out).toMatch(/^Usage: passport-polar-sh register/);
    for (const option of ['redirect-uri', 'scope', 'name', 'server', 'public', 'write-env', 'help'])
      expect(terminal.out).toMatch(new RegExp(`^ {2}--${option} `, 'm'));
    expect(local.emulator.requests).toEqual([]);
    expect(readdirSync(local.folder)).toEqual([]);
  });

  it.each(['register', 'redirect-uris', 'doctor', 'postgres-schema', 'emulator'])(
    'aligns the options of %s in one column, within 110 columns',
    async (command) => {
      const { out } = await run(command, '--help');
      expect(out.split('\n').filter((line) => line.length > 110)).toEqual([]);
      const [, table = ''] = /\n\n((?: {2}.*\n)+)/.exec(out.slice(out.indexOf('  --') - 2)) ?? [];
      const misaligned = table.split('\n').filter((line) => !/^(?: {2}--\S.{19} | {25})\S|^$/.test(line));
      expect([table.includes('--help'), misaligned]).toEqual([true, []]);
    },
  );

  it.each(['v18.20.8', 'v20.18.3', 'v23.11.0'])(
    'says first that Node.js %s is not supported, since what fails then is hard to understand',
    async (version) => {
      const terminal = new Terminal('postgres-schema');
      await runCommand(Object.assign(terminal, { version }));
      expect(terminal.error).toBe(
        `passport-polar-sh: Node.js ${version} is not supported. Install one of these: ^20.19 || ^22.12 || >=24.\n`,
      );
      expect(terminal.out).toContain('CREATE TABLE');
    },
  );

  it.each(['v20.19.0', 'v22.12.0', 'v24.0.0'])('says nothing about Node.js %s', async (version) => {
    const terminal = new Terminal('postgres-schema');
    await runCommand(Object.assign(terminal, { version }));
    expect(terminal.error).toBe('');
  });

  it.each([
    { args: ['--help'], code: 1 },
    { args: ['postgres-schema'], code: 1 },
    { args: ['emulator'], code: 1 },
    { args: ['nonsense'], code: 2 },
  ])('ends without a stack trace when nobody reads the output of %j', async ({ args, code }) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', ...args], {
      cwd: join(__dirname, '../..'),
    });
    child.stdout.destroy();
    let error = '';
    child.stderr.on('data', (chunk) => {
      error += chunk;
    });
    const [exitCode] = await once(child, 'close');
    expect(error).not.toMatch(/EPIPE|\n {4}at /);
    expect(exitCode).toBe(code);
  });

  it('refuses an unknown command', async () => {
    const terminal = await run('login');
    expect(terminal.error).toMatch(/^passport-polar-sh: unknown command 'login'\.\n\nUsage:/);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
  });
});
