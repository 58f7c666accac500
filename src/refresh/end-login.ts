import { setTimeout as delay } from 'node:timers/promises';
import type { LoginEndReason } from '../login-end-reason.js';
import type { LoginHandle, RecordPlace } from '../tokens/token-record.js';
import { isSamePair } from './cached-login.js';
import type { IssuedTokens } from './issued-tokens.js';
import type { LoginCache } from './login-cache.js';
import type { LoginLocks } from './login-lock.js';
import type { LoginSync } from './login-sync.js';
import { type EndedLogin, lastRecord } from './store-tokens.js';

/** Dependencies of {@link endLogin}. */
export interface EndLoginParts {
  readonly cache: LoginCache;
  readonly sync: LoginSync;
  readonly locks: LoginLocks;
  readonly issued: IssuedTokens;
  /** True while this process refreshes the login. */
  readonly isRefreshing: (loginId: string) => boolean;
  readonly timeoutMs: number;
}

// A logout waits no longer than this for a refresh under way; the tombstone stops it anyway.
const logoutWaitMs = 2000;
const minPauseMs = 20;
const maxPauseMs = 200;

/**
 * Ends a login for good, in every process, and revokes its newest tokens.
 *
 * @param onRecorded called when the tombstone is written, or could not be written at once
 * @throws PolarConfigurationError `unsupported_storage` if the end cannot be recorded; the tokens are revoked all the
 *   same
 */
export async function endLogin(
  parts: EndLoginParts,
  login: LoginHandle,
  reason: LoginEndReason,
  onRecorded: () => void,
): Promise<void> {
  const known = parts.cache.recall(login);
  const revokeRecorded = async (ended: EndedLogin): Promise<boolean> => {
    const recorded = await lastRecord(login, ended);
    if (recorded === undefined || recorded.generation < known.generation) return false;
    // After a tie, both pairs may be alive.
    if (!isSamePair(recorded.tokens, known.tokens)) await parts.issued.revoke(login.loginId, recorded);
    return recorded.generation > known.generation;
  };
  // For a store that was down: by the time it is back, the tokens known before have been revoked.
  const revokeLate = async (late: EndedLogin): Promise<void> => void (await revokeRecorded(late));
  const ended = await parts.sync.recordEnd(login, reason, revokeLate);
  onRecorded();
  // A process that is refreshing finds the tombstone when it records its tokens, and revokes them.
  await waitForRefresh(parts, login);
  const isReplaced = ended !== undefined && (await revokeRecorded(ended));
  if (!isReplaced) await parts.issued.revoke(login.loginId, known);
  await login.storage.checkIfReachable();
}

/** Revoking tokens during their refresh would only hold Polar up: newer ones follow a moment later. */
async function waitForRefresh(parts: EndLoginParts, { loginId, storage }: RecordPlace): Promise<void> {
  const giveUpAt = performance.now() + Math.min(logoutWaitMs, parts.timeoutMs);
  const isUnderWay = async (): Promise<boolean> =>
    parts.isRefreshing(loginId) ||
    (storage.shared && (await parts.locks.isHeld({ loginId, storage }).catch(() => false)));
  for (let pauseMs = minPauseMs; performance.now() < giveUpAt && (await isUnderWay()); pauseMs *= 2)
    await delay(Math.min(pauseMs, maxPauseMs));
}
