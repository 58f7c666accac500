/** Which Polar to talk to: production, sandbox, or one of your own. */
import { flag, rejectUnknown } from './option-checks.js';
import { parseURL } from './parse-url.js';
import { shownValue } from './shown-value.js';

/** A Polar at addresses of your choice: the emulator, a proxy, a self-hosted instance. */
export interface CustomPolarServer {
  /** Origin of the pages that people see; `/oauth2/authorize` is appended. */
  readonly webURL: string;
  /** Origin of the API; `/v1/oauth2/token` and the others are appended. */
  readonly apiURL: string;
  /** The `iss` of its id_tokens. @default 'https://polar.sh' */
  readonly issuer?: string | undefined;
  /**
   * Allows plain http to another machine: secrets and tokens are then readable on the way. For a local Polar in another
   * container of a development machine, and nothing else. @default false
   */
  readonly allowInsecureHTTP?: boolean | undefined;
}

/** An OpenID provider described by its metadata document (OpenID Connect Discovery 1.0). */
export interface DiscoveredServer {
  /** Address of the metadata, usually ending in `/.well-known/openid-configuration`. */
  readonly discoveryURL: string;
  /** The issuer to insist on. @default what precedes `/.well-known/` in `discoveryURL` */
  readonly issuer?: string | undefined;
  /** Origin of the API that `req.polar.fetch` calls. @default the origin of `discoveryURL` */
  readonly apiURL?: string | undefined;
  /**
   * Allows plain http to another machine, for the document and, where it comes over plain http itself, for the endpoints that it
   * names: secrets and tokens are then readable on the way. For a local Polar in another container of a development machine,
   * and nothing else. @default false
   */
  readonly allowInsecureHTTP?: boolean | undefined;
}

/** The `server` option: a name, or addresses. */
export type PolarServer = 'production' | 'sandbox' | CustomPolarServer | DiscoveredServer;

/** Everything the protocol needs to know of a server. */
export interface ServerEndpoints {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly jwksURI: string;
  /** Absent where a discovered provider has none. */
  readonly userinfoEndpoint: string | undefined;
  readonly revocationEndpoint: string | undefined;
  readonly introspectionEndpoint: string | undefined;
  readonly registrationEndpoint: string | undefined;
  /** The metadata document as it came, with everything else that it says; absent where the addresses were known. */
  readonly raw?: Readonly<Record<string, unknown>>;
  /** True where the metadata announces `iss` in every response of the authorize page (RFC 9207). */
  readonly sendsIssuer?: boolean;
}

/** Where the metadata is, and the issuer that it must name. */
export interface Discovery {
  readonly url: string;
  readonly issuer: string;
  /** Whether the issuer was given, to the letter, or told by the address. */
  readonly issuerIsPinned: boolean;
  /** Whether the endpoints may be in plain http on another machine. */
  readonly allowInsecureHTTP: boolean;
}

/** A `server` option, checked: endpoints known at once, or to be discovered on first use. */
export interface ResolvedServer {
  /** Origin of the API, where access tokens may be sent. */
  readonly apiURL: string;
  readonly endpoints?: ServerEndpoints;
  readonly discovery?: Discovery;
}

// Sandbox signs with the same constant issuer: only its keys and client ids differ.
const polarIssuer = 'https://polar.sh';

const namedServers = {
  production: { webURL: 'https://polar.sh', apiURL: 'https://api.polar.sh' },
  sandbox: { webURL: 'https://sandbox.polar.sh', apiURL: 'https://sandbox-api.polar.sh' },
} as const;

/**
 * Checks a `server` option and turns it into endpoints.
 *
 * @throws TypeError that says which part is wrong
 */
export function resolveServer(server: PolarServer = 'production'): ResolvedServer {
  if (typeof server === 'string') {
    const named = Object.hasOwn(namedServers, server) ? namedServers[server] : undefined;
    if (named === undefined)
      throw new TypeError(`server must be 'production', 'sandbox' or an object, not ${shownValue(server)}`);
    return fromAddresses(named);
  }
  if (typeof server !== 'object' || server === null) {
    throw new TypeError(
      `server must be 'production', 'sandbox', { webURL, apiURL, issuer? } or { discoveryURL, issuer?, apiURL? }, not ${shownValue(server)}`,
    );
  }
  return 'discoveryURL' in server ? fromDiscoveryURL(server) : fromAddresses(server);
}

/** Which of Polar's own servers this is, however it was named; undefined for an emulator, a proxy or any other provider. */
export function polarAt({ discovery, endpoints }: ResolvedServer): keyof typeof namedServers | undefined {
  const address = endpoints?.tokenEndpoint ?? discovery?.url;
  return (['production', 'sandbox'] as const).find((name) =>
    address?.startsWith(`${namedServers[name].apiURL}/`),
  );
}

/** What tells servers apart: production and sandbox have one issuer, several issuers may share one host. */
export function nameOfServer({ apiURL, discovery, endpoints }: ResolvedServer): string {
  return `${(endpoints ?? discovery)?.issuer} ${apiURL}`;
}

