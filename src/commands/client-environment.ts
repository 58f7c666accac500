import type { CustomPolarServer } from '../options/server.js';
import type { Environment } from './environment-file.js';

/** A client of a Polar, as its app needs to know it. */
export interface ClientOfApp {
  /** Name, address or addresses. */
  readonly server: string | CustomPolarServer;
  readonly clientID: string;
  readonly clientSecret?: string | undefined;
  /** Needed to change or delete the client later. */
  readonly registrationAccessToken?: string | undefined;
}

/** The variables of an app's client. Names each of them, so that a file keeps no value of an earlier client. */
export function clientEnvironment(client: ClientOfApp): Environment {
  const { server } = client;
  const { webURL, apiURL } = typeof server === 'string' ? { webURL: server, apiURL: server } : server;
  const hasOneAddress = webURL === apiURL;
  return {
    POLAR_SERVER: hasOneAddress ? apiURL : undefined,
    POLAR_WEB_URL: hasOneAddress ? undefined : webURL,
    POLAR_API_URL: hasOneAddress ? undefined : apiURL,
    POLAR_CLIENT_ID: client.clientID,
    POLAR_CLIENT_SECRET: client.clientSecret,
    POLAR_REGISTRATION_ACCESS_TOKEN: client.registrationAccessToken,
  };
}
