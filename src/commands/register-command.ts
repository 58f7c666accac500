import { parseArgs } from 'node:util';
import type { ClientRegistration } from '../client/client-metadata.js';
import { PolarRegistrationClient } from '../client/registration-client.js';
import type { CustomPolarServer, PolarServer } from '../server.js';
import { type Environment, environmentText, writeEnvironmentFile } from './environment-file.js';
import type { Terminal } from './terminal.js';

const defaultRedirectURI = 'http://localhost:3000/auth/polar/callback';

/** What `passport-polar register --help` prints. */
export const registerHelp = `Usage: passport-polar register [options]

Registers an OAuth client at Polar and prints environment lines for the app. Needs no account.

  --redirect-uri URI   where people come back to; can be repeated
                       (default ${defaultRedirectURI})
  --scope "A B"        the most that the client may ask for (default "openid email")
  --name TEXT          what people read on the consent page (default "My app")
  --server NAME        production (default), sandbox, or the address of a local Polar
  --public             a client without a secret, for apps that cannot keep one
  --env-file PATH      write the lines into this file instead of printing them
  --help               show this text
`;

const options = {
  'redirect-uri': { type: 'string', multiple: true },
  scope: { type: 'string' },
  name: { type: 'string' },
  server: { type: 'string' },
  public: { type: 'boolean' },
  'env-file': { type: 'string' },
} as const;

/** `passport-polar register`: `POST /v1/oauth2/register` (RFC 7591). */
export async function registerCommand(args: readonly string[], terminal: Terminal): Promise<void> {
  const fail = (exitCode: number, error: unknown): void => {
    terminal.stderr.write(`passport-polar register: ${messageOf(error)}\n`);
    terminal.exitCode = exitCode;
  };
  let request: RegisterRequest;
  try {
    request = parseRequest(args);
  } catch (error) {
    return fail(2, `${messageOf(error).split(/(?<=\.)\s/, 1)[0]} Try --help.`);
  }
  try {
    const registration = await request.client.register(request.metadata);
    const environment = environmentOf(registration, request.server);
    const where = `${registration.redirectURIs.join(' or ')}`;
    if (request.envFile === undefined) {
      terminal.stdout.write(
        `# A Polar client that is called back at ${where}\n${environmentText(environment)}`,
      );
      return;
    }
    await writeEnvironmentFile(request.envFile, environment);
    const names = Object.keys(environment).join(', ');
    terminal.stdout.write(
      `A Polar client that is called back at ${where}. Wrote ${names} to ${request.envFile}.\n`,
    );
  } catch (error) {
    fail(1, error);
  }
}

interface RegisterRequest {
  readonly client: PolarRegistrationClient;
  readonly server: PolarServer;
  readonly metadata: Parameters<PolarRegistrationClient['register']>[0];
  readonly envFile: string | undefined;
}

function parseRequest(args: readonly string[]): RegisterRequest {
  const { values } = parseArgs({ args: [...args], options });
  const server = serverOf(values.server);
  return {
    client: new PolarRegistrationClient({ server }),
    server,
    metadata: {
      clientName: values.name ?? 'My app',
      redirectURIs: values['redirect-uri'] ?? [defaultRedirectURI],
      scope: (values.scope ?? 'openid email').split(/[ ,]+/).filter(Boolean),
      ...(values.public && { tokenEndpointAuthMethod: 'none' as const }),
    },
    envFile: values['env-file'],
  };
}

function serverOf(text = 'production'): 'production' | 'sandbox' | CustomPolarServer {
  if (text === 'production' || text === 'sandbox') return text;
  if (/^https?:\/\//.test(text)) return { webURL: text, apiURL: text };
  throw new TypeError(`--server takes production, sandbox or an address, not '${text}'.`);
}

function environmentOf(registration: ClientRegistration, server: PolarServer): Environment {
  const { clientID, clientSecret, registrationAccessToken } = registration;
  return {
    ...(typeof server === 'string'
      ? { POLAR_SERVER: server }
      : 'webURL' in server && { POLAR_WEB_URL: server.webURL, POLAR_API_URL: server.apiURL }),
    POLAR_CLIENT_ID: clientID,
    ...(clientSecret !== undefined && { POLAR_CLIENT_SECRET: clientSecret }),
    // Changes or deletes the client later on.
    ...(registrationAccessToken !== undefined && {
      POLAR_REGISTRATION_ACCESS_TOKEN: registrationAccessToken,
    }),
  };
}

// Not `instanceof Error`: under Jest, node's own errors come from another realm.
function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error);
}
