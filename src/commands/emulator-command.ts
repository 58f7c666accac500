import { parseArgs } from 'node:util';
import type { PolarEmulator } from '../emulator/controls/polar-emulator.js';
import {
  DEFAULT_CALLBACK_URL,
  type PolarEmulatorConsent,
  type PolarEmulatorOptions,
} from '../emulator/options.js';
import { startPolarEmulator } from '../emulator/start-emulator.js';
import { hasCode, messageOf, usageError } from './error-text.js';
import type { ServerTerminal } from './terminal.js';

/** What `passport-polar-sh emulator --help` prints. */
export const emulatorHelp = `Usage: passport-polar-sh emulator [options]

Serves a local Polar for development: the page on which people log in, and the API.

  --port N             port to listen on; 0 picks a free one (default 0)
  --user EMAIL         who is signed in at this Polar (default ada@example.com)
  --consent MODE       ask: show the consent page (default); auto: consent at once; deny: refuse at once
  --realistic          behave as Polar does under load: commit late, hang, limit requests
  --redirect-uri URI   where the app is called back; can be repeated
                       (default ${DEFAULT_CALLBACK_URL})
  --help               show this text
`;

const OPTIONS = {
  port: { type: 'string' },
  user: { type: 'string' },
  consent: { type: 'string' },
  realistic: { type: 'boolean' },
  'redirect-uri': { type: 'string', multiple: true },
} as const;

/**
 * `passport-polar-sh emulator`: starts an emulator, registers a client with it and prints what an app needs to know.
 * SIGINT and SIGTERM stop it, also when they are sent to the npm that runs it.
 *
 * @returns the running emulator, or `undefined` when none was started
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
    // Node's errors, a port in use say, have a code; the emulator's own are about the arguments.
    return fail(hasCode(error) ? 1 : 2, messageOf(error));
  }
  const running = emulator;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) terminal.once(signal, () => void running.close());
  stopWithShell(terminal, running);
  return running;
}

const SHELL_CHECK_MS = 250;

/**
 * Between `npx` or `npm run` and this process stands a shell, which takes a signal for npm without handing it on. Once
 * that shell is gone, nobody is left who could stop this server.
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

interface CommandRequest {
  readonly options: PolarEmulatorOptions;
  readonly redirectURIs: readonly string[];
}

function parseCommand(args: readonly string[]): CommandRequest {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const port = Number(values.port ?? '0');
  if (!Number.isInteger(port) || port < 0 || port > 65_535 || values.port === '') {
    throw new TypeError(`--port takes a number from 0 to 65535, not '${values.port}'.`);
  }
  const { consent = 'ask', realistic = false, user } = values;
  if (!isConsent(consent)) throw new TypeError(`--consent takes ask, auto or deny, not '${consent}'.`);
  return {
    options: { port, consent, realistic, user },
    redirectURIs: values['redirect-uri'] ?? [DEFAULT_CALLBACK_URL],
  };
}

function isConsent(text: string): text is PolarEmulatorConsent {
  return text === 'ask' || text === 'auto' || text === 'deny';
}

function introduction(emulator: PolarEmulator, { options, redirectURIs }: CommandRequest): string {
  const client = emulator.registerClient({ redirectURIs, name: 'Your app' });
  return `A local Polar${options.realistic ? ' under load' : ''} is listening on ${emulator.url}
Signed in there: ${emulator.user}. Consent: ${emulator.consent}. Stop it with Ctrl-C.

Environment for an app that is called back at ${client.redirectURIs.join(' or ')}:

POLAR_WEB_URL=${emulator.webURL}
POLAR_API_URL=${emulator.apiURL}
POLAR_ISSUER=${emulator.issuer}
POLAR_CLIENT_ID=${client.clientID}
POLAR_CLIENT_SECRET=${client.clientSecret ?? ''}
`;
}
