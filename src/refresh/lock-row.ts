import { randomBytes } from 'node:crypto';
import type { StorageKey, StorageStep, StoredRow } from '../storage/polar-storage.js';

/**
 * Content of a lock row, which is renewed every second. `mark` names a take-over from an owner whose exchange may still be open;
 * `isFree` is set in a row that only preserves a mark.
 */
export interface LockRow {
  readonly owner: string;
  readonly mark?: string;
  readonly isFree?: true;
}

// Outlasts every doubt, even if clocks differ by minutes.
export const rowTTLSeconds = 900;

/** Creates a random name for an owner or a mark. */
export const newName = (): string => randomBytes(16).toString('hex');

/** True if both rows are the same. */
export const isSame = (a: StoredRow | undefined, b: StoredRow | undefined): boolean =>
  a?.version === b?.version && a?.value === b?.value;

/** Parses a lock row; undefined if there is none. */
export function parseLockRow(row: StoredRow | undefined): LockRow | undefined {
  if (row === undefined) return undefined;
  try {
    const { owner, mark, isFree } = JSON.parse(row.value) as Record<string, unknown>;
    return {
      owner: String(owner),
      ...(typeof mark === 'string' && { mark }),
      ...(isFree === true && { isFree }),
    };
  } catch {
    // Unreadable, so it has no known owner: it goes stale.
    return { owner: '' };
  }
}

/** Returns the step that frees a held lock: removes the row, unless it has a mark to preserve. */
export function stepToFree(key: StorageKey, row: StoredRow, mark = parseLockRow(row)?.mark): StorageStep {
  if (mark === undefined) return { remove: key, row };
  const value = JSON.stringify({
    owner: parseLockRow(row)?.owner ?? '',
    mark,
    isFree: true,
  } satisfies LockRow);
  return { write: key, row: { version: row.version + 1, value }, ttlSeconds: rowTTLSeconds };
}
