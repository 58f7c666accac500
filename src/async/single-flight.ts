/** Runs `work`, or returns the promise of the run that is under way for the same key. */
export function singleFlight<T>(
  background: Map<string, Promise<T>>,
  key: string,
  work: () => Promise<T>,
): Promise<T> {
  const joined = background.get(key);
  if (joined !== undefined) return joined;
  const started = work().finally(() => background.delete(key));
  background.set(key, started);
  return started;
}
