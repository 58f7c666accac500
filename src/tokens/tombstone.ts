import type { StoredRow } from '../storage/polar-storage.js';

// docs/ended-logins.md says what each means.
const endReasons = [
  'logged_out',
  'disconnected',
  'replaced',
  'ended_by_app',
  'abandoned',
  'refused_by_polar',
] as const;

/** Why a login has ended. */
export type LoginEndReason = (typeof endReasons)[number];

/**
 * The row that ends a login. Whoever ends one writes this row and then reads the record, whoever refreshes writes the
 * record and then reads this row: one of the two sees the other, in every kind of store. It counts by being there: a process
 * with other keys must be able to write and to see it. Whoever could forge it in the store could as well delete the login.
 */
export function tombstone(reason: LoginEndReason): StoredRow {
  return { version: 1, value: reason };
}

/** Why the login of a tombstone has ended. */
export function reasonIn({ value }: StoredRow): LoginEndReason {
  return endReasons.find((reason) => reason === value) ?? 'logged_out';
}
