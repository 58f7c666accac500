/** Which Polar to use: production, sandbox, or a server of your own. */

import { invalidOption } from '../errors.js';
import { parseURL } from '../text/parse-url.js';
import { shownValue } from '../text/shown-value.js';
import { checkFlag } from './option-checks.js';
import { rejectUnknown } from './option-names.js';
import { baseURL, secureURL } from './secure-url.js';

/**
 * A Polar at other addresses: the emulator, a proxy, a self-hosted instance.
 *
 * @group OAuth client
 */
export interface CustomPolarServer {
  /** Origin of the web pages; `/oauth2/authorize` is appended. */
  readonly webURL: string;
  /** Origin of the API; `/v1/oauth2/token` and the other paths are appended. */
  readonly apiURL: string;
  /** The `iss` of its id_tokens. @default 'https://polar.sh' */
  readonly issuer?: string | undefined;
  /**
   * Allows plain http to another machine, which exposes secrets and tokens on the network. Only for a local Polar in another
   * container of a development machine. @default false
   */
  readonly allowInsecureHTTP?: boolean | undefined;
}

/**
 * An OpenID provider described by its metadata document (OpenID Connect Discovery 1.0).
 *
 * @group OAuth client
 */
export interface DiscoveredServer {
  /** Address of the metadata, usually ending in `/.well-known/openid-configuration`. */
  readonly discoveryURL: string;
  /** The issuer that the metadata must name. @default the part of `discoveryURL` before `/.well-known/` */
  readonly issuer?: string | undefined;
  /** Origin of the API that `req.polar.fetch` calls. @default the origin of `discoveryURL` */
  readonly apiURL?: string | undefined;
  /**
   * Allows plain http to another machine for the metadata document and, if the document itself comes over plain http, for its
   * endpoints; this exposes secrets and tokens on the network. Only for a local Polar in another container of a development
   * machine. @default false
   */
  readonly allowInsecureHTTP?: boolean | undefined;
}

/**
 * The `server` option: which Polar to use. Any text is accepted, so that it can come from an environment variable; a wrong one is
 * refused when the app starts.
 *
 * @example
 * ```ts
 * const client = new PolarOAuthClient({
 *   clientID,
 *   clientSecret,
 *   server: process.env.POLAR_SERVER,
 * });
 * ```
 *
 * @group OAuth client
 */
export type PolarServer =
  /** Polar itself, at `https://polar.sh` and `https://api.polar.sh`. */
  | 'production'
  /** Its sandbox, at `https://sandbox.polar.sh` and `https://sandbox-api.polar.sh`. */
  | 'sandbox'
  // Not plain `string`: editors would no longer suggest the names.
  /** A Polar with its pages and its API at one address, such as `http://127.0.0.1:4100`. */
  | (string & {})
  /** A Polar with two addresses, or with options of its own. */
  | CustomPolarServer
  /** An OpenID provider with a metadata document. */
  | DiscoveredServer;

/**
 * Issuer and endpoints of a server, as {@link PolarOAuthClient.discover} returns them.
 *
 * @group OAuth client
 */
export interface ServerEndpoints {
  /** The `iss` of its id_tokens. */
  readonly issuer: string;
  /** URL of the page where users log in. */
  readonly authorizationEndpoint: string;
  /** URL where tokens are issued and refreshed. */
  readonly tokenEndpoint: string;
  /** URL of the keys that sign id_tokens. */
  readonly jwksURI: string;
  /** URL of the user's claims; undefined if a discovered provider has none. */
  readonly userinfoEndpoint: string | undefined;
  /** URL where tokens are revoked; undefined if a discovered provider has none. */
  readonly revocationEndpoint: string | undefined;
  /** URL where tokens are introspected; undefined if a discovered provider has none. */
  readonly introspectionEndpoint: string | undefined;
  /** URL where clients are registered; undefined if a discovered provider has none. */
  readonly registrationEndpoint: string | undefined;
  /** The whole metadata document as received; absent if the endpoints were not discovered. */
  readonly raw?: Readonly<Record<string, unknown>>;
  /** True if the metadata announces `iss` in every response of the authorize page (RFC 9207). */
  readonly sendsIssuer?: boolean;
}

