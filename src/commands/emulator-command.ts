import { parseArgs } from 'node:util';
import type { PolarEmulator } from '../emulator/controls/polar-emulator.js';
import {
  DEFAULT_CALLBACK_URL,
  type PolarEmulatorClientMetadata,
  type PolarEmulatorConsent,
  type PolarEmulatorOptions,
} from '../emulator/options.js';
import { startPolarEmulator } from '../emulator/start-emulator.js';
import { environmentText } from './environment-file.js';
import type { ServerTerminal } from './terminal.js';
import { hasCode, messageOf, usageError } from './terminal.js';

/** The output of `passport-polar-sh emulator --help`. */
export const emulatorHelp = `Usage: passport-polar-sh emulator [options]

Serves a local Polar for development: the page on which people log in, and the API.

  --port N             port to listen on; 0 picks a free one (default 0)
  --host ADDRESS       address to listen on (default 127.0.0.1); 0.0.0.0 is every one of this machine's, so
                       that everybody who reaches it can use this Polar
  --user EMAIL         who is signed in at this Polar (default ada@example.com)
  --consent MODE       ask: show the consent page (default); auto: consent at once; deny: refuse at once
  --realistic          behave as Polar does under load: commit late, hang, limit requests
  --redirect-uri URI   where the app is called back; can be repeated
                       (default ${DEFAULT_CALLBACK_URL})
  --client-id ID       the app's client id and secret, to be the same after a restart
  --client-secret TEXT (default random ones)
  --help               show this text

What it prints can be used as an environment file: all but the variables are comments.
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
    terminal.stdout.write(introduction(emulator, request));
  } catch (error) {
    await emulator?.close();
    // Errors of Node.js, a port in use say, have a code; the emulator's own errors concern the arguments.
    return fail(hasCode(error) ? 1 : 2, explained(error, request.options));
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
    return `port ${port} is taken (${message}). Choose another with --port, or 0 for any free one.`;
  }
  if (/EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN/.test(message)) {
    return `--host takes an address of this machine, and '${host}' is none (${message}).`;
  }
  if (/EACCES/.test(message))
    return `port ${port} may not be used by this process (${message}). Choose one above 1023.`;
  return message;
}

interface CommandRequest {
  readonly options: PolarEmulatorOptions;
  readonly client: Pick<PolarEmulatorClientMetadata, 'redirectURIs' | 'clientID' | 'clientSecret'>;
}

function parseCommand(args: readonly string[]): CommandRequest {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const port = Number(values.port ?? '0');
  if (!Number.isInteger(port) || port < 0 || port > 65_535 || values.port === '') {
    throw new TypeError(`--port takes a number from 0 to 65535, not '${values.port}'.`);
  }
  const { consent = 'ask', host, realistic = false, user } = values;
  for (const name of ['host', 'client-id', 'client-secret'] as const) {
    if (values[name]?.trim() === '') throw new TypeError(`--${name} must not be empty.`);
  }
  if (!isConsent(consent)) throw new TypeError(`--consent takes ask, auto or deny, not '${consent}'.`);
  return {
    options: { port, host, consent, realistic, user },
    client: {
      redirectURIs: values['redirect-uri'] ?? [DEFAULT_CALLBACK_URL],
      clientID: values['client-id'],
      clientSecret: values['client-secret'],
    },
  };
}

function isConsent(text: string): text is PolarEmulatorConsent {
  return text === 'ask' || text === 'auto' || text === 'deny';
}

// In the format of an environment file, so that the output can be redirected into one.
function introduction(emulator: PolarEmulator, { client, options }: CommandRequest): string {
  const { clientID, clientSecret, redirectURIs } = emulator.registerClient({ ...client, name: 'Your app' });
  const variables = environmentText({
    POLAR_WEB_URL: emulator.webURL,
    POLAR_API_URL: emulator.apiURL,
    POLAR_ISSUER: emulator.issuer,
    POLAR_CLIENT_ID: clientID,
    POLAR_CLIENT_SECRET: clientSecret,
  });
  return `# A local Polar${options.realistic ? ' under load' : ''} is listening on ${emulator.url}
# Signed in there: ${emulator.user || 'nobody'}. Consent: ${emulator.consent}. Stop it with Ctrl-C.
# Environment for an app that is called back at ${redirectURIs.join(' or ')}:

${variables}`;
}
