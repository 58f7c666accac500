const queues = new WeakMap<object, Map<string, Promise<unknown>>>();

/** Runs one piece of work at a time per session of a store, in this process, for all strategies. */
export function inTurn<T>(store: object, sessionID: string, work: () => Promise<T>): Promise<T> {
  const queue = queues.get(store) ?? new Map<string, Promise<unknown>>();
  queues.set(store, queue);
  const result = (queue.get(sessionID) ?? Promise.resolve()).then(work);
  const settled = result
    .catch(() => {})
    .then(() => {
      if (queue.get(sessionID) === settled) queue.delete(sessionID);
    });
  queue.set(sessionID, settled);
  return result;
}
