/** Writes the rows of a login: its new tokens, or its end. */
import { publish } from '../diagnostics.js';
import type { LoginEndReason } from '../login-end-reason.js';
import { rowOf, type StepResult, throwIfFailed } from '../storage/guarded-storage.js';
import { loginKeys } from '../storage/login-keys.js';
import type { StoredRow } from '../storage/polar-storage.js';
import {
  type LoginHandle,
  openRecord,
  type RecordPlace,
  sealRecord,
  type TokenRecord,
  UnopenableRecordError,
} from '../tokens/token-record.js';
import { tombstone } from '../tokens/tombstone.js';
import type { HeldLock } from './held-lock.js';

/** The two rows that are read along with every lock. */
export interface LoginRows {
  readonly tombstone: StepResult | undefined;
  readonly record: StepResult | undefined;
}

/** The token record that the store held when the end of a login was recorded. */
export interface EndedLogin {
  readonly record: StoredRow | undefined;
}

/**
 * Returns a function that writes the token record of a login and reads its rows back, in one round trip if the store supports it;
 * this also releases `lock` then. Called again, it writes the same row: a store takes the same row twice, but no other row of the
 * same generation.
 */
export function storeTokens(
  login: LoginHandle,
  record: TokenRecord,
  lock: HeldLock | undefined,
): () => Promise<LoginRows> {
  const { storage, ttlSeconds } = login;
  const keys = loginKeys(login.loginId);
  let row: StoredRow | undefined;
  return async () => {
    row ??= sealRecord(login, record);
    const release = lock?.releaseStep();
    const [written, ended, found, freed] = await storage.run([
      { write: keys.record, row, ttlSeconds },
      { read: keys.tombstone },
      { read: keys.record },
      ...(release === undefined ? [] : [release]),
    ]);
    throwIfFailed(written);
    if (freed !== undefined && 'value' in freed) lock?.markReleased();
    return { tombstone: ended, record: found };
  };
}

/**
 * Writes the tombstone of a login, and then reads its record: in this order, a process that records tokens later finds the
 * tombstone and revokes them.
 */
export async function storeEnd(
  { loginId, storage, ttlSeconds }: RecordPlace,
  reason: LoginEndReason,
): Promise<EndedLogin> {
  const keys = loginKeys(loginId);
  const steps = [{ write: keys.tombstone, row: tombstone(reason), ttlSeconds }, { read: keys.record }];
  const [written, record] = await storage.run(steps);
  throwIfFailed(written);
  return { record: rowOf(record) };
}

/** Reads the record of an ended login once more; undefined if there is none or it cannot be opened. */
export async function lastRecord(
  login: LoginHandle,
  { record }: EndedLogin,
): Promise<TokenRecord | undefined> {
  const key = loginKeys(login.loginId).record;
  const row = await login.storage.read(key).catch(() => undefined);
  try {
    return openRecord(login, row === undefined || row.version < (record?.version ?? 0) ? record : row);
  } catch (error) {
    // The tokens in this record stay alive at Polar.
    if (error instanceof UnopenableRecordError)
      publish('logout', { event: 'revocation', loginId: login.loginId, error });
    return undefined;
  }
}
