import type { PolarServer, TokenEndpointAuthMethod } from 'passport-polar-sh';
import { type RedisAddress, readRedisURL } from './redis-client.js';

/** The configuration, from environment variables. */
export interface Config {
  /** 0 picks a free port. */
  readonly port: number;
  /** Where browsers reach this app; `http://localhost:<port>` when unset. */
  readonly baseURL: string | undefined;
  readonly sessionSecret: string | undefined;
  readonly redis: (RedisAddress & SharedStore) | undefined;
  readonly postgres: ({ readonly url: string } & SharedStore) | undefined;
  /** The client registered at Polar; if unset, the app starts a local Polar. */
  readonly client: { readonly clientID: string; readonly clientSecret: string | undefined } | undefined;
  readonly server: PolarServer;
  readonly authMethod: TokenEndpointAuthMethod | undefined;
  readonly scope: string;
  readonly fetchUserInfo: boolean;
  readonly leewaySeconds: number | undefined;
  readonly exposeToken: boolean;
  /** How long the app still serves after SIGTERM, until its balancer has noticed that `/health` fails. */
  readonly drainSeconds: number;
}

/** Where the processes of this app keep sessions. */
export interface SharedStore {
  /** False if logins are kept in the session store, the default of the package. */
  readonly ownStorage: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the configuration.
 *
 * @throws Error that names the invalid variable
 */
export function readConfig(env: Env): Config {
  const redisURL = text(env, 'REDIS_URL');
  const postgresURL = databaseURL(env);
  if (redisURL !== undefined && postgresURL !== undefined) {
    throw new Error('Set only one of REDIS_URL and DATABASE_URL: each says where sessions are kept');
  }
  const clientID = text(env, 'POLAR_CLIENT_ID');
  const clientSecret = text(env, 'POLAR_CLIENT_SECRET');
  const authMethod = oneOf(env, 'POLAR_AUTH_METHOD', ['client_secret_post', 'client_secret_basic', 'none']);
  if (clientID !== undefined) checkSecret(clientSecret, authMethod);
  return {
    port: number(env, 'PORT', { integer: true, max: 65_535 }) ?? 3000,
    baseURL: baseURL(env),
    sessionSecret: text(env, 'SESSION_SECRET'),
    redis: redisURL === undefined ? undefined : { ...readRedisURL(redisURL), ...sharedStore(env) },
    postgres: postgresURL === undefined ? undefined : { url: postgresURL, ...sharedStore(env) },
    client: clientID === undefined ? undefined : { clientID, clientSecret },
    server: polarServer(env),
    authMethod,
    scope: text(env, 'POLAR_SCOPE') ?? 'openid email organizations:read',
    fetchUserInfo: flag(env, 'POLAR_FETCH_USERINFO') ?? false,
    leewaySeconds: number(env, 'POLAR_LEEWAY_SECONDS'),
    exposeToken: flag(env, 'EXPOSE_TOKEN') ?? false,
    drainSeconds: number(env, 'DRAIN_SECONDS', { max: 600 }) ?? 0,
  };
}

function polarServer(env: Env): PolarServer {
  const name = /^https?:/i.test(text(env, 'POLAR_SERVER') ?? '')
    ? secureURL(env, 'POLAR_SERVER')
    : oneOf(env, 'POLAR_SERVER', ['production', 'sandbox']);
  const webURL = secureURL(env, 'POLAR_WEB_URL');
  const apiURL = secureURL(env, 'POLAR_API_URL');
  const discoveryURL = secureURL(env, 'POLAR_DISCOVERY_URL');
  const issuer = anyURL(env, 'POLAR_ISSUER');
  if ([name, webURL, discoveryURL].filter((way) => way !== undefined).length > 1) {
    throw new Error(
      'Set only one of POLAR_SERVER, POLAR_WEB_URL and POLAR_DISCOVERY_URL: each names a server',
    );
  }
  if (discoveryURL !== undefined) return { discoveryURL, issuer, apiURL };
  if (webURL !== undefined && apiURL !== undefined) return { webURL, apiURL, issuer };
  if (webURL !== undefined) throw new Error('POLAR_API_URL must be set too when POLAR_WEB_URL is');
  if (apiURL !== undefined) throw new Error('POLAR_WEB_URL must be set too when POLAR_API_URL is');
  if (issuer !== undefined) throw new Error('POLAR_ISSUER requires POLAR_WEB_URL or POLAR_DISCOVERY_URL');
  return name ?? 'production';
}

function checkSecret(secret: string | undefined, method: TokenEndpointAuthMethod | undefined): void {
  if (secret === undefined && method !== undefined && method !== 'none') {
    throw new Error(`POLAR_CLIENT_SECRET must be set when POLAR_AUTH_METHOD is ${method}`);
  }
  if (secret !== undefined && method === 'none') {
    throw new Error('POLAR_AUTH_METHOD none is for clients without a secret: unset POLAR_CLIENT_SECRET');
  }
}

function baseURL(env: Env): string | undefined {
  const value = anyURL(env, 'BASE_URL');
  if (value === undefined) return undefined;
  const { origin, pathname, search, hash } = new URL(value);
  if (pathname !== '/' || search !== '' || hash !== '') {
    throw new Error('BASE_URL must be a URL without a path, such as https://app.example.com');
  }
  return origin;
}

// Secrets and tokens are sent there.
function secureURL(env: Env, name: string): string | undefined {
  const value = anyURL(env, name);
  if (value === undefined) return undefined;
  const { protocol, hostname } = new URL(value);
  const onThisMachine = /^(127(\.\d+){3}|\[::1\]|(.+\.)?localhost)$/.test(hostname);
  if (protocol === 'https:' || onThisMachine) return value;
  throw new Error(`${name} must use https (plain http only on localhost)`);
}

function anyURL(env: Env, name: string): string | undefined {
  const value = text(env, name);
  if (value === undefined || (URL.canParse(value) && /^https?:\/\//i.test(value))) return value;
  throw new Error(`${name} must be a URL that starts with https:// or http://`);
}

function number(env: Env, name: string, { integer = false, max = 1e9 } = {}): number | undefined {
  const value = text(env, name);
  if (value === undefined) return undefined;
  const parsed = Number(value);
  if (parsed >= 0 && parsed <= max && (!integer || Number.isInteger(parsed))) return parsed;
  throw new Error(`${name} must be a ${integer ? 'whole ' : ''}number from 0 to ${max}, not '${value}'`);
}

function flag(env: Env, name: string): boolean | undefined {
  const value = oneOf(env, name, ['1', '0', 'true', 'false']);
  return value === undefined ? undefined : value === '1' || value === 'true';
}

function oneOf<const T extends string>(env: Env, name: string, allowed: readonly T[]): T | undefined {
  const value = text(env, name);
  if (value === undefined) return undefined;
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new Error(`${name} must be one of ${allowed.join(', ')}, not '${value}'`);
  return found;
}

// Empty counts as unset, as `NAME=` in a shell or a compose file means.
function text(env: Env, name: string): string | undefined {
  return env[name]?.trim() || undefined;
}

function databaseURL(env: Env): string | undefined {
  const url = text(env, 'DATABASE_URL');
  if (url === undefined || (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url))) return url;
  throw new Error('DATABASE_URL must look like postgres://localhost/app');
}

function sharedStore(env: Env): SharedStore {
  const where = oneOf(env, 'POLAR_STORAGE', ['redis', 'postgres', 'session']);
  return { ownStorage: where !== 'session' && (flag(env, 'POLAR_REDIS_LOCK') ?? true) };
}
