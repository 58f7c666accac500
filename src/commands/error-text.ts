/** Why arguments were refused. Node explains them at length; the first sentence is the point. */
export function usageError(error: unknown): string {
  const [sentence = ''] = messageOf(error).split(/\.(?:\s|$)/, 1);
  return `${sentence}. Try --help.`;
}

// Not `instanceof Error`: under Jest, node's own errors come from another realm.
/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error);
}

/** True for errors of node and the system, `EADDRINUSE` say. */
export function hasCode(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error;
}
