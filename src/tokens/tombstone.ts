import { isLoginEndReason, type LoginEndReason } from '../login-end-reason.js';
import type { StoredRow } from '../storage/polar-storage.js';

/**
 * Creates the row that ends a login. A logout writes this row and then reads the record; a refresh writes the record and then
 * reads this row. One of the two sees the other, in every kind of store. Its presence is what counts, so that processes with
 * different keys agree on it. An attacker who can forge it in the store can delete the login as well.
 */
export function tombstone(reason: LoginEndReason): StoredRow {
  return { version: 1, value: reason };
}

/** Returns the reason that a tombstone names. */
export function reasonIn({ value }: StoredRow): LoginEndReason {
  return isLoginEndReason(value) ? value : 'logged_out';
}
