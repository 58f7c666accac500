/** One token record as a store keeps it: its content is sealed and means nothing to the store. */
export interface StoredTokenRecord {
  /** Grows with every refresh; the highest one wins. */
  readonly generation: number;
  /** The sealed tokens, or the mark that the login has ended. */
  readonly sealed: string;
}

/**
 * Where the newest tokens of each login live, beside the session. Two methods over any key-value store; the
 * store decides nothing except that a higher generation wins.
 *
 * @example
 * ```ts
 * const rows = new Map<string, StoredTokenRecord>();
 * const inMemory: TokenRecordStore = {
 *   get: async (loginId) => rows.get(loginId),
 *   put: async (loginId, record) => {
 *     if ((rows.get(loginId)?.generation ?? -1) >= record.generation) return false;
 *     rows.set(loginId, record);
 *     return true;
 *   },
 * };
 * ```
 */
export interface TokenRecordStore {
  /** The record of a login, or undefined when there is none (any more). Rejects when the store cannot answer. */
  get(loginId: string): Promise<StoredTokenRecord | undefined>;
  /**
   * Writes the record unless one of the same or a higher generation is there already; resolves with whether it
   * was written. The record may be forgotten `ttlSeconds` after its last write.
   */
  put(loginId: string, record: StoredTokenRecord, options: { readonly ttlSeconds: number }): Promise<boolean>;
  /** False when no other process can write here: then nobody waits for one to do so. @default true */
  readonly shared?: boolean;
}

/** A record as it came out of a store, or undefined where it is none: databases answer null, and big integers as text. */
export function parseStoredRecord(value: unknown): StoredTokenRecord | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { generation, sealed } = value as Record<string, unknown>;
  const number = typeof generation === 'string' ? Number(generation) : generation;
  return Number.isSafeInteger(number) && typeof sealed === 'string'
    ? { generation: number as number, sealed }
    : undefined;
}
