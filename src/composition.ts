import { setTimeout as delay } from 'node:timers/promises';
import type { Request } from 'express';
import type { PolarClientOptions } from './client/client-options.js';
import { PolarOAuthClient } from './client/oauth-client.js';
import { publish } from './diagnostics.js';
import { createHttp } from './http.js';
import type { IdTokenClaims } from './id-token/claims.js';
import { remoteKeySet } from './id-token/key-set.js';
import { verifyWithKeys } from './id-token/verify-id-token.js';
import type { ResolvedOptions } from './options.js';
import type { LoginHandle } from './refresh/login-handle.js';
import { type RefreshableTokens, TokenKeeper } from './refresh/token-keeper.js';
import { loggedInUser } from './request-session.js';
import { parseSessionEntry, type SessionEntry, userFingerprint } from './tokens/session-entry.js';
import { sessionStoreRecords } from './tokens/session-store-records.js';
import { type TokenSet, tokenSetOf } from './tokens/token-set.js';

/** Key under which a strategy shows its {@link PolarRuntime} to the Express middleware. */
export const polarRuntime: unique symbol = Symbol.for('passport-polar.runtime') as never;

/** A strategy, as far as the Express middleware sees it. */
export interface HasPolarRuntime {
  readonly [polarRuntime]: PolarRuntime;
}

/** What the strategy and the middleware both use, built once from the options. */
export interface PolarRuntime {
  readonly options: ResolvedOptions;
  readonly client: PolarOAuthClient;
  readonly keeper: TokenKeeper;
  /** Verifies an id_token for this client and server. */
  verifyIdToken(
    idToken: string,
    expected: { nonce: string; accessToken: string; subject?: string },
  ): Promise<IdTokenClaims>;
  /** The login of the person who is logged in on this request, or undefined. */
  loginOf(req: Request): LoginHandle | undefined;
  /** The login that a session holds for this client and server, whoever may be logged in. */
  loginIn(req: Request): LoginHandle | undefined;
  /** The handle of an entry that was just made. */
  handleOf(req: Request, entry: SessionEntry): LoginHandle;
}

// A record must outlive the pauses between visits: a login whose record is gone has only dead tokens left.
const minRecordTtlSeconds = 30 * 24 * 60 * 60;
// Polar commits after it has answered: a token revoked sooner than this after it was minted may not be found.
const commitLagMs = 2000;
const revokeTimeoutMs = 3000;

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
    const granted = await client.refresh({ refreshToken: tokens.refreshToken });
    // Polar sends none here; where a provider does, it must mean the same person (OpenID Connect Core 12.2).
    if (granted.idToken !== undefined) {
      const { nonce, subject } = login;
      await verifyIdToken(granted.idToken, { nonce, subject, accessToken: granted.accessToken });
    }
    return tokenSetOf(granted, now(), tokens);
  };

  const revoke = async (tokens: TokenSet, justMinted: boolean): Promise<void> => {
    if (client.isPublic) return; // Polar lets public clients revoke nothing
    const token = tokens.refreshToken ?? tokens.accessToken;
    const once = async (): Promise<void> => {
      try {
        await client.revoke(token, { timeoutMs: Math.min(timeoutMs, revokeTimeoutMs) });
      } catch (error) {
        publish('logout', { event: 'revoke-failed', error });
      }
    };
    await once();
    if (justMinted) void delay(commitLagMs, undefined, { ref: false }).then(once);
  };

  const keeper = new TokenKeeper({
    refresh,
    revoke,
    lock: options.refreshLock,
    now,
    leewayMs: options.leewaySeconds * 1000,
    timeoutMs,
  });

  const handleOf = (req: Request, entry: SessionEntry): LoginHandle => ({
    loginId: entry.loginId,
    recordKey: entry.recordKey,
    tokens: entry.tokens,
    subject: entry.subject,
    nonce: entry.nonce,
    records: options.tokenRecords ?? sessionStoreRecords(req.sessionStore as never),
    storeTimeoutMs: timeoutMs,
    ttlSeconds: Math.max(minRecordTtlSeconds, Math.ceil((req.session.cookie.originalMaxAge ?? 0) / 1000)),
  });
  const entryIn = (req: Request): SessionEntry | undefined => {
    const session = (req as { session?: unknown }).session as Readonly<Record<string, unknown>> | undefined;
    const entry = parseSessionEntry(session?.[options.sessionKey]);
    // Tokens of one client or server are never shown to another.
    return entry?.clientID === credentials.clientID && entry.apiURL === server.apiURL ? entry : undefined;
  };

  return {
    options,
    client,
    keeper,
    verifyIdToken,
    handleOf,
    loginIn(req) {
      const entry = entryIn(req);
      return entry && handleOf(req, entry);
    },
    loginOf(req) {
      const entry = entryIn(req);
      if (entry === undefined) return undefined;
      const user = loggedInUser(req);
      return user !== undefined && entry.user === userFingerprint(user) ? handleOf(req, entry) : undefined;
    },
  };
}
