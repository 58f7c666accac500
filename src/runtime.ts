import type { Request } from 'express';
import { IntrospectionCache } from './api/introspection-cache.js';
import { Organizations } from './api/organizations.js';
import type { LoginAccessParts, PolarAccess } from './api/polar-access.js';
import { BackgroundWork, listenMs, type Unfinished } from './async/background-work.js';
import { attemptCookieHashes } from './attempts/attempt-cookie.js';
import type { PolarClientOptions } from './client/client-options.js';
import { PolarOAuthClient } from './client/oauth-client.js';
import { publish } from './diagnostics.js';
import { PolarConfigurationError, PolarIdTokenError } from './errors.js';
import { createHttp } from './http/http.js';
import type { IdTokenClaims } from './id-token/claims.js';
import { remoteKeySet } from './id-token/key-set.js';
import { verifyWithKeys } from './id-token/verify-id-token.js';
import { entriesIn, findLogins, type Logins } from './logins/find-logins.js';
import { revokeTokens } from './logins/revoke-tokens.js';
import type { SessionLogin } from './logins/session-login.js';
import { StrategyRegistry } from './logins/strategy-registry.js';
import { nameOfServer } from './options/server.js';
import type { RefreshableTokens } from './refresh/cached-login.js';
import type { LoginHandle } from './refresh/login-handle.js';
import { tellOnce } from './refresh/on-login-ended.js';
import { TokenRefresher } from './refresh/token-refresher.js';
import type { ResolvedOptions } from './strategy-options.js';
import type { SessionEntry } from './tokens/session-entry.js';
import { type TokenSet, tokenSetOf } from './tokens/token-set.js';
import type { LoginEndReason } from './tokens/tombstone.js';

/** The part of a PolarStrategy that the Express middleware uses. */
export interface StrategyOfPolar {
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
   * Ends a login for good. If its session entry cannot be opened, only its tombstone is written; its tokens stay valid at Polar.
   *
   * @throws PolarConfigurationError `unsupported_storage` if the storage cannot record the end
   */
  end(login: SessionLogin, reason: LoginEndReason): Promise<void>;
  /** The logins of all strategies in the session, each with its own `end`. */
  loginsIn(req: Request): EndableLogin[];
  /** Work that outlives the request that started it. */
  readonly background: BackgroundWork;
  /** Revokes tokens at Polar, best effort. Never rejects. */
  revoke(tokens: TokenSet, justIssued: boolean): Promise<void>;
  /** Resolves when no background work is left, or after `withinMs` milliseconds. */
  settled(withinMs: number): Promise<Unfinished>;
  /** Looks up the organizations that a login can access. */
  readonly organizations: Organizations;
  /** Dependencies of `loginAccess`. */
  readonly accessParts: LoginAccessParts;
}

/** A login of any strategy, with what it takes to end it. */
export interface EndableLogin {
  readonly loginId: string;
  /** Session key that holds the login once its user is logged in. */
  readonly sessionKey: string;
  /** Session key that holds it now. */
  readonly storedAs: string;
  readonly entry: SessionEntry;
  /** True if the login belongs to this serialized user. */
  isOf(user: unknown): boolean;
  /** True if the login survives `req.login`, which replaces one serialized user, or undefined, with another. */
  staysWith(userBefore: unknown, userNow: unknown): boolean;
  /** True if the app took too long to log its user in. */
  isForgotten(): boolean;
  end(reason: LoginEndReason): Promise<void>;
}

const strategies = new StrategyRegistry<PolarRuntime>();

const introspectionTTLMs = 30_000;
// How long a login waits for the app to log its user in.
const maxWaitMs = 10 * 60_000;

/** Builds the runtime of a strategy from its options. */
export function composeRuntime(given: PolarClientOptions, options: ResolvedOptions): PolarRuntime {
  const { credentials, elapsedMs, maxExchanges, now, server, timeoutMs } = options;
  const background = new BackgroundWork(maxExchanges);
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
    revokeTokens(client, tokens, { justIssued, timeoutMs, track: (work) => background.write(work) });

  const refresh = async (tokens: RefreshableTokens, login: LoginHandle): Promise<TokenSet> => {
    // First, so that the long time-out below covers the exchange only.
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

  /** Polar sends no id_token on refresh. If another provider does, its `sub` must stay the same (OpenID Connect Core 12.2). */
  const checkRefreshedIdToken = async (
    idToken: string,
    tokens: TokenSet,
    { facts, loginId }: LoginHandle,
  ): Promise<void> => {
    const { nonce, subject } = facts;
    try {
      await verifyIdToken(idToken, { nonce, subject, accessToken: tokens.accessToken });
    } catch (error) {
      // The token was issued just now, so this clock is behind: that must not end the login.
      const isEarly = error instanceof PolarIdTokenError && error.code === 'id_token_issued_at';
      if (error instanceof PolarIdTokenError && !isEarly) {
        void revoke(tokens, true);
        throw error;
      }
      // Or the keys are unavailable. The id_token is not used for anything, and the previous tokens are already dead.
      publish('refresh', { event: 'id-token-unverified', loginId, error });
    }
  };

  const tellEnded = tellOnce(options.onLoginEnded, (work) => background.write(work));
  const refresher = new TokenRefresher({
    refresh,
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
  const logins = findLogins(options, refresher);
  const { sessionKey } = options;
  const own = { clientID: credentials.clientID, server: nameOfServer(server), sessionKey };

  const runtime: PolarRuntime = {
    ...logins,
    options,
    client,
    refresher,
    background,
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
          // This process cannot revoke the tokens. The tombstone stops processes that can open the entry from using them.
          await refresher.endUnopened(login.place, reason);
        }
      };
      return background.write(end());
    },
    loginsIn(req) {
      return entriesIn(req.session ?? {}).flatMap(({ entry, sessionKey, storedAs, text }) => {
        const { loginId } = entry;
        const { clientID, server: entryServer } = entry;
        const isOwn =
          clientID === own.clientID && entryServer === own.server && sessionKey === own.sessionKey;
        const owner = isOwn ? runtime : strategies.find({ clientID, server: entryServer, sessionKey });
        // Read now: a logout removes the session from the request.
        const reader = owner ?? runtime;
        const read = reader.readEntry(text);
        if (read === undefined) return [];
        const login = reader.loginFrom(req, read);
        // Without its strategy this process cannot revoke the tokens, but it still writes the tombstone.
        const { attempt = '', waiting } = entry;
        const isLeftToApp = waiting?.isLeftToApp === true;
        const end = (reason: LoginEndReason): Promise<void> =>
          owner && !isLeftToApp
            ? owner.end(login, reason)
            : (owner ?? runtime).refresher.endUnopened(login.place, reason);
        const isOf = (user: unknown): boolean => owner !== undefined && read.isOf(user);
        const isForgotten = (): boolean => login.isWaiting && Math.abs(now() - login.issuedAt) > maxWaitMs;
        // An attacker who planted a session in another browser must not take over the login of that browser's user.
        const isThisBrowsers = (): boolean =>
          waiting === undefined || attemptCookieHashes(req, attempt).includes(waiting.cookieHash);
        const staysWith = (before: unknown, after: unknown): boolean =>
          isOf(after) && (login.isWaiting ? !isForgotten() && isThisBrowsers() : isOf(before));
        return [{ loginId, sessionKey, storedAs, entry, isOf, staysWith, isForgotten, end }];
      });
    },
    settled(withinMs) {
      refresher.dropSpares();
      return background.settled(withinMs);
    },
    accessParts: { ...api, organizations },
  };
  strategies.add(own, runtime);
  return runtime;
}
