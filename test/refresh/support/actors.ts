import { AsyncLocalStorage } from 'node:async_hooks';

const actors = new AsyncLocalStorage<string>();

/** Runs work under a name; the caller handles its failure. */
export function asActor<T>(actor: string, work: () => Promise<T>): Promise<T> {
  const promise = actors.run(actor, work);
  promise.catch(() => {});
  return promise;
}

/** The name under which this code runs. */
export const actorHere = (): string | undefined => actors.getStore();
