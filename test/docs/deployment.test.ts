/** docs/deployment.md and the guides beside it show the files that run in deployment/; the workflow does what it says. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PolarRegistrationClient } from 'passport-polar-sh';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { redirectURIsCommand } from '../../src/commands/redirect-uris-command';
import { registerCommand } from '../../src/commands/register-command';
import { Terminal } from '../support/terminal.js';
import { blocksOf, projectFile, runningFile } from './shown-code.js';

const guide = projectFile('docs/preview-deployments.md');
const guides: Record<string, readonly string[]> = {
  'deployment.md': [
    'app.ts',
    'from-environment.ts',
    'server.ts',
    'Procfile',
    'Dockerfile',
    'fly.toml',
    'render.yaml',
  ],
  'reverse-proxies.md': ['nginx.conf', 'cloudflared.yml'],
  'serverless.md': ['lambda.ts', 'settled-before-response.ts', 'api/index.ts'],
  'rolling-deploys.md': ['drain.ts', 'serve.ts'],
  'preview-deployments.md': ['preview-redirect-uri.yml'],
  'outgoing-proxy.md': ['fetch-through.ts'],
};

describe.each(Object.entries(guides))('the guide %s', (name, files) => {
  it.each(files)('shows %s exactly as it runs', (file) => {
    const running =
      file === 'drain.ts' ? projectFile('example-app/drain.ts') : runningFile('deployment', file);
    expect(blocksOf(name).get(file)).toBe(running);
  });

  it('shows no other files', () => {
    expect([...blocksOf(name).keys()].sort()).toEqual([...files].sort());
  });

  it('is linked from the README or the guide to deployments', () => {
    const links = `${projectFile('README.md')}${projectFile('docs/deployment.md')}`;
    expect(links).toMatch(new RegExp(`\\]\\((docs/)?${name.replace('.', '\\.')}[#)]`));
  });
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

  it('pins the major version of this package', () => {
    const { name } = JSON.parse(projectFile('package.json'));
    expect(steps.map(({ program }) => program)).toEqual([`${name}@1`, `${name}@1`]);
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
