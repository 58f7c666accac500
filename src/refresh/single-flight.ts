/** Runs `work`, or returns the promise of the run that is under way for the same key. */
export function singleFlight<T>(
  underWay: Map<string, Promise<T>>,
  key: string,
  work: () => Promise<T>,
): Promise<T> {
  const joined = underWay.get(key);
  if (joined !== undefined) return joined;
  const started = work().finally(() => underWay.delete(key));
  underWay.set(key, started);
  return started;
}