/** Where to find the metadata, and the issuer that it must name. */
export interface Discovery {
  readonly url: string;
  readonly issuer: string;
  /** True if the option names the issuer exactly; false if it is derived from the discovery URL. */
  readonly issuerIsPinned: boolean;
  /** Whether the endpoints may use plain http on another machine. */
  readonly allowInsecureHTTP: boolean;
}

/** A checked `server` option, with its endpoints or, to discover them on first use, the location of the metadata. */
export interface ResolvedServer {
  /** Origin of the API, the only one that access tokens may be sent to. */
  readonly apiURL: string;
  readonly endpoints?: ServerEndpoints;
  readonly discovery?: Discovery;
}

// Sandbox uses the same issuer as production: only its keys and client ids differ.
const polarIssuer = 'https://polar.sh';

/** A server of Polar itself. */
export type PolarServerName = 'production' | 'sandbox';

const serverNames = ['production', 'sandbox'] as const;

const namedServers: Readonly<Record<PolarServerName, CustomPolarServer>> = {
  production: { webURL: 'https://polar.sh', apiURL: 'https://api.polar.sh' },
  sandbox: { webURL: 'https://sandbox.polar.sh', apiURL: 'https://sandbox-api.polar.sh' },
};

/**
 * Checks a `server` option and resolves it to endpoints or a discovery URL.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` that names the wrong part
 */
export function resolveServer(server: PolarServer = 'production'): ResolvedServer {
  if (typeof server === 'string') {
    const named = serverNamed(server);
    if (named === undefined)
      throw invalidOption(
        `server must be 'production', 'sandbox', an address or an object, not ${shownValue(server)}`,
      );
    return fromAddresses(typeof named === 'string' ? namedServers[named] : named);
  }
  if (typeof server !== 'object' || server === null) {
    throw invalidOption(
      `server must be 'production', 'sandbox', an address, { webURL, apiURL, issuer? } or { discoveryURL, issuer?, apiURL? }, not ${shownValue(server)}`,
    );
  }
  return 'discoveryURL' in server ? fromDiscoveryURL(server) : fromAddresses(server);
}

/**
 * Reads a server from text: a name, or an address, where Polar's own addresses mean its servers. Undefined if it is neither.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` for an address that secrets must not be sent to
 */
export function serverNamed(
  text: string,
  option = 'server',
): PolarServerName | CustomPolarServer | undefined {
  if (isServerName(text)) return text;
  if (!/^https?:\/\/./i.test(text)) return undefined;
  const address = baseURL(text, option, false);
  const { origin } = new URL(address);
  const own = serverNames.find((name) => Object.values(namedServers[name]).includes(origin));
  return own ?? { webURL: address, apiURL: address };
}

const isServerName = (text: string): text is PolarServerName => Object.hasOwn(namedServers, text);

/** Which of Polar's own servers this is, by name or address; undefined for an emulator, a proxy or any other provider. */
export function polarAt({ discovery, endpoints }: ResolvedServer): PolarServerName | undefined {
  const address = endpoints?.tokenEndpoint ?? discovery?.url;
  return serverNames.find((name) => address?.startsWith(`${namedServers[name].apiURL}/`));
}

/** Identifies a server by issuer and API: production and sandbox share an issuer, and several issuers may share a host. */
export function nameOfServer({ apiURL, discovery, endpoints }: ResolvedServer): string {
  return `${(endpoints ?? discovery)?.issuer} ${apiURL}`;
}

function fromAddresses(server: CustomPolarServer): ResolvedServer {
  rejectUnknown(server, ['webURL', 'apiURL', 'issuer', 'allowInsecureHTTP', 'discoveryURL'], 'server');
  const allowInsecureHTTP = checkFlag(server.allowInsecureHTTP, 'server.allowInsecureHTTP') ?? false;
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
  const allowInsecureHTTP = checkFlag(server.allowInsecureHTTP, 'server.allowInsecureHTTP') ?? false;
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
    throw invalidOption(
      'server.issuer is required, because server.discoveryURL has no /.well-known/ to derive it from',
    );
  }
  return prefix;
}

function issuerOf(issuer: unknown): string | undefined {
  if (issuer === undefined) return undefined;
  if (typeof issuer !== 'string' || parseURL(issuer) === undefined)
    throw invalidOption(`server.issuer must be a URL, such as ${polarIssuer}, not ${shownValue(issuer)}`);
  return issuer; // compared to the letter, so kept to the letter
}
