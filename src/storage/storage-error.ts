/** A failure of a storage. The message says what failed and what to do, and holds no secret; `cause` has the rest. */
export class StorageError extends Error {}
