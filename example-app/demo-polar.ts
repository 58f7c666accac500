import type { PolarServer } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import type { Config } from './config.js';

/** A Polar on this machine, where this app is registered. */
export interface DemoPolar {
  readonly clientID: string;
  readonly clientSecret: string | undefined;
  readonly server: PolarServer;
  /** What people read about it. */
  readonly name: string;
  close(): Promise<void>;
}

/** Starts a local Polar, so that the app can be tried without an account and without a network. */
export async function startDemoPolar(config: Config, callbackURL: string): Promise<DemoPolar> {
  const emulator = await startPolarEmulator({ consent: 'ask' });
  try {
    const { clientID, clientSecret } = emulator.registerClient({
      name: 'The example app',
      redirectURIs: [callbackURL],
      tokenEndpointAuthMethod: config.authMethod,
    });
    return {
      clientID,
      clientSecret,
      server: emulator.server,
      name: emulator.url,
      close: () => emulator.close(),
    };
  } catch (error) {
    await emulator.close();
    throw error;
  }
}
