/** Names one row. Both parts are 32 lower-case hexadecimal characters, so that they fit every kind of id column. */
export interface StorageKey {
  /** Unique among all rows. */
  readonly id: string;
  /** The same for all rows of one login: for a store that keeps rows together by a hash tag or partition key. */
  readonly group: string;
}

/** One row as a store keeps it. The value is text that means nothing to the store; tokens in it are sealed. */
export interface StoredRow {
  /** Grows with every change; the highest one wins. */
  readonly version: number;
  readonly value: string;
}

/** One step of {@link PolarStorage.batch}. */
export type StorageStep =
  | { readonly read: StorageKey }
  | {
      readonly write: StorageKey;
      readonly row: StoredRow;
      readonly ttlSeconds: number;
      readonly isCompared?: boolean;
    }
  | { readonly remove: StorageKey; readonly row: StoredRow };

/**
 * Where an app's processes share what they know of logins: the newest tokens, that a login has ended, and who is
 * refreshing it. Three methods over any database; the store decides nothing except that a higher version wins.
 *
 * @example
 * ```ts
 * const rows = new Map<string, StoredRow>();
 * const inMemory: PolarStorage = {
 *   shared: false, // no other process sees this map
 *   read: async ({ id }) => rows.get(id),
 *   write: async ({ id }, row) => {
 *     const found = rows.get(id);
 *     if (found && (found.version > row.version || (found.version === row.version && found.value !== row.value)))
 *       return false;
 *     rows.set(id, row);
 *     return true;
 *   },
 *   remove: async ({ id }, row) => {
 *     const found = rows.get(id);
 *     if (found?.version === row.version && found.value === row.value) rows.delete(id);
 *   },
 * };
 * ```
 */
export interface PolarStorage {
  /** The row, or undefined when there is none (any more). Rejects when the store cannot respond. */
  read(key: StorageKey): Promise<StoredRow | undefined>;
  /**
   * Writes the row, unless one of a higher version is there, or one of the same version with another value. Resolves
   * with whether the row is there now. The same row again renews its lifetime: it may be forgotten `ttlSeconds` after
   * its last write. Rejects when the store cannot respond.
   *
   * `isCompared` says that the row which is there, if any, was read just before, so that a store which reads first to
   * compare may leave that out. An `atomic` store is told so of new rows alone.
   */
  write(
    key: StorageKey,
    row: StoredRow,
    options: { readonly ttlSeconds: number; readonly isCompared?: boolean },
  ): Promise<boolean>;
  /** Removes the row if it still has this version and value. Rejects when the store cannot respond. */
  remove(key: StorageKey, row: StoredRow): Promise<void>;
  /**
   * Takes several steps on rows of one group, in order and in one round trip. Resolves with what `read`, `write` and
   * `remove` resolve with. Where a store has no such thing, the steps are taken one by one.
   */
  batch?(steps: readonly StorageStep[]): Promise<readonly (StoredRow | boolean | undefined)[]>;
  /** False when no other process sees these rows: then nobody waits for one. @default true */
  readonly shared?: boolean;
  /** False when `write` cannot compare and write in one step: two processes at once may both be told `true`. @default true */
  readonly atomic?: boolean;
  /**
   * True when the store may forget a row sooner than `ttlSeconds` after its last write, because it measures how long a row
   * lies idle. The rows of a login in use are then renewed once a minute. @default false
   */
  readonly forgetsIdle?: boolean;
}

/** A row as it came out of a store, or undefined where it is none: databases answer null, and big integers as text. */
export function parseStoredRow(found: unknown): StoredRow | undefined {
  if (typeof found !== 'object' || found === null) return undefined;
  const { value, version } = found as Record<string, unknown>;
  const number = typeof version === 'string' ? Number(version) : version;
  return Number.isSafeInteger(number) && typeof value === 'string'
    ? { version: number as number, value }
    : undefined;
}
