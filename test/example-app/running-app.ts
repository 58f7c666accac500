import {
  type PolarEmulator,
  type PolarEmulatorClient,
  type PolarEmulatorOptions,
  startPolarEmulator,
} from 'passport-polar-sh/emulator';
import { readConfig } from '../../example-app/config.js';
import { type ExampleApp, startExampleApp } from '../../example-app/start.js';
import { Browser } from '../support/browser.js';

/** The example app in this process, with the Polar at which it is registered. */
export interface RunningApp {
  readonly url: string;
  readonly emulator: PolarEmulator;
  readonly client: PolarEmulatorClient;
  /** What it printed when it started. */
  readonly said: readonly string[];
  /** A new browser with its own cookie jar. */
  browser(): Browser;
  close(): Promise<void>;
}

/** Starts the app from an environment, with a free port and an emulator unless `env` says otherwise. */
export async function runApp(
  env: Readonly<Record<string, string>> = {},
  options: PolarEmulatorOptions = {},
): Promise<RunningApp> {
  const emulator = await startPolarEmulator({ consent: 'auto', ...options });
  const client = emulator.registerClient({
    redirectURIs: ['http://localhost/later'],
    ...(env['POLAR_AUTH_METHOD'] === 'client_secret_basic' && {
      tokenEndpointAuthMethod: 'client_secret_basic' as const,
    }),
    ...(env['POLAR_AUTH_METHOD'] === 'none' && { tokenEndpointAuthMethod: 'none' as const }),
  });
  const said: string[] = [];
  const server =
    env['POLAR_DISCOVERY_URL'] === undefined
      ? { POLAR_WEB_URL: emulator.webURL, POLAR_API_URL: emulator.apiURL }
      : {};
  const config = readConfig({
    PORT: '0',
    POLAR_CLIENT_ID: client.clientID,
    POLAR_CLIENT_SECRET: client.clientSecret,
    ...server,
    ...env,
    ...(env['POLAR_DISCOVERY_URL'] !== undefined && {
      POLAR_DISCOVERY_URL: `${emulator.url}${env['POLAR_DISCOVERY_URL']}`,
    }),
  });
  let app: ExampleApp;
  try {
    app = await startExampleApp(config, (line) => said.push(line));
  } catch (error) {
    await emulator.close();
    throw error;
  }
  const baseURL = config.baseURL ?? app.url;
  emulator.updateClient(client.clientID, { redirectURIs: [`${baseURL}/auth/polar/callback`] });
  return {
    url: app.url,
    emulator,
    client,
    said,
    browser: () => new Browser(app.url),
    close: async () => {
      await app.close();
      await emulator.close();
    },
  };
}
