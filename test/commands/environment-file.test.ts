import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { LOCAL, LocalRegistrations, variablesIn } from './support/local-registrations';

const local = new LocalRegistrations();

const secretsIn = (text: string) => text.match(/polar_(cs|crt)_\w+/g) ?? [];

describe('passport-polar-sh register --write-env', () => {
  it('creates a file that only its owner can read, and prints no secret', async () => {
    const terminal = await local.register('--write-env', local.envFile);
    const text = readFileSync(local.envFile, 'utf8');
    expect(statSync(local.envFile).mode & 0o777).toBe(0o600);
    expect(secretsIn(text)).toHaveLength(2);
    expect(await local.registration(variablesIn(text))).toMatchObject({ redirectURIs: [LOCAL] });
    expect(secretsIn(terminal.out + terminal.error)).toEqual([]);
    expect(terminal.out).toContain(local.envFile);
    expect([terminal.error, terminal.exitCode]).toEqual(['', undefined]);
  });

  it.each([
    [
      'other lines',
      '# mine\nPORT=3000\n\nSESSION_SECRET="a b"\n',
      ['# mine', 'PORT=3000', '', 'SESSION_SECRET="a b"'],
    ],
    ['no newline at the end', 'PORT=3000', ['PORT=3000']],
    ['no content', '', []],
    [
      'similar names',
      'MY_POLAR_CLIENT_ID=x\n#POLAR_CLIENT_ID=y\n',
      ['MY_POLAR_CLIENT_ID=x', '#POLAR_CLIENT_ID=y'],
    ],
  ])('appends to a file with %s', async (_what, before, kept) => {
    writeFileSync(local.envFile, before);
    await local.register('--write-env', local.envFile);
    const lines = readFileSync(local.envFile, 'utf8').split('\n');
    expect(lines.slice(0, kept.length)).toEqual(kept);
    expect(lines.slice(kept.length).map((line) => line.split('=')[0])).toEqual([
      'POLAR_SERVER',
      'POLAR_CLIENT_ID',
      'POLAR_CLIENT_SECRET',
      'POLAR_REGISTRATION_ACCESS_TOKEN',
      ...(before.includes('SESSION_SECRET=') ? [] : ['SESSION_SECRET']),
      '',
    ]);
  });

  it('adds a random session secret once', async () => {
    await local.register('--write-env', local.envFile);
    const { SESSION_SECRET } = variablesIn(readFileSync(local.envFile, 'utf8'));
    expect(SESSION_SECRET).toMatch(/^[\w-]{43}$/);
    await local.register('--write-env', local.envFile);
    expect(variablesIn(readFileSync(local.envFile, 'utf8'))).toMatchObject({ SESSION_SECRET });
    expect(readFileSync(local.envFile, 'utf8').match(/SESSION_SECRET/g)).toHaveLength(1);
  });

  it.each([
    'SESSION_SECRET=',
    'export SESSION_SECRET=""',
    "SESSION_SECRET=''",
    'SESSION_SECRET= # openssl rand -base64 32',
  ])('fills in a session secret that a template has left empty (%s)', async (line) => {
    writeFileSync(local.envFile, `${line}\nPORT=1\n`);
    await local.register('--write-env', local.envFile);
    const text = readFileSync(local.envFile, 'utf8');
    expect(text).toMatch(/^(export )?SESSION_SECRET=[\w-]{43}\nPORT=1\n/);
    expect(text.match(/SESSION_SECRET/g)).toHaveLength(1);
  });

  it('leaves a session secret that is commented out, and adds one', async () => {
    writeFileSync(local.envFile, '# SESSION_SECRET=mine\n');
    await local.register('--write-env', local.envFile);
    const text = readFileSync(local.envFile, 'utf8');
    expect(text).toMatch(/^# SESSION_SECRET=mine\n[\s\S]*^SESSION_SECRET=[\w-]{43}$/m);
  });

  it('keeps every byte of other lines, in whatever encoding', async () => {
    const before = Buffer.from('\xEF\xBB\xBF# caf\xE9 \xFF\nPASSWORD=\xE9\x80\n', 'latin1');
    writeFileSync(local.envFile, before);
    await local.register('--write-env', local.envFile);
    expect(readFileSync(local.envFile).subarray(0, before.length)).toEqual(before);
  });

  it('replaces a variable behind a byte order mark', async () => {
    writeFileSync(local.envFile, '\uFEFFPOLAR_CLIENT_ID=old\n');
    await local.register('--write-env', local.envFile);
    const text = readFileSync(local.envFile, 'utf8');
    expect(text.match(/POLAR_CLIENT_ID=polar_ci_/g)).toHaveLength(1);
    expect(text).not.toContain('old');
  });

  it('refuses a file in UTF-16, which it would destroy, and registers nothing', async () => {
    const before = Buffer.from('\uFEFFPORT=3000\r\n', 'utf16le');
    writeFileSync(local.envFile, before);
    const terminal = await local.register('--write-env', local.envFile);
    expect(terminal.error).toContain('is not a text file in UTF-8. Save it as one');
    expect(terminal.exitCode).toBe(1);
    expect(readFileSync(local.envFile)).toEqual(before);
    expect(local.emulator.requests).toEqual([]);
  });

  it('keeps the line endings of a file from Windows', async () => {
    writeFileSync(local.envFile, 'PORT=3000\r\nPOLAR_CLIENT_ID=old\r\nHOST=x\r\n');
    await local.register('--write-env', local.envFile);
    const text = readFileSync(local.envFile, 'utf8');
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(text).toMatch(/^PORT=3000\r\nPOLAR_CLIENT_ID=polar_ci_\w+\r\nHOST=x\r\n/);
  });

  it('replaces existing variables in place and keeps their export', async () => {
    const before = [
      'export POLAR_CLIENT_SECRET=old',
      'PORT=3000',
      '  POLAR_CLIENT_ID = old',
      'export  POLAR_CLIENT_ID=older',
      'POLAR_API_URL=https://old.example',
    ];
    writeFileSync(local.envFile, before.join('\n'));
    await local.register('--write-env', local.envFile);
    const lines = readFileSync(local.envFile, 'utf8').split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^export POLAR_CLIENT_SECRET=polar_cs_/),
      'PORT=3000',
      expect.stringMatching(/^ {2}POLAR_CLIENT_ID=polar_ci_/),
      `POLAR_SERVER=${local.emulator.url}`,
      expect.stringMatching(/^POLAR_REGISTRATION_ACCESS_TOKEN=polar_crt_/),
      expect.stringMatching(/^SESSION_SECRET=[\w-]{43}$/),
      '',
    ]);
  });

  it('keeps values of several lines whole', async () => {
    const key = 'PEM="-----BEGIN KEY-----\nPOLAR_CLIENT_ID=part of it\n-----END KEY-----" # mine\n';
    writeFileSync(local.envFile, `QUOTE="it's"\n${key}POLAR_CLIENT_SECRET='one\ntwo'\nLAST=1\n`);
    await local.register('--write-env', local.envFile);
    const text = readFileSync(local.envFile, 'utf8');
    expect(text).toContain(`${key}POLAR_CLIENT_SECRET=polar_cs_`);
    expect(text).toMatch(/^POLAR_CLIENT_SECRET=.*\nLAST=1\nPOLAR_SERVER=/m);
    expect(variablesIn(text)['POLAR_CLIENT_ID']).toMatch(/^polar_ci_/);
  });

  it.each(["NOTE=it's\nOTHER=isn't\n", 'NOTE="open\n', 'A="b" and "c"\nB=\n'])(
    'takes a quotation mark that quotes nothing for a character (%j)',
    async (before) => {
      writeFileSync(local.envFile, `${before}POLAR_CLIENT_ID=old\n`);
      await local.register('--write-env', local.envFile);
      const text = readFileSync(local.envFile, 'utf8');
      expect(text.startsWith(`${before}POLAR_CLIENT_ID=polar_ci_`)).toBe(true);
      expect(text).not.toContain('old');
    },
  );

  it('removes the secret and the server of an earlier client', async () => {
    writeFileSync(local.envFile, 'POLAR_API_URL=https://old.example\nPOLAR_CLIENT_SECRET=old\nPORT=1\n');
    await local.register('--public', '--write-env', local.envFile);
    const text = readFileSync(local.envFile, 'utf8');
    expect(text).toMatch(/^PORT=1\n/);
    expect(Object.keys(variablesIn(text))).toEqual([
      'PORT',
      'POLAR_SERVER',
      'POLAR_CLIENT_ID',
      'POLAR_REGISTRATION_ACCESS_TOKEN',
      'SESSION_SECRET',
    ]);
  });

  it('keeps the mode of an existing file', async () => {
    writeFileSync(local.envFile, '');
    chmodSync(local.envFile, 0o640);
    await local.register('--write-env', local.envFile);
    expect(statSync(local.envFile).mode & 0o777).toBe(0o640);
  });

  it.each([
    ['in a missing folder', () => join(local.folder, 'no', '.env'), 'ENOENT'],
    ['that is a folder', () => local.folder, 'EISDIR'],
    ['below a file', () => join(__filename, '.env'), 'ENOTDIR'],
  ])('reports a file %s and registers nothing', async (_what, path, reason) => {
    const terminal = await local.register('--write-env', path());
    expect(terminal.error).toMatch(new RegExp(`^passport-polar-sh register: .*${reason}.*\n$`));
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
    expect(local.emulator.requests).toEqual([]);
  });

  it('prints the secret when the file cannot be written after the registration', async () => {
    const going = local.register('--write-env', local.envFile);
    local.emulator.fail('register', { delayMs: 100 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    mkdirSync(local.envFile); // another process was faster
    const terminal = await going;
    const environment = variablesIn(terminal.out);
    expect(await local.registration(environment)).toMatchObject({ redirectURIs: [LOCAL] });
    expect(terminal.error).toContain('is registered');
    expect(terminal.error).toContain('EISDIR');
    expect(secretsIn(terminal.error)).toEqual([]);
    expect(terminal.exitCode).toBe(1);
  });
});
