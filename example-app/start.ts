import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PolarServer } from 'passport-polar-sh';
import { createApp } from './app.js';
import type { Config } from './config.js';
import { startDemoPolar } from './demo-polar.js';
import { drainable } from './drain.js';
import { openSessions } from './sessions.js';

/** The running app. */
export interface ExampleApp {
  /** The address it listens on. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts the app, and a local Polar when no client is configured.
 *
 * @param say receives lines about this start, for the terminal
 */
export async function startExampleApp(config: Config, say: (line: string) => void): Promise<ExampleApp> {
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const each of opened.splice(0).reverse()) await each.close();
  };
  try {
    const sessions = await openSessions(config);
    opened.push(sessions);

    // Listens first: with PORT=0, the redirect URI is known only then.
    let answer: RequestListener = (_req, res) => res.writeHead(503, { 'retry-after': '1' }).end();
    const server = createServer((req, res) => answer(req, res));
    const port = await listen(server, config.port);
    const { health, drain } = drainable(server, { noticeMs: config.drainSeconds * 1000, requestsMs: 12_000 });
    const listening = { close: drain };
    opened.push(listening);
    const url = `http://localhost:${port}`;
    const baseURL = config.baseURL ?? url;

    const polar = config.client
      ? { ...config.client, server: config.server, name: nameOf(config.server) }
      : await startDemoPolar(config, `${baseURL}/auth/polar/callback`);
    if ('close' in polar) {
      opened.push(polar);
      say('POLAR_CLIENT_ID is not set: started a local Polar and registered this app there.');
      if (config.server !== 'production')
        say('The configured Polar server is not used without POLAR_CLIENT_ID.');
      say(`local Polar: ${polar.name} (no account needed: its users are made up)`);
    }
    if (config.sessionSecret === undefined) {
      say('SESSION_SECRET is not set: using a random one, so a restart logs everybody out.');
    }
    const example = createApp({
      baseURL,
      polar: {
        clientID: polar.clientID,
        clientSecret: polar.clientSecret,
        server: polar.server,
        tokenEndpointAuthMethod: config.authMethod,
        scope: config.scope,
        fetchUserInfo: config.fetchUserInfo,
        leewaySeconds: config.leewaySeconds,
        storage: sessions.storage,
      },
      polarName: polar.name,
      isDemo: config.client === undefined,
      sessionSecret: config.sessionSecret ?? randomBytes(32).toString('base64url'),
      sessionStore: sessions.store,
      exposeToken: config.exposeToken,
    });
    // On close, requests end first, then their background work: a refresh has the only copy of new tokens.
    opened.splice(opened.indexOf(listening), 1);
    const settle = async (): Promise<void> => {
      await example.polar.settled({ withinMs: 10_000 });
      example.timeline.close();
    };
    opened.push({ close: settle }, listening);
    answer = (req, res) => (req.url === '/health' ? health(req, res) : example.app(req, res));
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function nameOf(server: PolarServer): string {
  if (server === 'production') return 'polar.sh';
  if (server === 'sandbox') return 'sandbox.polar.sh';
  if (typeof server === 'string') return server;
  return new URL('discoveryURL' in server ? server.discoveryURL : server.webURL).host;
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`PORT ${port} is in use. Choose another; 0 picks a free one.`)
          : error,
      );
    });
    server.listen(port, () => resolve((server.address() as AddressInfo).port));
  });
}
