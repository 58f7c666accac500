import { IntrospectionCache } from './api/introspection-cache.js';
import { type PolarAccess, polarAccess } from './api/polar-access.js';
import type { PolarClientOptions } from './client/client-options.js';
import { PolarOAuthClient, refreshTolerantly } from './client/oauth-client.js';
import { publish } from './diagnostics.js';
import { PolarIdTokenError } from './errors.js';
import { createHttp } from './http.js';
import type { IdTokenClaims } from './id-token/claims.js';
import { remoteKeySet } from './id-token/key-set.js';
import { verifyWithKeys } from './id-token/verify-id-token.js';
import { findLogins, type Logins, type SessionLogin } from './logins.js';
import type { ResolvedOptions } from './options.js';
import type { LoginHandle } from './refresh/login-handle.js';
import { type RefreshableTokens, TokenKeeper } from './refresh/token-keeper.js';
import { revokeTokens } from './revocation.js';
import { type TokenSet, tokenSetOf } from './tokens/token-set.js';

/** Key under which a strategy shows its {@link PolarRuntime} to the Express middleware. */
export const polarRuntime: unique symbol = Symbol.for('passport-polar-sh.runtime') as never;

/** A strategy, as far as the Express middleware sees it. */
export interface HasPolarRuntime {
  readonly [polarRuntime]: PolarRuntime;
}

/** What the strategy and the middleware both use, built once from the options. */
export interface PolarRuntime extends Logins {
  readonly options: ResolvedOptions;
  readonly client: PolarOAuthClient;
  readonly keeper: TokenKeeper;
  /** Verifies an id_token for this client and server. */
  verifyIdToken(
    idToken: string,
    expected: { nonce: string; accessToken: string; subject?: string },
  ): Promise<IdTokenClaims>;
  /** Ends a login for good, as far as it can be opened. Never rejects. */
  end(login: SessionLogin): Promise<void>;
  /** Tokens and API of a login that is looked up at each use. */
  access(findLogin: () => LoginHandle | Promise<LoginHandle>): PolarAccess;
}

const introspectionTTLMs = 30_000;

/** Builds what the options describe. */
export function composeRuntime(given: PolarClientOptions, options: ResolvedOptions): PolarRuntime {
  const { credentials, now, server, timeoutMs } = options;
  const client = new PolarOAuthClient({
    clientID: given.clientID,
    clientSecret: given.clientSecret,
    server: given.server,
    tokenEndpointAuthMethod: given.tokenEndpointAuthMethod,
    timeoutMs: given.timeoutMs,
    fetch: given.fetch,
  });
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

  const refresh = async (tokens: RefreshableTokens, login: LoginHandle): Promise<TokenSet> => {
    const sentAt = now();
    const granted = await client[refreshTolerantly]({ refreshToken: tokens.refreshToken });
    const newer = tokenSetOf(granted, sentAt, tokens);
    if (granted.idToken !== undefined) await checkRefreshedIdToken(granted.idToken, newer, login);
    return newer;
  };

  /** Polar sends none here; where a provider does, it must mean the same person (OpenID Connect Core 12.2). */
  const checkRefreshedIdToken = async (
    idToken: string,
    tokens: TokenSet,
    { facts, loginId }: LoginHandle,
  ): Promise<void> => {
    const { nonce, subject } = facts;
    try {
      await verifyIdToken(idToken, { nonce, subject, accessToken: tokens.accessToken });
    } catch (error) {
      if (error instanceof PolarIdTokenError) {
        void revokeTokens(client, tokens, { justMinted: true, timeoutMs });
        throw error;
      }
      // The keys cannot be had now. Nothing of this id_token is used, and the tokens before it are dead already.
      publish('refresh', { event: 'id-token-unverified', loginId, error });
    }
  };

  const keeper = new TokenKeeper({
    refresh,
    revoke: (tokens, justMinted) => revokeTokens(client, tokens, { justMinted, timeoutMs }),
    lock: options.refreshLock,
    now,
    leewayMs: options.leewaySeconds * 1000,
    timeoutMs,
  });

  const introspections = new IntrospectionCache({
    introspect: (token) => client.introspect(token),
    clientID: credentials.clientID,
    apiURL: server.apiURL,
    ttlMs: introspectionTTLMs,
    now,
  });
  const logins = findLogins(options, keeper);

  return {
    ...logins,
    options,
    client,
    keeper,
    verifyIdToken,
    async end(login) {
      try {
        await keeper.end(await login.open());
      } catch (error) {
        publish('logout', { event: 'end-failed', loginId: login.loginId, error });
        // Its tokens cannot be revoked here, but a process that can open it must not use them any more.
        await keeper.endUnopened(login.place);
      }
    },
    access: (findLogin) =>
      polarAccess(
        { keeper, introspections, apiURL: server.apiURL, fetch: options.fetch, timeoutMs },
        findLogin,
      ),
  };
}
