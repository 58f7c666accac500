import { parseArgs } from 'node:util';
import type { RegistrationAccess } from '../client/registrations.js';
import { PolarRegistrationClient } from '../client/registrations.js';
import { normalizeRedirectURI } from '../emulator/clients/redirect-uri.js';
import { isAccessToken } from '../text/token-characters.js';
import { changeRedirectURIs, type RedirectURIChange } from './change-redirect-uris.js';
import type { Environment } from './environment-file.js';
import { environmentOf, readEnvHelp, refuseEnvFile } from './read-env.js';
import { serverOfClient } from './register-server.js';
import type { Terminal } from './terminal.js';
import { failureText, usageError } from './terminal.js';

/** The output of `passport-polar-sh redirect-uris --help`. */
export const redirectURIsHelp = `Usage: passport-polar-sh redirect-uris list [options]
       passport-polar-sh redirect-uris add URI [options]
       passport-polar-sh redirect-uris remove URI [options]

Lists and changes the redirect URIs of a client, and nothing else. Can be repeated: adding a URI that is
registered, or removing one that is not, changes nothing and succeeds.

  --server NAME          sandbox, production, or the address of a local Polar
                         (default: POLAR_WEB_URL and POLAR_API_URL, then POLAR_SERVER)
${readEnvHelp}
  --help                 show this text

Environment variables, as printed by the command register:
  POLAR_CLIENT_ID                   id of the client
  POLAR_REGISTRATION_ACCESS_TOKEN   token for its registration. Anyone who has it can read the client's secret
                                    and change its redirect URIs: protect it like the secret
`;

/**
 * Milliseconds for each request. Polar serializes the writes to one client, and each may wait for half a minute. A write that
 * the client gave up on may still be applied, after all processes have already checked the list.
 */
const TIMEOUT_MS = 120_000;

/**
 * Waits as long as another process may take from reading the list to writing it, plus Polar's commit (a second). The random
 * part keeps two processes from colliding again.
 */
const settle = (): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, 2000 + Math.random() * 1000));

/**
 * `passport-polar-sh redirect-uris`: `GET` and `PUT /v1/oauth2/register/{client_id}` (RFC 7592).
 *
 * @param pause see `RedirectURIWork`
 */
export async function redirectURIsCommand(
  args: readonly string[],
  terminal: Terminal,
  pause: () => Promise<void> = settle,
): Promise<void> {
  const fail = (exitCode: number, message: string): void => {
    terminal.stderr.write(`passport-polar-sh redirect-uris: ${onOneLine(message)}\n`);
    terminal.exitCode = exitCode;
  };
  let request: RedirectURIsRequest;
  try {
    request = parseRequest(args, terminal);
  } catch (error) {
    return fail(2, usageError(error));
  }
  const { access, change, registrations } = request;
  try {
    if (change === undefined) {
      const { redirectURIs } = await registrations.readRegistration(access);
      terminal.stdout.write(redirectURIs.map((uri) => `${onOneLine(uri)}\n`).join(''));
    } else {
      const hasChanged = await changeRedirectURIs(change, { registrations, access, pause });
      terminal.stdout.write(`${report(change, hasChanged)}\n`);
    }
  } catch (error) {
    fail(1, failureText(error));
  }
}

function report({ action, uri }: RedirectURIChange, hasChanged: boolean): string {
  if (hasChanged) return `${action === 'add' ? 'Added' : 'Removed'} ${uri}`;
  return `Nothing to do: ${uri} is ${action === 'add' ? 'already registered' : 'not registered'}`;
}

// Text from outside must not imitate output lines of this command, or control the terminal.
function onOneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ');
}

interface RedirectURIsRequest {
  readonly registrations: PolarRegistrationClient;
  readonly access: RegistrationAccess;
  /** Absent for `list`. */
  readonly change: RedirectURIChange | undefined;
}

function parseRequest(args: readonly string[], terminal: Terminal): RedirectURIsRequest {
  refuseEnvFile(args, '--read-env');
  const options = { server: { type: 'string' }, 'read-env': { type: 'string' } } as const;
  const { positionals, values } = parseArgs({ args: [...args], options, allowPositionals: true });
  const change = changeOf(positionals);
  const env = environmentOf(terminal, values['read-env']);
  const access = {
    clientID: variable('POLAR_CLIENT_ID', env),
    registrationAccessToken: variable(
      'POLAR_REGISTRATION_ACCESS_TOKEN',
      env,
      '; the client of a local Polar has none: start the emulator with --redirect-uri instead',
    ),
  };
  if (!isAccessToken(access.registrationAccessToken))
    throw new TypeError('POLAR_REGISTRATION_ACCESS_TOKEN has invalid characters.');
  const server = serverOfClient(values.server, env);
  return { registrations: new PolarRegistrationClient({ server, timeoutMs: TIMEOUT_MS }), access, change };
}

function changeOf([action, uri, ...more]: readonly string[]): RedirectURIChange | undefined {
  if (action !== 'list' && action !== 'add' && action !== 'remove')
    throw new TypeError(`Expected list, add or remove${action === undefined ? '' : `, not '${action}'`}.`);
  const [unexpected] = action === 'list' && uri !== undefined ? [uri] : more;
  if (unexpected !== undefined) throw new TypeError(`Unexpected argument '${unexpected}'.`);
  if (action === 'list') return undefined;
  const url = normalizeRedirectURI(uri ?? '');
  if (url === 'not-a-url' || (url !== 'https-required' && url.href.includes('#'))) {
    throw new TypeError(
      `${action} needs an absolute URI without a fragment, such as https://app.example/auth/polar/callback.`,
    );
  }
  if (url === 'https-required')
    throw new TypeError(
      `Polar accepts https, or http on localhost and private IPv4 addresses, not '${uri}'.`,
    );
  return { action, uri: url.href };
}

function variable(name: string, env: Environment, otherwise = ''): string {
  const value = env[name]?.trim();
  if (value) return value;
  throw new TypeError(
    `${name} is not set: use the value that the command register printed, or pass the file that it wrote with --read-env${otherwise}.`,
  );
}
