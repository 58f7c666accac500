/** Runs `work`, or returns the promise of the run that is under way for the same key. */
export function singleFlight<T>(
  pending: Map<string, Promise<T>>,
  key: string,
  work: () => Promise<T>,
): Promise<T> {
  const joined = pending.get(key);
  if (joined !== undefined) return joined;
  const started = work().finally(() => pending.delete(key));
  pending.set(key, started);
  return started;
}
