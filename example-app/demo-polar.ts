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
  // Of Polar's bad days, only what nobody notices who clicks: a limit that this app stays far below. With `commitLagMs`
  // most logins would fail, whose code Polar does not know yet, and `refreshRaces` can hang for half a minute.
  const emulator = await startPolarEmulator({ consent: 'ask', realistic: { rateLimit: 'production' } });
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
