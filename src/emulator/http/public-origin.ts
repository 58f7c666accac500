import type { IncomingHttpHeaders } from 'node:http';
import { isIPv6 } from 'node:net';
import type { EmulatorSettings } from '../state.js';
import { crashRefusal } from './answers.js';
import type { EmulatorRequest } from './message.js';

const HOST_NAME = /^[a-z\d.-]+(?::\d+)?$/i;
const IPV6_HOST = /^\[([a-f\d]*:[a-f\d.:]+)\](?::\d+)?$/i;

/**
 * Scheme and host of a request, which Polar's responses use to name its endpoints.
 *
 * @throws Refusal 500 if the host looks like an IPv6 address but is not one, on which Polar's server fails.
 */
export function publicOrigin({ headers }: EmulatorRequest, settings: EmulatorSettings): string {
  const address = IPV6_HOST.exec(headers.host ?? '')?.[1];
  if (address !== undefined && !isIPv6(address)) throw crashRefusal();
  return requestOrigin(headers, settings).replace(/^ws/, 'http');
}

/**
 * The same, as Polar's redirects repeat it. The Host header is believed unless it is no host at all, and so is the scheme
 * that a proxy says it was reached by.
 */
export function requestOrigin(headers: IncomingHttpHeaders, { baseURL }: EmulatorSettings): string {
  const { host = '' } = headers;
  const isHost = HOST_NAME.test(host) || IPV6_HOST.test(host);
  const [scheme] = /^(?:http|ws)s?$/.exec(String(headers['x-forwarded-proto'])) ?? ['http'];
  return `${scheme}://${isHost ? host : baseURL.slice('http://'.length)}`;
}
