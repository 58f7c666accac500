import { parseArgs } from 'node:util';
import type { ClientRegistration } from '../client/client-metadata.js';
import { aboutUnknownScopes } from '../client/polar-scope.js';
import { PolarRegistrationClient } from '../client/registrations.js';
import { clientEnvironment } from './client-environment.js';
import { checkEnvironmentFile, environmentText, writeEnvironmentFile } from './environment-file.js';
import { environmentOf, readEnvHelp, refuseEnvFile } from './read-env.js';
import { type RegisterServer, serverToRegisterAt } from './register-server.js';
import type { Terminal } from './terminal.js';
import { failureText, messageOf, usageError } from './terminal.js';

const defaultRedirectURI = 'http://localhost:3000/auth/polar/callback';

/** The output of `passport-polar-sh register --help`. */
export const registerHelp = `Usage: passport-polar-sh register [options]

Registers an OAuth client at Polar and prints its environment variables. Needs no account.

  --server NAME          sandbox, production, or the address of a local Polar
                         (default: POLAR_WEB_URL and POLAR_API_URL, then POLAR_SERVER;
                         if none is set, the command asks, or fails in a script)
  --redirect-uri URI     redirect URI of the app; can be repeated
                         (default: ${defaultRedirectURI})
  --scope "A B"          all scopes that the app may request (default: openid email)
  --name TEXT            name shown on the consent page (default: My app)
  --public               a client without a secret, for apps that cannot keep one
  --write-env FILE       write the variables to this file instead of printing them; its other lines stay.
                         Adds a random SESSION_SECRET unless the file has one
${readEnvHelp}
  --help                 show this text
`;

const options = {
  'redirect-uri': { type: 'string', multiple: true },
  scope: { type: 'string' },
  name: { type: 'string' },
  server: { type: 'string' },
  public: { type: 'boolean' },
  'write-env': { type: 'string' },
  'read-env': { type: 'string' },
} as const;

/** `passport-polar-sh register`: `POST /v1/oauth2/register` (RFC 7591). */
export async function registerCommand(args: readonly string[], terminal: Terminal): Promise<void> {
  const fail = (exitCode: number, error: unknown): void => {
    terminal.stderr.write(`passport-polar-sh register: ${failureText(error)}\n`);
    terminal.exitCode = exitCode;
  };
  let request: RegisterRequest;
  try {
    request = await parseRequest(args, terminal);
  } catch (error) {
    return fail(2, new TypeError(usageError(error)));
  }
  try {
    const { client, envFile, metadata, server } = request;
    // Before registering: Polar shows the secret only once, and a client without it would stay there, unusable.
    if (envFile !== undefined) await checkEnvironmentFile(envFile);
    const registration = await client.register(metadata).catch((error: unknown) => {
      const message = messageOf(error);
      throw /scope/.test(message)
        ? new Error(message + aboutUnknownScopes(metadata.scope), { cause: error })
        : error;
    });
    const environment = clientEnvironment({ ...registration, server });
    const text = `${titleOf(registration)}\n${environmentText(environment)}`;
    if (envFile === undefined) return void terminal.stdout.write(text);
    try {
      await writeEnvironmentFile(envFile, environment);
    } catch (error) {
      terminal.stdout.write(text);
      throw new Error(
        `The client is registered, but ${envFile} could not be written (${messageOf(error)}). Its variables are printed instead: keep them.`,
      );
    }
    terminal.stdout.write(`${titleOf(registration)}\n# Its id and secrets are in ${envFile}.\n`);
  } catch (error) {
    fail(1, error);
  }
}

// A comment, because a shell may read these lines: text from outside must not end it.
function titleOf({ redirectURIs }: ClientRegistration): string {
  return `# A Polar client with the redirect URI ${redirectURIs.join(' or ')}`.replace(/[^\x20-\x7e]+/g, ' ');
}

interface RegisterRequest {
  readonly client: PolarRegistrationClient;
  readonly server: RegisterServer;
  readonly metadata: Parameters<PolarRegistrationClient['register']>[0] & {
    readonly scope: readonly string[];
  };
  readonly envFile: string | undefined;
}

async function parseRequest(args: readonly string[], terminal: Terminal): Promise<RegisterRequest> {
  refuseEnvFile(args, '--write-env or --read-env');
  const { values } = parseArgs({ args: [...args], options });
  if (values['write-env'] === '') throw new TypeError('--write-env needs a path.');
  const server = await serverToRegisterAt(
    values.server,
    environmentOf(terminal, values['read-env']),
    terminal,
  );
  return {
    client: new PolarRegistrationClient({ server }),
    server,
    metadata: {
      clientName: values.name ?? 'My app',
      redirectURIs: values['redirect-uri'] ?? [defaultRedirectURI],
      scope: (values.scope ?? 'openid email').split(/[ ,]+/).filter(Boolean),
      ...(values.public && { tokenEndpointAuthMethod: 'none' as const }),
    },
    envFile: values['write-env'],
  };
}
