import { PolarError, PolarResponseError } from '../../errors.js';
import { parseURL } from '../../text/parse-url.js';
import { type CheckResult, failed, skipped, warning } from './check.js';
import type { Env, ExaminedApp, PolarContact } from './examined-app.js';

/** The code of a system or TLS error, wherever it is in the chain of causes. */
function systemCode(error: unknown, depth = 0): string {
  const { cause, code, message } = Object(error) as { cause?: unknown; code?: unknown; message?: unknown };
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code)) return code;
  if (message === 'bad port') return message; // of fetch, which has no code for it
  return cause === undefined || depth > 4 ? '' : systemCode(cause, depth + 1);
}

type Advice = readonly [codes: RegExp, found: string, remedy: string];

const advices: readonly Advice[] = [
  [
    /^(ENOTFOUND|EAI_\w+)$/,
    'its name cannot be resolved',
    'Check the address, and the name resolution (DNS) of this machine or container.',
  ],
  [
    /^ECONNREFUSED$/,
    'the connection is refused',
    'Check the address and the port, and that the server runs.',
  ],
  [
    /^bad port$/,
    'fetch and browsers refuse its port, which belongs to another protocol',
    'Use another port, such as 4100.',
  ],
  [
    /SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|CERT_(UNTRUSTED|SIGNATURE_FAILURE|CHAIN)/,
    'its certificate is not trusted',
    'If a proxy or a server of your own issued it, name its authority: NODE_EXTRA_CA_CERTS=/path/to/ca.pem',
  ],
  [
    /ALTNAME_INVALID/,
    'its certificate is for another host',
    'Check the address, and whether a proxy is in between.',
  ],
  [
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    'its certificate is not valid at this time',
    'Check the clock of this machine, then the certificate.',
  ],
  [
    /^(EPROTO|ERR_SSL_\w+)$/,
    'TLS fails',
    'Check the address and the port: https and rediss need one that speaks TLS.',
  ],
  [/^HPE_/, 'it does not speak HTTP', 'Check the address and the port, and whether it has to be https.'],
  [
    /^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/,
    'the connection is cut off',
    'Check the firewall and the proxy of this network.',
  ],
  [
    /^(E(HOST|NET)UNREACH|ENETDOWN|EADDRNOTAVAIL)$/,
    'there is no route to it',
    'Check the network of this machine or container.',
  ],
  [
    /^(ETIMEDOUT|UND_ERR_\w*TIMEOUT|timeout)$/,
    'it does not respond in time',
    'Check the network, and whether a firewall lets this machine out.',
  ],
];

/** Explains an error of the system or of TLS; undefined for any other. */
export function explainConnection(error: unknown): CheckResult | undefined {
  const code = systemCode(error);
  const [, found, remedy] = advices.find(([codes]) => codes.test(code)) ?? [];
  if (found === undefined || remedy === undefined) return undefined;
  return failed(`cannot be reached: ${found} (${code})`, remedy);
}

/** Explains why the first request to Polar brought no response. */
export function explainUnreachable(error: unknown, apiURL: string, env: Env): CheckResult {
  const polarCode = error instanceof PolarError ? error.code : '';
  if (polarCode === 'rate_limited' || polarCode === 'server_error')
    return warning(`${apiURL} responds, but is busy (${polarCode})`, 'Run the command again in a minute.');
  if (!isUnanswered(error))
    return failed(
      `${apiURL} responds, but not as Polar does (${polarCode || 'unknown error'})`,
      'Check the address: is it that of the API, or is a proxy in between?',
    );
  const code = polarCode === 'timeout' ? polarCode : systemCode(error);
  const advice = advices.find(([codes]) => codes.test(code));
  const [, found, remedy] = advice ?? [undefined, 'the request failed', 'Check the network of this machine.'];
  const what = `${apiURL} is unreachable: ${found}${code && ` (${code})`}`;
  return failed(what, proxyAdvice(env, apiURL) ?? remedy);
}

/** Node.js reads the variables for proxies only on demand. */
function proxyAdvice(env: Env, apiURL: string): string | undefined {
  const name = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].find((each) => env[each]);
  const hostname = parseURL(apiURL)?.hostname ?? '';
  const isLocal = /^(127(\.\d+){3}|\[::1\]|(.+\.)?localhost)$/.test(hostname);
  if (name === undefined || isLocal || env['NODE_USE_ENV_PROXY'] === '1') return undefined;
  return `${name} is set, but Node.js reads it only with NODE_USE_ENV_PROXY=1 (from Node.js 22.21 and 24.0 on). docs/outgoing-proxy.md has the way for others.`;
}

/** True for the public keys of a Polar. */
export function isOfPolar(contact: PolarContact): boolean {
  if ('error' in contact) return false;
  return contact.status === 200 && Array.isArray((Object(contact.body) as { keys?: unknown }).keys);
}

/** Skips a check if no Polar responds at the address, whatever does: the row of the first request says so. */
export async function unlessNoPolar(contact: ExaminedApp['contact']): Promise<CheckResult | undefined> {
  const first = await contact;
  if (first === undefined || isOfPolar(first)) return undefined;
  if (!('error' in first) || first.error instanceof PolarResponseError)
    return skipped('what responds is not a Polar: see polar');
  return isUnanswered(first.error) ? skipped('Polar is unreachable: see polar') : undefined;
}

/** The result of a check that got no usable response, beside the first request to Polar. */
export async function undecided(error: unknown, contact: ExaminedApp['contact']): Promise<CheckResult> {
  const skip = await unlessNoPolar(contact);
  if (skip !== undefined) return skip;
  const code = error instanceof PolarError ? error.code : 'unknown error';
  return warning(
    `could not be decided: Polar did not respond as expected (${code})`,
    'Run the command again.',
  );
}

function isUnanswered(error: unknown): boolean {
  return error instanceof PolarError && (error.code === 'timeout' || error.code === 'network_error');
}
