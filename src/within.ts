/**
 * Settles as `promise` does, or rejects after `ms` milliseconds.
 *
 * The deadline is given two turns of the event loop: after a pause of the process (a suspended machine, a long
 * computation) Node runs timers before it reads sockets, and the response may be there already.
 *
 * @param late the error, or what took too long
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

/** Calls `then` after `ms` milliseconds and two turns of the event loop; returns what prevents that. */
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
