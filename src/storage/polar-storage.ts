/**
 * Key of one row. Both parts are 32 lower-case hexadecimal characters, so that they fit any kind of id column.
 *
 * @group Storage
 */
export interface StorageKey {
  /** Unique among all rows. */
  readonly id: string;
  /** The same for all rows of one login, for stores that keep related rows together by a hash tag or partition key. */
  readonly group: string;
}

/**
 * One row as the store keeps it. The value is opaque to the store; tokens in it are sealed.
 *
 * @group Storage
 */
export interface StoredRow {
  /** Grows with every change; the highest version wins. */
  readonly version: number;
  /** Opaque text. */
  readonly value: string;
}

/**
 * One step of {@link PolarStorage.batch}.
 *
 * @group Storage
 */
export type StorageStep =
  | {
      /** The key to read. */
      readonly read: StorageKey;
    }
  | {
      /** The key to write. */
      readonly write: StorageKey;
      /** The row to write. */
      readonly row: StoredRow;
      /** Seconds after which the store may forget the row. */
      readonly ttlSeconds: number;
      /** True if this key has not been written before. */
      readonly isNew?: boolean;
    }
  | {
      /** The key to remove. */
      readonly remove: StorageKey;
      /** The row to remove, unless the store holds another one. */
      readonly row: StoredRow;
    };

/**
 * Shares the state of logins between the processes of an app: the newest tokens, whether a login has ended, and which
 * process is refreshing it. Three methods over any database; the store's only rule is that a higher version wins.
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
 *
 * @group Storage
 */
export interface PolarStorage {
  /**
   * Reads a row. Rejects when the store cannot respond.
   *
   * @param key `id` of the row, and `group` of its login
   * @returns the row; undefined if there is none or it has expired
   */
  read(key: StorageKey): Promise<StoredRow | undefined>;
  /**
   * Writes the row, unless the store holds one of a higher version, or one of the same version with another value.
   * Writing the same row again renews its lifetime: the store may forget
   * it `ttlSeconds` after its last write. Rejects when the store cannot respond.
   *
   * `isNew` means that this key has not been written before, so a store that would read first in order to compare may
   * skip that.
   *
   * @param key `id` of the row, and `group` of its login
   * @param row the new version and value
   * @param options `ttlSeconds`: lifetime in seconds; `isNew`
   * @returns whether the row is now stored
   */
  write(
    key: StorageKey,
    row: StoredRow,
    options: {
      /** Seconds after which the store may forget the row. */
      readonly ttlSeconds: number;
      /** True if this key has not been written before. */
      readonly isNew?: boolean;
    },
  ): Promise<boolean>;
  /**
   * Removes the row if it still has this version and value. Rejects when the store cannot respond.
   *
   * @param key `id` of the row, and `group` of its login
   * @param row the row as it was last read or written
   */
  remove(key: StorageKey, row: StoredRow): Promise<void>;
  /**
   * Runs several steps on rows of one group, in order and in one round trip. Without this method, the steps run one by one.
   *
   * @param steps one or more steps; a step may rely on those before it
   * @returns what `read`, `write` and `remove` resolve with, for each step
   */
  batch?(steps: readonly StorageStep[]): Promise<readonly (StoredRow | boolean | undefined)[]>;
  /** False if no other process sees these rows, so that no caller waits for one. @default true */
  readonly shared?: boolean;
  /**
   * False if `write` cannot compare and write in one step: two simultaneous processes may both be told `true`. @default
   * true
   */
  readonly atomic?: boolean;
  /**
   * True if the store may forget a row sooner than `ttlSeconds` after its last write, because it measures how long a
   * row has been idle. The rows of a login in use are then renewed once a minute. @default false
   */
  readonly forgetsIdle?: boolean;
}

/** Parses a row as a store returned it; undefined if it is not one. Databases return null, and big integers as text. */
export function parseStoredRow(found: unknown): StoredRow | undefined {
  if (typeof found !== 'object' || found === null) return undefined;
  const { value, version } = found as Record<string, unknown>;
  const number = typeof version === 'string' ? Number(version) : version;
  return Number.isSafeInteger(number) && typeof value === 'string'
    ? { version: number as number, value }
    : undefined;
}
