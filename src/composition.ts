import type { Request } from 'express';
import { IntrospectionCache } from './api/introspection-cache.js';
import { Organizations } from './api/organizations.js';
import type { LoginAccessParts, PolarAccess } from './api/polar-access.js';
import { attemptCookieHashes } from './attempts/attempt-cookie.js';
import type { PolarClientOptions } from './client/client-options.js';
import { PolarOAuthClient } from './client/oauth-client.js';
import { publish } from './diagnostics.js';
import { PolarConfigurationError, PolarIdTokenError } from './errors.js';
import { createHttp } from './http.js';
import type { IdTokenClaims } from './id-token/claims.js';
import { remoteKeySet } from './id-token/key-set.js';
import { verifyWithKeys } from './id-token/verify-id-token.js';
import { tellOnce } from './login-ended.js';
import { entriesIn, findLogins, type Logins } from './logins.js';
import type { ResolvedOptions } from './options.js';
import type { LoginHandle } from './refresh/login-handle.js';
import { type RefreshableTokens, TokenRefresher } from './refresh/token-refresher.js';
import { revokeTokens } from './revocation.js';
import { nameOfServer } from './server.js';
import type { SessionLogin } from './session-login.js';
import { StrategyRegistry } from './strategy-registry.js';
import type { SessionEntry } from './tokens/session-entry.js';
import { type TokenSet, tokenSetOf } from './tokens/token-set.js';
import type { LoginEndReason } from './tokens/tombstone.js';
import { listenMs, UnderWay, type Unfinished } from './under-way.js';

/** What the Express middleware is given: a PolarStrategy. */
export interface StrategyOfPolar {
  readonly name: string;
  readonly client: PolarOAuthClient;
  tokensFor(loginId: string): PolarAccess;
}

// Not on the strategy: apps log and compare that, and what is in here is nobody else's.
const runtimes = new WeakMap<object, PolarRuntime>();

/** Has the Express middleware find the runtime of a strategy. */
export function setRuntime(strategy: object, runtime: PolarRuntime): void {
  runtimes.set(strategy, runtime);
}

/** The runtime of a strategy; undefined for anything else. */
export function runtimeOf(strategy: object): PolarRuntime | undefined {
  return runtimes.get(strategy);
}

/** What the strategy and the middleware both use, built once from the options. */
export interface PolarRuntime extends Logins {
  readonly options: ResolvedOptions;
  readonly client: PolarOAuthClient;
  readonly refresher: TokenRefresher;
  /** Verifies an id_token for this client and server. */
  verifyIdToken(
    idToken: string,
    expected: { nonce: string; accessToken: string; subject?: string },
  ): Promise<IdTokenClaims>;
  /**
   * Ends a login for good, as far as it can be opened.
   *
   * @throws PolarConfigurationError `unsupported_storage` where that cannot be recorded
   */
  end(login: SessionLogin, reason: LoginEndReason): Promise<void>;
  /** The logins that a session holds, of all strategies, each with what ends it as {@link end} does. */
  loginsIn(req: Request): EndableLogin[];
  /** What outlives the request that started it. */
  readonly underWay: UnderWay;
  /** Revokes tokens at Polar, best effort. Never rejects. */
  revoke(tokens: TokenSet, justIssued: boolean): Promise<void>;
  /** Resolves when nothing is under way, or after `withinMs` milliseconds. */
  settled(withinMs: number): Promise<Unfinished>;
  /** Which organizations logins reach. */
  readonly organizations: Organizations;
  /** What gives access with the tokens of a login. */
  readonly accessParts: LoginAccessParts;
}

/** A login of whatever strategy that can be ended. */
export interface EndableLogin {
  readonly loginId: string;
  /** Key of the session under which it counts once its user is logged in. */
  readonly sessionKey: string;
  /** Key of the session under which it is now. */
  readonly storedAs: string;
  readonly entry: SessionEntry;
  /** True when it is the login of this serialized user. */
  isOf(user: unknown): boolean;
  /** True when it goes on, where the app logs in one serialized user after another, or after nobody. */
  staysWith(userBefore: unknown, userNow: unknown): boolean;
  /** True when it has waited too long for the app to log its user in. */
  isForgotten(): boolean;
  end(reason: LoginEndReason): Promise<void>;
}

const strategies = new StrategyRegistry<PolarRuntime>();

const introspectionTTLMs = 30_000;
// For how long a login waits for the app to log its user in.
const maxWaitMs = 10 * 60_000;

