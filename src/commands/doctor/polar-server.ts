import { isLocalHTTP } from '../../options/option-checks.js';
import {
  type PolarServer,
  type PolarServerName,
  polarAt,
  resolveServer,
  serverNamed,
} from '../../options/server.js';
import { parseURL } from '../../text/parse-url.js';
import { type CheckResult, failed, ok, warning } from './check.js';
import type { Env, ExaminedApp } from './examined-app.js';
import { problemOfText } from './variable.js';

type ExaminedServer = ExaminedApp['server'];

/** Finds out which Polar the app uses: from the option, else from POLAR_API_URL and POLAR_WEB_URL, else from POLAR_SERVER. */
export function examineServer(option: string | undefined, env: Env): ExaminedServer {
  if (option !== undefined) return serverOf('--server', option);
  const [apiURL, webURL, name] = ['POLAR_API_URL', 'POLAR_WEB_URL', 'POLAR_SERVER'].map(
    (variable) => env[variable] || undefined,
  );
  if (apiURL === undefined && webURL === undefined) {
    if (name !== undefined) return serverOf('POLAR_SERVER', name);
    if (env['POLAR_SERVER'] === '')
      return {
        ...known('production'),
        result: warning(
          'POLAR_SERVER is set, but empty; checked production',
          'Remove the variable or name a server: the option server refuses an empty text.',
        ),
      };
    return checked('production', 'production, the default: POLAR_SERVER is not set');
  }
  if (apiURL === undefined || webURL === undefined)
    return wrong(
      `only one of POLAR_WEB_URL and POLAR_API_URL is set`,
      'Set both, or POLAR_SERVER instead of them.',
    );
  const problem = problemOfText('POLAR_API_URL', apiURL) ?? problemOfText('POLAR_WEB_URL', webURL);
  if (problem !== undefined) return { result: problem };
  const found = serverAt({ webURL, apiURL }, 'POLAR_WEB_URL or POLAR_API_URL');
  if (found.resolved === undefined || name === undefined) return found;
  return {
    ...found,
    result: warning(
      'POLAR_SERVER is set as well as POLAR_API_URL; checked the latter',
      'Set only the one that your app reads.',
    ),
  };
}

function serverOf(variable: string, text: string): ExaminedServer {
  const problem = problemOfText(variable, text);
  if (problem !== undefined) return { result: problem };
  const name = ownServer(text);
  if (name !== undefined) return checked(name, name);
  const isAddress = /^https?:\/\//i.test(text) && parseURL(text) !== undefined;
  if (!isAddress)
    return wrong(
      `${variable} is neither production, sandbox nor an address`,
      `Set it to production, sandbox, or an address such as http://127.0.0.1:4100.`,
    );
  return serverAt({ webURL: text, apiURL: text }, variable);
}

/** One of Polar's own servers, by name or address. */
function ownServer(text: string): PolarServerName | undefined {
  try {
    const server = serverNamed(text);
    return typeof server === 'string' ? server : undefined;
  } catch {
    return undefined; // an address that the next check explains
  }
}

function serverAt(server: { webURL: string; apiURL: string }, variable: string): ExaminedServer {
  const [web, api] = [server.webURL, server.apiURL].map((url) => parseURL(url)?.hostname ?? '');
  // Polar's two addresses belong together: none of them is a whole server.
  if ([web, api].some((host) => /(^|\.)polar\.sh$/.test(host ?? ''))) {
    const name = polarNames[`${web} ${api}`];
    if (name !== undefined) return checked(name, name);
    return wrong(
      `${variable} names only a part of Polar, or parts of two`,
      'Set POLAR_SERVER to production or sandbox instead.',
    );
  }
  try {
    return checked(server, 'an address of its own');
  } catch {
    // Plain http to another machine is allowed only on demand.
  }
  try {
    if (!isNearby(api ?? '')) throw new TypeError('the client secret would be sent over the internet');
    return {
      ...known({ ...server, allowInsecureHTTP: true }),
      result: warning(
        `${variable} is plain http to another machine: secrets and tokens can be read on the way`,
        'Use https. For a local Polar in another container only, add allowInsecureHTTP: true to server.',
      ),
    };
  } catch {
    return wrong(
      `${variable} is not the address of a server`,
      'Use an address with https and without user name, query and fragment, such as https://polar.example.',
    );
  }
}

/** True for another container or a private network, where a local Polar may be. */
function isNearby(hostname: string): boolean {
  const url = parseURL(`http://${hostname}`);
  return /^[\w-]+$|\.internal$/.test(hostname) || (url !== undefined && isLocalHTTP(url));
}

const polarNames: Readonly<Record<string, PolarServerName>> = {
  'polar.sh api.polar.sh': 'production',
  'sandbox.polar.sh sandbox-api.polar.sh': 'sandbox',
};

function checked(server: PolarServer, found: string): ExaminedServer {
  return { ...known(server), result: ok(found) };
}

/** A `server` option, as given and as resolved. */
function known(option: PolarServer) {
  return { option, resolved: resolveServer(option) };
}

function wrong(found: string, remedy: string): { readonly result: CheckResult } {
  return { result: failed(found, remedy) };
}

/** The other one of Polar's own servers; undefined for any server that is not Polar's. */
export function otherPolar(server: ExaminedServer): [name: string, server: ExaminedServer] | undefined {
  const name = server.resolved && polarAt(server.resolved);
  if (name === undefined) return undefined;
  const other = name === 'production' ? 'sandbox' : 'production';
  return [other, checked(other, other)];
}
