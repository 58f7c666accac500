/** docs/deployment.md shows the files that run in deployment/, and its workflow does what it says. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PolarRegistrationClient } from 'passport-polar-sh';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { redirectURIsCommand } from '../../src/commands/redirect-uris-command';
import { registerCommand } from '../../src/commands/register-command';
import { Terminal } from '../support/terminal.js';
import { blocksOf, projectFile, runningFile } from './shown-code.js';

const guide = projectFile('docs/deployment.md');
const files = ['preview-redirect-uri.yml', 'fetch-through.ts', 'lambda.ts', 'serve.ts'];

it.each(files)('the guide to deployments shows %s exactly as it runs', (file) => {
  expect(blocksOf('deployment.md').get(file)).toBe(runningFile('deployment', file));
});

it('the guide to deployments shows drain.ts exactly as it runs in the example app', () => {
  expect(blocksOf('deployment.md').get('drain.ts')).toBe(projectFile('example-app/drain.ts'));
});

it('the guide to deployments shows no other files and is linked from the README', () => {
  expect([...blocksOf('deployment.md').keys()].sort()).toEqual([...files, 'drain.ts'].sort());
  expect(projectFile('README.md')).toContain('](docs/deployment.md');
});

describe('the workflow of preview deployments', () => {
  const workflow = runningFile('deployment', 'preview-redirect-uri.yml');
  const registration = /npx passport-polar-sh register (.*)\n/.exec(guide)?.[1] ?? '';
  const steps = [
    ...workflow.matchAll(
      /- if: github\.event\.action (..) 'closed'\n +run: npx --yes (\S+) redirect-uris (.*)\n/g,
    ),
  ].map(([, operator = '', program = '', command = '']) => ({ operator, program, command }));

  let emulator: PolarEmulator;
  const env: Record<string, string> = {};
  const words = (text: string) =>
    [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
  const listed = async () => {
    const registrations = new PolarRegistrationClient({ server: emulator.server });
    const { redirectURIs } = await registrations.readRegistration({
      clientID: env['POLAR_CLIENT_ID'] ?? '',
      registrationAccessToken: env['POLAR_REGISTRATION_ACCESS_TOKEN'],
    });
    return redirectURIs;
  };

  beforeAll(async () => {
    emulator = await startPolarEmulator();
    const terminal = new Terminal();
    const args = words(registration.replace('--server sandbox', `--server ${emulator.url}`));
    await registerCommand(args.slice(0, args.indexOf('--write-env')), terminal);
    for (const [, name = '', value = ''] of terminal.out.matchAll(/^(\w+)=(.*)$/gm)) env[name] = value;
  });
  afterAll(() => emulator.close());

  it.each([
    [
      'opened',
      ['http://localhost:3000/auth/polar/callback', 'https://pr-7.preview.example.com/auth/polar/callback'],
    ],
    ['closed', ['http://localhost:3000/auth/polar/callback']],
  ])('leaves the redirect URIs that are needed after a pull request is %s', async (action, uris) => {
    const due = steps.filter(({ operator }) => (operator === '==') === (action === 'closed'));
    expect(due).toHaveLength(1);
    // The job gets each variable that the command reads, and nothing else.
    const given = new Map(
      [...workflow.matchAll(/^ {6}([A-Z_]+): (.*)$/gm)].map(([, name, value]) => [name, value]),
    );
    expect([...given.keys()].sort()).toEqual([
      'POLAR_CLIENT_ID',
      'POLAR_REGISTRATION_ACCESS_TOKEN',
      'POLAR_SERVER',
      'REDIRECT_URI',
    ]);
    const uri = String(given.get('REDIRECT_URI')).replace(/\$\{\{ github\.event\.number \}\}/, '7');
    const terminal = new Terminal();
    Object.assign(terminal.env, env);
    const args = words(due[0]?.command ?? '').map((word) => (word === '$REDIRECT_URI' ? uri : word));
    await redirectURIsCommand(args, terminal, async () => {});
    expect([terminal.error, terminal.exitCode]).toEqual(['', undefined]);
    expect(await listed()).toEqual(uris);
  });

  it('pins the version of this package', () => {
    const { name, version } = JSON.parse(projectFile('package.json'));
    expect(steps.map(({ program }) => program)).toEqual(steps.map(() => `${name}@${version}`));
    expect(steps).toHaveLength(2);
  });

  it('has a token with the access that the guide describes', async () => {
    const registrations = new PolarRegistrationClient({ server: emulator.server });
    const access = {
      clientID: env['POLAR_CLIENT_ID'] ?? '',
      registrationAccessToken: env['POLAR_REGISTRATION_ACCESS_TOKEN'],
    };
    const { clientSecret, clientName = '' } = await registrations.readRegistration(access);
    expect(clientSecret).toBe(env['POLAR_CLIENT_SECRET']);
    const redirectURIs = ['https://somebody-else.example/'];
    await registrations.updateRegistration(access, { clientName, redirectURIs });
    expect(await listed()).toEqual(redirectURIs);
    await registrations.deleteRegistration(access);
    await expect(listed()).rejects.toMatchObject({ code: 'invalid_client' });
  });
});
