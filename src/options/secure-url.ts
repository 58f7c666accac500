/** URLs that secrets may be sent to. */

import { invalidOption } from '../errors.js';
import { parseURL } from '../text/parse-url.js';
import { shownValue } from '../text/shown-value.js';
import { withDocsURL } from '../warnings.js';

/** Checks a base URL that paths are appended to, and returns it without a trailing slash. */
export function baseURL(value: unknown, name: string, allowInsecureHTTP: boolean): string {
  const url = secureURL(value, name, allowInsecureHTTP);
  // Tests the text: for an empty query or fragment (`https://polar.sh/?`), `search` and `hash` are empty.
  if (/[?#]/.test(url.href))
    throw invalidOption(`${name} must not have a query or fragment, but is ${shownValue(value)}`);
  return url.href.replace(/\/$/, '');
}

/**
 * Parses a URL that secrets may be sent to: https, or http on this machine.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` that names the option
 */
export function secureURL(value: unknown, name: string, allowInsecureHTTP = false): URL {
  // The URL parser takes localhost:4100 for a URL with the scheme localhost.
  const isAddress = typeof value === 'string' && !/^[\w.-]+:\d+(?:\/|$)/.test(value);
  const url = isAddress ? parseURL(value) : undefined;
  if (url === undefined) {
    throw invalidOption(
      `${name} must be an absolute URL, such as https://api.polar.sh, not ${shownValue(value)}`,
    );
  }
  const isAllowedHTTP = url.protocol === 'http:' && (allowInsecureHTTP || isLoopback(url.hostname));
  if (url.protocol !== 'https:' && !isAllowedHTTP) {
    const insecure =
      name === 'server'
        ? 'give server as { webURL, apiURL, allowInsecureHTTP: true }'
        : 'add allowInsecureHTTP: true to server';
    const hint = url.protocol === 'http:' ? `. For a local Polar in another container, ${insecure}` : '';
    throw invalidOption(
      `${name} must use https (plain http only on localhost), because secrets are sent there, but is ${shownValue(value)}${hint}`,
    );
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) warnOfInsecureHTTP(url.host);
  if (url.username !== '' || url.password !== '')
    throw invalidOption(`${name} must not contain a user name or password, but is ${shownValue(value)}`);
  return url;
}

const warned = new Set<string>();

// Warns in production too, where plain http must not be used.
function warnOfInsecureHTTP(host: string): void {
  if (warned.has(host) || warned.size > 100) return;
  warned.add(host);
  const code = 'insecure_http';
  const text = `Secrets and tokens are sent unencrypted to ${host} (server.allowInsecureHTTP). Use this only in development.`;
  process.emitWarning(withDocsURL(text, code), { type: 'PolarInsecureHTTP', code });
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(\.\d+){3}$/.test(hostname)
  );
}
