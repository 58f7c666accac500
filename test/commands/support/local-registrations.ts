import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { PolarRegistrationClient } from 'passport-polar-sh';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { runCommand } from '../../../src/commands/run-command';
import { Terminal } from '../../support/terminal';

export const LOCAL = 'http://localhost:3000/auth/polar/callback';

/** A local Polar for a file, and an empty folder for each test. */
export class LocalRegistrations {
  emulator!: PolarEmulator;
  folder!: string;

  constructor() {
    beforeAll(async () => {
      this.emulator = await startPolarEmulator();
    });
    afterAll(() => this.emulator.close());
    beforeEach(() => {
      this.emulator.reset();
      this.folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-register-'));
    });
    afterEach(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  get envFile(): string {
    return join(this.folder, '.env');
  }

  /** Runs `register` at the local Polar. */
  register(...args: string[]): Promise<Terminal> {
    return run('register', '--server', this.emulator.url, ...args);
  }

  /** The registration of the client in an environment, as Polar has it. */
  registration(environment: Record<string, string>) {
    return new PolarRegistrationClient({ server: this.emulator.server }).readRegistration({
      clientID: environment['POLAR_CLIENT_ID'] ?? '',
      registrationAccessToken: environment['POLAR_REGISTRATION_ACCESS_TOKEN'],
    });
  }

  /** The successful registration requests. */
  registered() {
    return this.emulator.requests.filter(({ method, status }) => method === 'POST' && status === 201);
  }
}

export async function run(...args: string[]): Promise<Terminal> {
  const terminal = new Terminal(...args);
  await runCommand(terminal);
  return terminal;
}

/** The variables in a text, as a shell or dotenv reads them. */
export function variablesIn(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^(?:export )?(\w+)=(.*?)\r?$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
}
