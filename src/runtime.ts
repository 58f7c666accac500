import { IntrospectionCache } from './api/introspection-cache.js';
import { Organizations } from './api/organizations.js';
import type { LoginAccessParts, PolarAccess } from './api/polar-access.js';
import { BackgroundWork, type Unfinished } from './async/background-work.js';
import type { PolarOAuthClient } from './client/oauth-client.js';
import { createHttp } from './http/http.js';
import type { IdTokenClaims } from './id-token/check-claims.js';
import { remoteKeySet } from './id-token/key-set.js';
import { verifyWithKeys } from './id-token/verify-id-token.js';
import { AllSessionLogins } from './logins/all-session-logins.js';
import { refreshAtPolar } from './logins/refresh-at-polar.js';
import { revokeAtPolar } from './logins/revoke-at-polar.js';
import { SessionLogins } from './logins/session-logins.js';
import { tellOnce } from './refresh/on-login-ended.js';
import { TokenRefresher } from './refresh/token-refresher.js';
import type { ResolvedOptions } from './strategy-options.js';
import type { TokenSet } from './tokens/token-set.js';

/**
 * The part of a PolarStrategy that the Express middleware uses.
 *
 * @inline
 */
export interface PolarStrategyLike {
  readonly name: string;
  readonly client: PolarOAuthClient;
  tokensFor(loginId: string): PolarAccess;
}

// Kept off the strategy, which apps log and compare: a runtime is private to this package.
const runtimes = new WeakMap<object, PolarRuntime>();

/** Registers the runtime of a strategy for the Express middleware. */
export function setRuntime(strategy: object, runtime: PolarRuntime): void {
  runtimes.set(strategy, runtime);
}

/** The runtime of a strategy; undefined for anything else. */
export function runtimeOf(strategy: object): PolarRuntime | undefined {
  return runtimes.get(strategy);
}

/** Everything the strategy and the middleware share, built once from the options. */
export interface PolarRuntime {
  readonly options: ResolvedOptions;
  readonly client: PolarOAuthClient;
  readonly refresher: TokenRefresher;
  /** The logins of this strategy in sessions and in the app's storage. */
  readonly logins: SessionLogins;
  /** Verifies an id_token for this client and server. */
  verifyIdToken(
    idToken: string,
    expected: { nonce: string; accessToken: string; subject?: string },
  ): Promise<IdTokenClaims>;
  /** The logins of all strategies in a session, and how to end them. */
  readonly allLogins: AllSessionLogins;
  /** Work that outlives the request that started it. */
  readonly background: BackgroundWork;
  /** Revokes tokens at Polar, best effort. Never rejects. */
  revoke(tokens: TokenSet, justIssued: boolean, loginId?: string): Promise<void>;
  /** Resolves when no background work is left, or after `withinMs` milliseconds. */
  settled(withinMs: number): Promise<Unfinished>;
  /** Looks up the organizations that a login can access. */
  readonly organizations: Organizations;
  /** Dependencies of `loginAccess`. */
  readonly accessParts: LoginAccessParts;
}

const introspectionTTLMs = 30_000;

/** Builds the runtime of a strategy from its options. */
export function composeRuntime(options: ResolvedOptions): PolarRuntime {
  const { client, credentials, elapsedMs, maxExchanges, now, server, timeoutMs } = options;
  const background = new BackgroundWork(maxExchanges);
  const keySet = remoteKeySet({
    jwksURI: async () => (await client.discover()).jwksURI,
    http: createHttp({ fetch: options.fetch, timeoutMs }),
    now,
  });

  const verifyIdToken: PolarRuntime['verifyIdToken'] = async (idToken, expected) =>
    verifyWithKeys(idToken, keySet, {
      ...expected,
      issuer: (await client.discover()).issuer,
      clientID: credentials.clientID,
      clockToleranceSeconds: options.clockToleranceSeconds,
      now: now(),
    });

  const revoke: PolarRuntime['revoke'] = (tokens, justIssued, loginId) =>
    revokeAtPolar(client, tokens, { justIssued, timeoutMs, background, loginId });

  const tellEnded = tellOnce(options.onLoginEnded, (work) => background.write(work));
  const refresher = new TokenRefresher({
    refresh: (tokens, login) => refreshAtPolar({ client, verifyIdToken, revoke, timeoutMs }, tokens, login),
    revoke,
    onEnded(loginId, reason) {
      logins.forget(loginId);
      tellEnded(loginId, reason);
    },
    background,
    now,
    elapsedMs,
    leewayMs: options.leewaySeconds * 1000,
    timeoutMs,
    maxLogins: options.maxRememberedLogins,
  });

  const introspections = new IntrospectionCache({
    introspect: (token) => client.introspect(token),
    clientID: credentials.clientID,
    apiURL: server.apiURL,
    ttlMs: introspectionTTLMs,
    now,
  });
  const { apiVersion, fetch } = options;
  const api = { refresher, apiURL: server.apiURL, apiVersion, fetch, timeoutMs };
  const organizations = new Organizations({
    ...api,
    introspect: client.isPublic ? undefined : (token) => introspections.introspect(token),
    now,
  });
  // The refresher reports ended logins here, and needs no login before the first request.
  const logins = new SessionLogins(options, refresher);

  return {
    logins,
    options,
    client,
    refresher,
    background,
    organizations,
    revoke,
    verifyIdToken,
    allLogins: new AllSessionLogins({ options, logins, refresher, background }),
    settled(withinMs) {
      refresher.dropSpares();
      return background.settled(withinMs);
    },
    accessParts: { ...api, organizations },
  };
}
