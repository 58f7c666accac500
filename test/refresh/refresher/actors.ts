import { AsyncLocalStorage } from 'node:async_hooks';

const actors = new AsyncLocalStorage<string>();

/** Runs work under a name; that it fails is noticed by whoever awaits it. */
export function asActor<T>(actor: string, work: () => Promise<T>): Promise<T> {
  const promise = actors.run(actor, work);
  promise.catch(() => {});
  return promise;
}

/** Under whose name something runs. */
export const actorHere = (): string | undefined => actors.getStore();
