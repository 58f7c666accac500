import { hash } from 'node:crypto';
import type { StorageKey } from './polar-storage.js';

/** The rows of one login. */
export interface LoginKeys {
  /** The newest tokens. */
  readonly record: StorageKey;
  /** Its presence means that the login has ended. */
  readonly tombstone: StorageKey;
  /** Held by the process that is refreshing. */
  readonly lock: StorageKey;
}

/**
 * Returns the keys of the rows of a login.
 *
 * @param loginId 32 lower-case hexadecimal characters
 */
export function loginKeys(loginId: string): LoginKeys {
  return {
    record: keyOf('record', loginId),
    tombstone: keyOf('tombstone', loginId),
    lock: keyOf('lock', loginId),
  };
}

/** True for a valid login id: 32 lower-case hexadecimal characters. */
export const isLoginId = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);

function keyOf(kind: string, loginId: string): StorageKey {
  const id = hash('sha256', `${kind}:${loginId}`, 'hex').slice(0, 32);
  return { id, group: loginId };
}
