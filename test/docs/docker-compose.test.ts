/** Runs what docs/docker-compose.md shows, except for Docker: the emulator's command and the app's environment. */
import { request } from 'node:http';
import { expect, it } from '@jest/globals';
import { PolarStrategy } from 'passport-polar-sh';
import { emulatorCommand } from '../../src/commands/emulator-command';
import { Terminal } from '../support/terminal.js';
import { projectFile } from './shown-code.js';

const guide = projectFile('docs/docker-compose.md');
const [, command = ''] = /command: \S+\/passport-polar-sh emulator (.*)/.exec(guide) ?? [];
const environment = Object.fromEntries(
  [...guide.matchAll(/^ {6}([A-Z_]+): (.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
);

it('the guide to Docker Compose starts a Polar that the app’s container reaches by name, with the app’s client', async () => {
  const args = command.split(' ').map((arg) => (arg === '4100' ? '0' : arg));
  const terminal = new Terminal();
  const emulator = await emulatorCommand(args, terminal);
  try {
    expect(terminal.error).toBe('');
    for (const name of ['POLAR_CLIENT_ID', 'POLAR_CLIENT_SECRET'])
      expect(terminal.out).toContain(`\n${name}=${environment[name]}\n`);
    const { port } = new URL(emulator?.url ?? '');
    // From another address of this machine, as with the name of a service.
    const error = await new Promise((resolve, reject) => {
      const options = { host: '127.0.0.2', port, path: '/v1/oauth2/token', method: 'POST' };
      const body = new URLSearchParams({
        grant_type: 'authorization_code',
        code: 'none',
        client_id: environment['POLAR_CLIENT_ID'] ?? '',
        client_secret: environment['POLAR_CLIENT_SECRET'] ?? '',
      }).toString();
      const headers = {
        host: new URL(environment['POLAR_API_URL'] ?? '').host,
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': body.length,
      };
      request({ ...options, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve(JSON.parse(text).error));
      })
        .on('error', reject)
        .end(body);
    });
    expect(error).toBe('invalid_grant'); // Polar knows the client, but not the code
  } finally {
    await emulator?.close();
  }
});

it('the guide to Docker Compose gives the browser and the app addresses that lead to that port', () => {
  expect(command).toContain('--host 0.0.0.0 --port 4100 ');
  expect(guide).toContain("ports: ['127.0.0.1:4100:4100']");
  expect(environment).toMatchObject({
    POLAR_WEB_URL: 'http://127.0.0.1:4100',
    POLAR_API_URL: 'http://polar:4100',
  });
  expect(guide).toMatch(/^ {2}polar:$/m);
  expect(guide).toContain('allowInsecureHTTP: true,');
});

it('the guide to Docker Compose shows two forms of the server option that the strategy accepts', () => {
  const shown = [...guide.matchAll(/```ts\n(server: [\s\S]*?)```/g)].map(([, code = '']) => code);
  expect(shown).toHaveLength(2);
  for (const code of shown) {
    const { server } = new Function('process', `return {${code.replaceAll('!,', ',')}}`)({
      env: environment,
    });
    expect(() => new PolarStrategy({ clientID: 'c', callbackURL: '/cb', server })).not.toThrow();
  }
});
