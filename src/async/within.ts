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

/** Settles as `promise` does, or rejects with the reason of `signal` once that is aborted. The work itself continues. */
export async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
