import type { PolarStorage, StoredRow } from 'passport-polar-sh';

/** The example in the documentation of PolarStorage, word for word: a test compares them. */
export function inMemoryStorage(): PolarStorage {
  const rows = new Map<string, StoredRow>();
  const inMemory: PolarStorage = {
    shared: false, // no other process sees this map
    read: async ({ id }) => rows.get(id),
    write: async ({ id }, row) => {
      const found = rows.get(id);
      if (
        found &&
        (found.version > row.version || (found.version === row.version && found.value !== row.value))
      )
        return false;
      rows.set(id, row);
      return true;
    },
    remove: async ({ id }, row) => {
      const found = rows.get(id);
      if (found?.version === row.version && found.value === row.value) rows.delete(id);
    },
  };
  return inMemory;
}
