import type { PolarServer } from 'passport-polar-sh';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import type { Config } from './config.js';

/** A local Polar at which this app is registered. */
export interface DemoPolar {
  readonly clientID: string;
  readonly clientSecret: string | undefined;
  readonly server: PolarServer;
  /** Its name, for the pages. */
  readonly name: string;
  close(): Promise<void>;
}

/** Starts a local Polar, to try the app without an account or a network. */
export async function startDemoPolar(config: Config, callbackURL: string): Promise<DemoPolar> {
  // Only the rate limit of a realistic Polar, which this app never reaches. With `commitLagMs`, most logins would fail
  // because Polar does not know the code yet; `refreshRaces` can hang for half a minute.
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
