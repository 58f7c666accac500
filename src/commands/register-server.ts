import { createInterface } from 'node:readline';
import { parseURL } from '../emulator/parse-url.js';
import type { CustomPolarServer } from '../options/server.js';
import { shownValue } from '../text/shown-value.js';
import type { Terminal } from './terminal.js';

/** A server that can register a client. */
export type RegisterServer = 'production' | 'sandbox' | CustomPolarServer;

/** Polar's own addresses, as aliases of the names of its servers. */
const namedAddresses: Readonly<Record<string, 'production' | 'sandbox'>> = {
  'https://polar.sh': 'production',
  'https://api.polar.sh': 'production',
  'https://sandbox.polar.sh': 'sandbox',
  'https://sandbox-api.polar.sh': 'sandbox',
};

const CHOICES = 'sandbox, production or the address of a local Polar';

/**
 * Returns the server to register at: from the option, else from the environment of the app, else from a question at the
 * terminal. There is no default, because a client that was registered at the wrong server stays there.
 *
 * @throws TypeError if none of them names a server, or the name is invalid
 */
export async function serverToRegisterAt(
  option: string | undefined,
  terminal: Terminal,
): Promise<RegisterServer> {
  if (option !== undefined) return serverNamed(option);
  const server = serverInEnvironment(terminal);
  if (server !== undefined) {
    terminal.stderr.write(
      `Registering at ${terminal.env?.['POLAR_API_URL']?.trim()} (from POLAR_API_URL).\n`,
    );
    return server;
  }
  if (terminal.stdin?.isTTY !== true) {
    throw new TypeError(`Set --server to ${CHOICES}.`);
  }
  const answer = await ask(`Server to register at (${CHOICES}): `, terminal.stdin, terminal);
  return serverNamed(answer);
}

/**
 * Returns the server that a client is registered at: from the option, else from the client's environment.
 *
 * @throws TypeError if neither names a server, or the name is invalid
 */
export function serverOfClient(option: string | undefined, terminal: Terminal): RegisterServer {
  if (option !== undefined) return serverNamed(option);
  const server = serverInEnvironment(terminal);
  if (server !== undefined) return server;
  const name = terminal.env?.['POLAR_SERVER']?.trim();
  if (name === 'production' || name === 'sandbox') return name;
  if (name) throw new TypeError(`POLAR_SERVER must be production or sandbox, not '${name}'.`);
  throw new TypeError(
    `Set --server to the server of the client (${CHOICES}), or set POLAR_API_URL or POLAR_SERVER.`,
  );
}

function serverInEnvironment({ env }: Terminal): RegisterServer | undefined {
  const apiURL = env?.['POLAR_API_URL']?.trim();
  if (!apiURL) return undefined;
  const server = serverAt(apiURL, env?.['POLAR_WEB_URL']?.trim() || apiURL, 'POLAR_API_URL');
  if (server === undefined)
    throw new TypeError(`POLAR_API_URL must be an address, not ${shownValue(apiURL)}.`);
  return server;
}

function serverNamed(text: string): RegisterServer {
  if (text === 'production' || text === 'sandbox') return text;
  const server = serverAt(text, text, '--server');
  if (server === undefined) throw new TypeError(`--server must be ${CHOICES}, not ${shownValue(text)}.`);
  return server;
}

function serverAt(apiURL: string, webURL: string, name: string): RegisterServer | undefined {
  const { hostname, protocol } = parseURL(apiURL) ?? {};
  if (hostname === undefined || !/^https?:\/\//.test(apiURL)) return undefined;
  const onThisMachine = /^(127(\.\d+){3}|\[::1\]|(.+\.)?localhost)$/.test(hostname);
  if (protocol !== 'https:' && !onThisMachine) {
    throw new TypeError(
      `${name} must use https (plain http only on localhost), because it returns the client's secret.`,
    );
  }
  return namedAddresses[apiURL.replace(/\/$/, '')] ?? { webURL, apiURL };
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