/** Builds what the options describe. */
export function composeRuntime(given: PolarClientOptions, options: ResolvedOptions): PolarRuntime {
  const { credentials, elapsedMs, maxExchanges, now, server, timeoutMs } = options;
  const underWay = new UnderWay(maxExchanges);
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

  const revoke: PolarRuntime['revoke'] = (tokens, justIssued) =>
    revokeTokens(client, tokens, { justIssued, timeoutMs, track: (work) => underWay.write(work) });

  const refresh = async (tokens: RefreshableTokens, login: LoginHandle): Promise<TokenSet> => {
    // Metadata that cannot be read are no exchange, and nobody listens for them.
    await client.discover();
    const sentAt = now();
    const granted = await client.refresh(
      { refreshToken: tokens.refreshToken },
      { timeoutMs: Math.max(listenMs, timeoutMs) },
    );
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
      // Issued just now, but not by this clock: one that is behind ends no login.
      const isEarly = error instanceof PolarIdTokenError && error.code === 'id_token_issued_at';
      if (error instanceof PolarIdTokenError && !isEarly) {
        void revoke(tokens, true);
        throw error;
      }
      // Or the keys cannot be had now. Nothing of this id_token is used, and the tokens before it are dead already.
      publish('refresh', { event: 'id-token-unverified', loginId, error });
    }
  };

  const tellEnded = tellOnce(options.onLoginEnded, (work) => underWay.write(work));
  const refresher = new TokenRefresher({
    refresh,
    revoke,
    onEnded(loginId, reason) {
      logins.forget(loginId);
      tellEnded(loginId, reason);
    },
    underWay,
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
  const logins = findLogins(options, refresher);
  const { sessionKey } = options;
  const own = { clientID: credentials.clientID, server: nameOfServer(server), sessionKey };

  const runtime: PolarRuntime = {
    ...logins,
    options,
    client,
    refresher,
    underWay,
    organizations,
    revoke,
    verifyIdToken,
    async end(login, reason) {
      const end = async (): Promise<void> => {
        try {
          await refresher.end(login.open(), reason);
        } catch (error) {
          publish('logout', { event: 'end-failed', loginId: login.loginId, error });
          if (error instanceof PolarConfigurationError) throw error;
          // Its tokens cannot be revoked here, but a process that can open it must not use them any more.
          await refresher.endUnopened(login.place, reason);
        }
      };
      return underWay.write(end());
    },
    loginsIn(req) {
      return entriesIn(req.session ?? {}).flatMap(({ entry, sessionKey, storedAs, text }) => {
        const { loginId } = entry;
        const { clientID, server: entryServer } = entry;
        const isOwn =
          clientID === own.clientID && entryServer === own.server && sessionKey === own.sessionKey;
        const owner = isOwn ? runtime : strategies.find({ clientID, server: entryServer, sessionKey });
        // Read at once: a logout takes the session off the request.
        const reader = owner ?? runtime;
        const read = reader.readEntry(text);
        if (read === undefined) return [];
        const login = reader.loginFrom(req, read);
        // Whose strategy this process does not have: nobody here can revoke its tokens, but its end is recorded.
        const { attempt = '', waiting } = entry;
        const isLeftToApp = waiting?.isLeftToApp === true;
        const end = (reason: LoginEndReason): Promise<void> =>
          owner && !isLeftToApp
            ? owner.end(login, reason)
            : (owner ?? runtime).refresher.endUnopened(login.place, reason);
        const isOf = (user: unknown): boolean => owner !== undefined && read.isOf(user);
        const isForgotten = (): boolean => login.isWaiting && Math.abs(now() - login.issuedAt) > maxWaitMs;
        // Whoever has put a session of theirs into somebody's browser must not take that person's login over.
        const isThisBrowsers = (): boolean =>
          waiting === undefined || attemptCookieHashes(req, attempt).includes(waiting.cookieHash);
        const staysWith = (before: unknown, after: unknown): boolean =>
          isOf(after) && (login.isWaiting ? !isForgotten() && isThisBrowsers() : isOf(before));
        return [{ loginId, sessionKey, storedAs, entry, isOf, staysWith, isForgotten, end }];
      });
    },
    settled(withinMs) {
      refresher.dropSpares();
      return underWay.settled(withinMs);
    },
    accessParts: { ...api, organizations },
  };
  strategies.add(own, runtime);
  return runtime;
}
