/** The guide to the command doctor, against real runs of it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { doctorCommand, doctorHelp } from '../../src/commands/doctor-command.js';
import { Terminal } from '../support/terminal.js';
import { projectFile, root } from './shown-code.js';

const guide = projectFile('docs/doctor.md');
const block = (language: string): string =>
  new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(guide)?.[1] ?? '';

let sandbox: PolarEmulator;
const env: Record<string, string> = {
  NODE_ENV: 'production',
  POLAR_SERVER: 'sandbox',
  POLAR_CLIENT_SECRET: 'polar_cs_wrong',
  SESSION_SECRET: 'a-session-secret-of-more-than-32-letters',
};
beforeAll(async () => {
  sandbox = await startPolarEmulator();
  env['POLAR_CLIENT_ID'] = sandbox.registerClient({
    redirectURIs: ['https://app.example/auth/polar/callback/'],
    scope: 'openid email',
  }).clientID;
});
afterAll(() => sandbox.close());

async function run(...args: string[]): Promise<string> {
  const terminal = new Terminal();
  Object.assign(terminal.env, env);
  await doctorCommand(args, terminal, {
    folder: root,
    nodeVersion: 'v24.0.0',
    fetch: (input, init) => fetch(input.replace('https://sandbox-api.polar.sh', sandbox.url), init),
  });
  return terminal.out;
}

describe('the guide to the command doctor', () => {
  it('shows what the command prints', async () => {
    const [, command = '', shown] =
      /^\$ npx passport-polar-sh doctor (.*)\n([\s\S]*)$/.exec(block('console')) ?? [];
    // The packages that this project happens to have.
    const withoutVersions = (text = '') => text.replace(/^(.* ok +)\d+\.\d+\.\d+$/gm, '$1(version)');
    expect(withoutVersions(shown)).toBe(withoutVersions(await run(...command.split(' '))));
  });

  it('shows rows of the JSON as they are', async () => {
    const shown = JSON.parse(block('json'));
    const args = ['--json', '--redirect-uri', 'https://app.example/auth/polar/callback'];
    const report = JSON.parse(await run(...args));
    expect(shown.checks.length).toBe(2);
    expect(report).toEqual({ ...shown, checks: expect.arrayContaining(shown.checks) });
  });

  it('lists every check, in order', async () => {
    const { checks } = JSON.parse(await run('--json')) as { checks: { check: string }[] };
    const table = guide.split('## Checks')[1]?.split('\n## ')[0] ?? '';
    const listed = [...table.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name);
    expect(listed).toEqual(checks.map(({ check }) => check));
  });

  it('lists every option', () => {
    const named = (text: string) => [
      ...new Set([...text.matchAll(/--(?!help)[a-z][a-z-]+/g)].map(([name]) => name)),
    ];
    const table = guide.split('## Options')[1]?.split('\n## ')[0] ?? '';
    const listed = [...table.matchAll(/^\| `(--[a-z-]+)/gm)].map(([, name]) => name);
    expect(listed).toEqual(named(doctorHelp));
  });
});
