// The entry points redis and postgres are bundles of their own, each with a copy of this class.
const brand = Symbol.for('passport-polar-sh.storage-error');

/** A failure of a storage. The message says what failed and what to do, and holds no secret; `cause` has the rest. */
export class StorageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    Object.defineProperty(this, brand, { value: true });
  }
}

/** True for a {@link StorageError} of any entry point of this package, where `instanceof` knows only its own. */
export function isStorageError(error: unknown): error is StorageError {
  return error instanceof Error && brand in error;
}
