import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkedList } from './checks.js';
import { registerClient } from './controls/client-controls.js';
import { createControls } from './controls/create-controls.js';
import type { PolarEmulator } from './controls/polar-emulator.js';
import { createState } from './create-state.js';
import type { PolarEmulatorOptions } from './options.js';
import { serve } from './server/serve.js';

/**
 * Starts a local Polar: its authorize page and API respond as the real ones do. Emulators in one process share nothing.
 *
 * @param options users, clients and behaviour; all have defaults
 * @returns the emulator, listening
 * @throws TypeError if an option is invalid
 * @example
 * ```ts
 * const polar = await startPolarEmulator({ consent: 'auto' });
 * const strategy = new PolarStrategy(polar.strategyOptions());
 * // ... let the app log in with the strategy ...
 * polar.advanceTime(864_000); // ten days later, its access token has expired
 * await polar.close();
 * ```
 */
export async function startPolarEmulator(options: PolarEmulatorOptions = {}): Promise<PolarEmulator> {
  const state = createState(options);
  for (const client of checkedList('clients', options.clients ?? [])) registerClient(client, state);
  const { host, port } = state.settings;
  const server = createServer(
    { requireHostHeader: false },
    (message, response) => void serve(message, response, state),
  );
  server.listen(port, host);
  await once(server, 'listening');
  state.settings.baseURL = `http://${publishedHost(host)}:${(server.address() as AddressInfo).port}`;
  return createControls(state, async () => {
    await close(server);
    state.backend.stop();
  });
}

/** A server that listens on all addresses is published at one of this machine. */
function publishedHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
