/**
 * Settles as `promise` does, or rejects after `ms` milliseconds.
 *
 * The deadline waits for two more turns of the event loop: after a pause of the process (a suspended machine, a long
 * computation) Node.js runs timers before it reads sockets, and the response may already be there.
 *
 * @param late creates the error, or names the operation for a default one
 */
export async function within<T>(promise: Promise<T>, ms: number, late: string | (() => Error)): Promise<T> {
  let stop = (): void => {};
  const deadline = new Promise<never>((_resolve, reject) => {
    stop = afterPause(ms, () =>
      reject(typeof late === 'string' ? new Error(`${late} took longer than ${ms} ms`) : late()),
    );
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    stop();
  }
}

/** Calls `then` after `ms` milliseconds and two turns of the event loop; returns a function that cancels this. */
export function afterPause(ms: number, then: () => void): () => void {
  let isStopped = false;
  const timer = setTimeout(() => {
    setImmediate(() =>
      setImmediate(() => {
        if (!isStopped) then();
      }),
    );
  }, ms);
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
