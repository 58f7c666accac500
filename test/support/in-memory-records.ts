import type { StoredTokenRecord, TokenRecordStore } from 'passport-polar-sh';

/** The example in the documentation of TokenRecordStore, word for word: a test compares them. */
export function inMemoryRecords(): TokenRecordStore {
  const rows = new Map<string, StoredTokenRecord>();
  const inMemory: TokenRecordStore = {
    get: async (loginId) => rows.get(loginId),
    put: async (loginId, record) => {
      if ((rows.get(loginId)?.generation ?? -1) >= record.generation) return false;
      rows.set(loginId, record);
      return true;
    },
  };
  return inMemory;
}
