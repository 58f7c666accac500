/** The message for invalid arguments: only the first sentence of the long explanation by Node.js. */
export function usageError(error: unknown): string {
  const [sentence = ''] = messageOf(error).split(/\.(?:\s|$)/, 1);
  return `${sentence}. Try --help.`;
}

// Not `instanceof Error`: under Jest, errors of Node.js come from another realm.
/** The message of a thrown value. */
export function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error);
}

/** True for errors of Node.js and the system, such as `EADDRINUSE`. */
export function hasCode(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error;
}