function fromAddresses(server: CustomPolarServer): ResolvedServer {
  rejectUnknown(server, ['webURL', 'apiURL', 'issuer', 'allowInsecureHTTP', 'discoveryURL'], 'server');
  const allowInsecureHTTP = flag(server.allowInsecureHTTP, 'server.allowInsecureHTTP') ?? false;
  const web = baseURL(server.webURL, 'server.webURL', allowInsecureHTTP);
  const api = baseURL(server.apiURL, 'server.apiURL', allowInsecureHTTP);
  return {
    apiURL: api,
    endpoints: {
      issuer: issuerOf(server.issuer) ?? polarIssuer,
      authorizationEndpoint: `${web}/oauth2/authorize`,
      tokenEndpoint: `${api}/v1/oauth2/token`,
      jwksURI: `${api}/.well-known/jwks.json`,
      userinfoEndpoint: `${api}/v1/oauth2/userinfo`,
      revocationEndpoint: `${api}/v1/oauth2/revoke`,
      introspectionEndpoint: `${api}/v1/oauth2/introspect`,
      registrationEndpoint: `${api}/v1/oauth2/register`,
    },
  };
}

function fromDiscoveryURL(server: DiscoveredServer): ResolvedServer {
  rejectUnknown(
    server,
    ['discoveryURL', 'issuer', 'apiURL', 'allowInsecureHTTP'],
    'server with a discoveryURL',
  );
  const allowInsecureHTTP = flag(server.allowInsecureHTTP, 'server.allowInsecureHTTP') ?? false;
  const url = secureURL(server.discoveryURL, 'server.discoveryURL', allowInsecureHTTP);
  const pinned = issuerOf(server.issuer);
  return {
    apiURL:
      server.apiURL === undefined ? url.origin : baseURL(server.apiURL, 'server.apiURL', allowInsecureHTTP),
    discovery: {
      url: url.href,
      issuer: pinned ?? issuerFromDiscoveryURL(url),
      issuerIsPinned: pinned !== undefined,
      allowInsecureHTTP,
    },
  };
}

function issuerFromDiscoveryURL(url: URL): string {
  const [prefix, rest] = url.href.split('/.well-known/');
  if (prefix === undefined || rest === undefined) {
    throw new TypeError(
      'server.issuer is needed, because server.discoveryURL has no /.well-known/ to tell it by',
    );
  }
  return prefix;
}

function issuerOf(issuer: unknown): string | undefined {
  if (issuer === undefined) return undefined;
  if (typeof issuer !== 'string' || parseURL(issuer) === undefined)
    throw new TypeError(`server.issuer must be a URL, such as ${polarIssuer}, not ${shownValue(issuer)}`);
  return issuer; // compared to the letter, so kept to the letter
}

function baseURL(value: unknown, name: string, allowInsecureHTTP: boolean): string {
  const url = secureURL(value, name, allowInsecureHTTP);
  // Asked of the text: an empty query or fragment (`https://polar.sh/?`) is no `search` and no `hash`.
  if (/[?#]/.test(url.href))
    throw new TypeError(`${name} must have no query and no fragment, but is ${shownValue(value)}`);
  return url.href.replace(/\/$/, '');
}

/**
 * Parses an address to which secrets may be sent: https, or http on this very machine.
 *
 * @throws TypeError that names the option
 */
export function secureURL(value: unknown, name: string, allowInsecureHTTP = false): URL {
  // To the parser, localhost:4100 is something of the protocol localhost.
  const isAddress = typeof value === 'string' && !/^[\w.-]+:\d+(?:\/|$)/.test(value);
  const url = isAddress ? parseURL(value) : undefined;
  if (url === undefined) {
    throw new TypeError(
      `${name} must be an absolute URL, such as https://api.polar.sh, not ${shownValue(value)}`,
    );
  }
  const isAllowedHTTP = url.protocol === 'http:' && (allowInsecureHTTP || isLoopback(url.hostname));
  if (url.protocol !== 'https:' && !isAllowedHTTP) {
    throw new TypeError(
      `${name} must use https (plain http only on localhost), since secrets are sent there, but is ${shownValue(value)}${url.protocol === 'http:' ? '. For a local Polar in another container, add allowInsecureHTTP: true to server' : ''}`,
    );
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) warnOfInsecureHTTP(url.host);
  if (url.username !== '' || url.password !== '')
    throw new TypeError(`${name} must not contain a user name or password, but is ${shownValue(value)}`);
  return url;
}

const warned = new Set<string>();

// Also in production, where it must not be.
function warnOfInsecureHTTP(host: string): void {
  if (warned.has(host) || warned.size > 100) return;
  warned.add(host);
  process.emitWarning(
    `Secrets and tokens go to ${host} over plain http, readable on the way (server.allowInsecureHTTP). Use it while developing only.`,
    { type: 'PolarInsecureHTTP' },
  );
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(\.\d+){3}$/.test(hostname)
  );
}
