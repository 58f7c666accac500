import { invalidOption } from '../errors.js';
import type { Fetch } from '../http/http.js';
import { checkClock } from '../options/option-checks.js';
import { rejectUnknown } from '../options/option-names.js';
import { type PolarServer, type ResolvedServer, resolveServer } from '../options/server.js';
import { shownValue } from '../text/shown-value.js';
import type { ClientCredentials, TokenEndpointAuthMethod } from './client-authentication.js';

/**
 * Options for reaching Polar as a client.
 *
 * @group OAuth client
 */
export interface PolarClientOptions {
  /** Id of the OAuth client, `polar_ci_...`, from the Polar dashboard. */
  readonly clientID: string;
  /** Secret of the OAuth client, `polar_cs_...`. Leave it out for a public client. @default none */
  readonly clientSecret?: string | undefined;
  /** The Polar server. Plain `http:` is allowed only on this machine. @default 'production' */
  readonly server?: PolarServer | undefined;
  /**
   * How the client authenticates. Polar accepts only the method for which the client is registered; clients created in
   * its dashboard use `client_secret_post` or `none`. @default 'client_secret_post', or 'none' without a clientSecret
   */
  readonly tokenEndpointAuthMethod?: TokenEndpointAuthMethod | undefined;
  /** Milliseconds for one request to Polar, including the body. @default 10000 */
  readonly timeoutMs?: number | undefined;
  /** Custom `fetch`, for a proxy or for tracing. @default globalThis.fetch */
  readonly fetch?: Fetch | undefined;
  /** The clock, in milliseconds since the epoch; for tests. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** The options of a client, without those of a strategy that were given beside them. */
export function clientOptionsIn(options: PolarClientOptions): PolarClientOptions {
  const { clientID, clientSecret, server, tokenEndpointAuthMethod, timeoutMs, fetch, now } = options;
  return {
    clientID,
    clientSecret,
    server,
    tokenEndpointAuthMethod,
    timeoutMs,
    fetch,
    now,
  } satisfies Record<keyof PolarClientOptions, unknown>;
}

/** The name of every option of a client. */
export const clientOptionNames: readonly string[] = Object.keys(clientOptionsIn({ clientID: '' }));

/** {@link PolarClientOptions}, validated and with defaults applied. */
export interface ResolvedClientOptions {
  readonly credentials: ClientCredentials;
  readonly server: ResolvedServer;
  readonly timeoutMs: number;
  readonly fetch: Fetch;
  readonly now: () => number;
}

/** Every {@link TokenEndpointAuthMethod}. */
export const authMethods: readonly string[] = [
  'client_secret_post',
  'client_secret_basic',
  'none',
] satisfies TokenEndpointAuthMethod[];

/**
 * Validates the options once, before the first request.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` that names the option and says what it should be
 */
export function resolveClientOptions(options: PolarClientOptions): ResolvedClientOptions {
  // strategyOptions() of the local Polar has a callbackURL, too.
  rejectUnknown(options, [...clientOptionNames, 'callbackURL'], 'PolarOAuthClient');
  const { clientID, clientSecret } = options;
  if (typeof clientID !== 'string' || clientID === '') {
    const isMissing = clientID === undefined || clientID === '';
    throw invalidOption(
      `clientID must be the id of your OAuth client (polar_ci_...), not ${shownValue(clientID)}${isMissing ? '. Is POLAR_CLIENT_ID set, and the environment file loaded (node --env-file=.env)?' : ''}`,
    );
  }
  if (clientSecret !== undefined && (typeof clientSecret !== 'string' || clientSecret === '')) {
    throw invalidOption(
      'clientSecret must be the secret of your OAuth client (polar_cs_...); omit it for a public client',
    );
  }
  refuseMixedUp({ clientID, clientSecret });
  const method =
    options.tokenEndpointAuthMethod ?? (clientSecret === undefined ? 'none' : 'client_secret_post');
  if (!authMethods.includes(method))
    throw invalidOption(
      `tokenEndpointAuthMethod must be one of ${authMethods.join(', ')}, not ${shownValue(method)}`,
    );
  if (method === 'none' && clientSecret !== undefined)
    throw invalidOption("tokenEndpointAuthMethod 'none' is for clients without a clientSecret");
  if (method !== 'none' && clientSecret === undefined)
    throw invalidOption(`tokenEndpointAuthMethod '${method}' needs a clientSecret`);
  return {
    credentials: { clientID, clientSecret, method },
    ...resolveConnection(options),
    now: checkClock(options.now),
  };
}

// A secret in place of the id would be in the URL of every login.
function refuseMixedUp(given: { clientID: string; clientSecret: string | undefined }): void {
  if (given.clientID.trim().startsWith('polar_cs_'))
    throw invalidOption('clientID must be the id of your OAuth client (polar_ci_...), not its secret');
  if (given.clientSecret?.trim().startsWith('polar_ci_'))
    throw invalidOption('clientSecret must be the secret of your OAuth client (polar_cs_...), not its id');
  for (const [name, value] of Object.entries(given))
    if (value !== value?.trim())
      throw invalidOption(`${name} has leading or trailing white space. Check the variable it comes from`);
}

/**
 * Validates the options for reaching Polar.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` that names the option and says what it should be
 */
export function resolveConnection({
  server,
  timeoutMs = 10_000,
  fetch,
}: Pick<PolarClientOptions, 'server' | 'timeoutMs' | 'fetch'>): Omit<
  ResolvedClientOptions,
  'credentials' | 'now'
> {
  if (!Number.isFinite(timeoutMs) || timeoutMs <= 0 || timeoutMs > 2 ** 31 - 1)
    throw invalidOption(`timeoutMs must be a number of milliseconds above 0, not ${shownValue(timeoutMs)}`);
  if (fetch !== undefined && typeof fetch !== 'function')
    throw invalidOption(`fetch must be a function, not ${shownValue(fetch)}`);
  return {
    server: resolveServer(server),
    timeoutMs,
    // Looked up at each call, so that later patches of the global fetch (by tracing, for example) take effect.
    fetch: fetch ?? ((input, init) => globalThis.fetch(input, init)),
  };
}
