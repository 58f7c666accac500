import { parseArgs } from 'node:util';
import type { PolarEmulator } from '../emulator/controls/polar-emulator.js';
import {
  DEFAULT_CALLBACK_URL,
  type PolarEmulatorClientMetadata,
  type PolarEmulatorConsent,
  type PolarEmulatorOptions,
} from '../emulator/options.js';
import { startPolarEmulator } from '../emulator/start-emulator.js';
import { clientEnvironment } from './client-environment.js';
import { environmentText, readEnvironmentFile, writeEnvironmentFile } from './environment-file.js';
import type { ServerTerminal } from './terminal.js';
import { hasCode, messageOf, usageError } from './terminal.js';

/** The output of `passport-polar-sh emulator --help`. */
export const emulatorHelp = `Usage: passport-polar-sh emulator [options]

Starts a local Polar for development: its login page and its API.

  --port N               port to listen on; 0 picks a free one (default: 0)
  --host ADDRESS         address to listen on (default: 127.0.0.1); 0.0.0.0 listens on all addresses, so
                         that anyone who can reach this machine can use this Polar
  --user EMAIL           the user who is signed in (default: ada@example.com)
  --consent MODE         ask: show the consent page; auto: allow at once; deny: deny at once (default: ask)
  --realistic            behave as Polar does under load: commit late, hang, limit requests
  --redirect-uri URI     redirect URI of the app; can be repeated
                         (default: ${DEFAULT_CALLBACK_URL})
  --client-id ID         id of the client, to keep it across restarts (default: a random one)
  --client-secret TEXT   secret of the client, to keep it across restarts (default: a random one)
  --write-env FILE       write the variables to this file instead of printing them; its other lines stay.
                         Adds a random SESSION_SECRET unless the file has one. Keeps the client of the file
                         if its POLAR_SERVER is this address: restart with the same --port
  --help                 show this text

The output is a valid environment file: everything but the variables is a comment.
`;

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  user: { type: 'string' },
  consent: { type: 'string' },
  realistic: { type: 'boolean' },
  'redirect-uri': { type: 'string', multiple: true },
  'client-id': { type: 'string' },
  'client-secret': { type: 'string' },
  'write-env': { type: 'string' },
} as const;

/**
 * `passport-polar-sh emulator`: starts an emulator, registers a client and prints the environment variables for an app.
 * SIGINT and SIGTERM stop it, even if they are sent to the npm process that runs it.
 *
 * @returns the running emulator, or `undefined` if none was started
 */
export async function emulatorCommand(
  args: readonly string[],
  terminal: ServerTerminal,
): Promise<PolarEmulator | undefined> {
  const fail = (exitCode: number, message: string) => {
    terminal.stderr.write(`passport-polar-sh emulator: ${message}\n`);
    terminal.exitCode = exitCode;
    return undefined;
  };
  let request: CommandRequest;
  try {
    request = parseCommand(args);
  } catch (error) {
    return fail(2, usageError(error));
  }
  let emulator: PolarEmulator | undefined;
  try {
    emulator = await startPolarEmulator(request.options);
    terminal.stdout.write(await introduction(emulator, request));
  } catch (error) {
    await emulator?.close();
    // Errors of Node.js, a port in use say, have a code; the emulator's own errors concern the arguments.
    const isOfSystem = hasCode(error) || hasCode((error as Error).cause);
    return fail(isOfSystem ? 1 : 2, explained(error, request.options));
  }
  const running = emulator;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) terminal.once(signal, () => void running.close());
  stopWithShell(terminal, running);
  return running;
}

const SHELL_CHECK_MS = 250;

/**
 * Stops the emulator when its shell exits. `npx` and `npm run` start this process through a shell, which does not forward the
 * signals that npm receives; once the shell is gone, nothing else would stop this server.
 */
function stopWithShell(terminal: ServerTerminal, emulator: PolarEmulator): void {
  if (terminal.env?.['npm_lifecycle_event'] === undefined) return;
  const shell = terminal.ppid;
  const timer = setInterval(() => {
    if (terminal.ppid === shell) return;
    clearInterval(timer);
    void emulator.close();
  }, SHELL_CHECK_MS);
  timer.unref();
}

