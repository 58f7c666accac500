import { BlockList, isIPv4 } from 'node:net';
import { parseURL } from '../parse-url.js';

/** Why a redirect URI cannot be registered. */
export type RedirectURIProblem = 'not-a-url' | 'https-required';

/**
 * A redirect URI as Polar stores it: normalised like any URL (`https://a.co` becomes `https://a.co/`), with `http:`
 * on this machine and on private IPv4 networks only. Other schemes are for apps on phones.
 */
export function normalizeRedirectURI(uri: string): URL | RedirectURIProblem {
  const url = parseURL(uri);
  if (url === undefined) return 'not-a-url';
  return url.protocol === 'http:' && !isLocalHost(url.hostname) ? 'https-required' : url;
}

function isLocalHost(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || isPrivateIPv4(host);
}

/** Networks that are not part of the public internet (RFC 6890). */
const PRIVATE_NETWORKS = `0.0.0.0/8 10.0.0.0/8 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
  192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4`;

/** Addresses in those networks that are globally reachable nevertheless (RFC 7723, RFC 8155). */
const GLOBAL_ADDRESSES: readonly string[] = ['192.0.0.9', '192.0.0.10'];

const privateAddresses = new BlockList();
for (const network of PRIVATE_NETWORKS.split(/\s+/)) {
  const [first = '', bits] = network.split('/');
  privateAddresses.addSubnet(first, Number(bits));
}

/** The URL parser has already normalized every form of an IPv4 address to four decimal numbers. */
function isPrivateIPv4(host: string): boolean {
  return isIPv4(host) && privateAddresses.check(host) && !GLOBAL_ADDRESSES.includes(host);
}
