import { createInterface } from 'node:readline';
import { type CustomPolarServer, type PolarServerName, serverNamed } from '../options/server.js';
import { shownValue } from '../text/shown-value.js';
import type { Environment } from './environment-file.js';
import type { Terminal } from './terminal.js';

/** A server that can register a client. */
export type RegisterServer = PolarServerName | CustomPolarServer;

const CHOICES = 'sandbox, production or the address of a local Polar';

/**
 * Returns the server to register at: from the option, else from the environment of the app, else from a question at the
 * terminal. There is no default, because a client that was registered at the wrong server stays there.
 *
 * @throws TypeError if none of them names a server, or the name is invalid
 */
export async function serverToRegisterAt(
  option: string | undefined,
  env: Environment,
  terminal: Terminal,
): Promise<RegisterServer> {
  if (option !== undefined) return checked(option, '--server');
  const found = serverInEnvironment(env);
  if (found !== undefined) {
    terminal.stderr.write(`Registering at ${found.text} (from ${found.variable}).\n`);
    return found.server;
  }
  if (terminal.stdin?.isTTY !== true) {
    throw new TypeError(`Set --server to ${CHOICES}.`);
  }
  const answer = await ask(`Server to register at (${CHOICES}): `, terminal.stdin, terminal);
  return checked(answer, '--server');
}

/**
 * Returns the server that a client is registered at: from the option, else from the client's environment.
 *
 * @throws TypeError if neither names a server, or the name is invalid
 */
export function serverOfClient(option: string | undefined, env: Environment): RegisterServer {
  if (option !== undefined) return checked(option, '--server');
  const server = serverInEnvironment(env)?.server;
  if (server !== undefined) return server;
  throw new TypeError(`Set --server to the server of the client (${CHOICES}), or set POLAR_SERVER.`);
}

/** The server in `POLAR_SERVER`, or in `POLAR_WEB_URL` and `POLAR_API_URL` for a Polar whose two addresses differ. */
function serverInEnvironment(
  env: Environment,
): { server: RegisterServer; variable: string; text: string } | undefined {
  for (const variable of ['POLAR_API_URL', 'POLAR_SERVER']) {
    const text = env[variable]?.trim();
    if (!text) continue;
    const server = checked(text, variable);
    const webURL = env['POLAR_WEB_URL']?.trim();
    const hasPages = variable === 'POLAR_API_URL' && webURL && typeof server === 'object';
    return { server: hasPages ? { ...server, webURL } : server, variable, text };
  }
  return undefined;
}

function checked(text: string, name: string): RegisterServer {
  const server = serverNamed(text, name);
  if (server === undefined) throw new TypeError(`${name} must be ${CHOICES}, not ${shownValue(text)}.`);
  return server;
}

/** Asks the user for one line; empty at the end of the input. Writes to stderr, because stdout may go into a file. */
function ask(question: string, stdin: NodeJS.ReadableStream, { stderr }: Terminal): Promise<string> {
  stderr.write(question);
  const lines = createInterface({ input: stdin });
  return new Promise((resolve) => {
    lines.once('line', (line) => {
      resolve(line.trim());
      lines.close();
    });
    lines.once('close', () => resolve(''));
  });
}
