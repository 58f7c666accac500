import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { PolarRegistrationClient } from 'passport-polar-sh';
import {
  type PolarEmulator,
  type PolarEmulatorClient,
  type PolarEmulatorClientMetadata,
  startPolarEmulator,
} from 'passport-polar-sh/emulator';
import { redirectURIsCommand } from '../../../src/commands/redirect-uris-command';
import { Terminal } from '../../support/terminal';

export const APP = 'https://app.example/auth/polar/callback';
export const preview = (number: number): string => `https://pr-${number}.preview.example/auth/polar/callback`;

/** A local Polar for a file, with a fresh client for each test, whose redirect URIs the command changes. */
export class LocalClient {
  emulator!: PolarEmulator;
  client!: PolarEmulatorClient;
  registrations!: PolarRegistrationClient;

  constructor() {
    beforeAll(async () => {
      this.emulator = await startPolarEmulator();
      this.registrations = new PolarRegistrationClient({ server: this.emulator.server });
    });
    afterAll(() => this.emulator.close());
    beforeEach(() => {
      this.emulator.reset();
      this.register();
    });
  }

  /** Replaces the client. */
  register(metadata: Partial<PolarEmulatorClientMetadata> = {}): void {
    this.client = this.emulator.registerClient({ redirectURIs: [APP], scope: 'openid email', ...metadata });
  }

  environment() {
    return {
      POLAR_API_URL: this.emulator.url,
      POLAR_CLIENT_ID: this.client.clientID,
      POLAR_REGISTRATION_ACCESS_TOKEN: this.client.registrationAccessToken,
    };
  }

  /** Runs the command in this process, without its pauses. */
  async run(args: readonly string[], env: object = this.environment()): Promise<Terminal> {
    const terminal = new Terminal();
    Object.assign(terminal.env, env);
    await redirectURIsCommand(args, terminal, async () => {});
    return terminal;
  }

  registration() {
    return this.registrations.readRegistration(this.client);
  }

  /** The redirect URIs of the client, as Polar has them. */
  async redirectURIs(): Promise<readonly string[]> {
    return (await this.registration()).redirectURIs;
  }

  /** How often the registration was written. */
  writes(): number {
    return this.emulator.requests.filter(({ method }) => method === 'PUT').length;
  }
}