/** Explains what to do if this process cannot listen on an address. */
function explained(error: unknown, { host, port }: PolarEmulatorOptions): string {
  const message = messageOf(error);
  if (/EADDRINUSE/.test(message)) {
    return `port ${port} is in use (${message}). Choose another with --port; 0 picks a free one.`;
  }
  if (/EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN/.test(message)) {
    return `--host must be an address of this machine, not '${host}' (${message}).`;
  }
  if (/EACCES/.test(message))
    return `this process may not listen on port ${port} (${message}). Choose a port above 1023.`;
  return message;
}

interface CommandRequest {
  readonly options: PolarEmulatorOptions;
  readonly client: Pick<PolarEmulatorClientMetadata, 'redirectURIs' | 'clientID' | 'clientSecret'>;
  readonly envFile: string | undefined;
}

function parseCommand(args: readonly string[]): CommandRequest {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const port = Number(values.port ?? '0');
  if (!/^\d+$/.test(values.port ?? '0') || port > 65_535) {
    throw new TypeError(`--port must be a number from 0 to 65535, not '${values.port}'.`);
  }
  const { consent = 'ask', host, realistic = false, user } = values;
  for (const name of ['host', 'client-id', 'client-secret', 'write-env'] as const) {
    if (values[name]?.trim() === '') throw new TypeError(`--${name} must not be empty.`);
  }
  if (!isConsent(consent)) throw new TypeError(`--consent must be ask, auto or deny, not '${consent}'.`);
  return {
    options: { port, host, consent, realistic, user },
    client: {
      redirectURIs: values['redirect-uri'] ?? [DEFAULT_CALLBACK_URL],
      clientID: values['client-id'],
      clientSecret: values['client-secret'],
    },
    envFile: values['write-env'],
  };
}

function isConsent(text: string): text is PolarEmulatorConsent {
  return text === 'ask' || text === 'auto' || text === 'deny';
}

// In the format of an environment file, so that the output can be redirected into one.
async function introduction(
  emulator: PolarEmulator,
  { client, options, envFile }: CommandRequest,
): Promise<string> {
  const kept = envFile === undefined ? undefined : await clientToKeep(envFile, emulator.url, client);
  const registered = emulator.registerClient({ ...client, ...kept, name: 'Your app' });
  const { clientID, clientSecret, redirectURIs } = registered;
  const environment = clientEnvironment({ server: emulator.url, clientID, clientSecret });
  if (envFile !== undefined) await inFile(envFile, () => writeEnvironmentFile(envFile, environment));
  const written = `# written to ${envFile}${kept === undefined ? '' : ', with the client that it had'}\n`;
  return `# A local Polar${options.realistic ? ' under load' : ''} is listening on ${emulator.url}
# Signed in: ${emulator.user || 'nobody'}. Consent: ${emulator.consent}. Press Ctrl-C to stop.
# Environment for an app with the redirect URI ${redirectURIs.join(' or ')}:
${envFile === undefined ? `\n${environmentText(environment)}` : written}`;
}

/** The client of the file, if it is one of a local Polar at this address: an app that is running then need not restart. */
async function clientToKeep(
  envFile: string,
  url: string,
  given: CommandRequest['client'],
): Promise<{ clientID: string; clientSecret: string } | undefined> {
  if (given.clientID !== undefined || given.clientSecret !== undefined) return undefined;
  const env = await inFile(envFile, () => readEnvironmentFile(envFile));
  const { POLAR_SERVER: server, POLAR_CLIENT_ID: clientID, POLAR_CLIENT_SECRET: clientSecret } = env;
  const isHere = server?.replace(/\/$/, '') === url;
  return isHere && clientID && clientSecret ? { clientID, clientSecret } : undefined;
}

async function inFile<T>(envFile: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${envFile} could not be read or written (${messageOf(error)}).`, { cause: error });
  }
}
