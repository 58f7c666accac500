import type { Request } from 'express';
import { type RequestSession, serializedUser, sessionOf } from './session.js';

/**
 * Runs `change` on the session that the next `regenerate` creates, just before it is first saved with a user: the app's
 * `serializeUser`, which runs in between, may save it, too.
 */
export function beforeFirstSaveAfterRegenerate(
  req: Request,
  change: (session: RequestSession) => Promise<void>,
): void {
  const hookSave = (): void =>
    hookOnce(sessionOf(req), 'save', (save, saved) => {
      if (serializedUser(req) !== undefined) {
        change(sessionOf(req)).then(() => saveSafely(save, saved), saved);
        return;
      }
      hookSave();
      save(saved);
    });
  hookOnce(sessionOf(req), 'regenerate', (regenerate, callback) => {
    regenerate((error?: unknown) => {
      if (!error) hookSave();
      callback?.(error);
    });
  });
}

/** Some stores throw instead of calling back. */
function saveSafely(save: Method, saved?: Callback): void {
  try {
    save(saved);
  } catch (error) {
    setImmediate(() => saved?.(error));
  }
}

type Callback = (error?: unknown) => void;
type Method = (callback?: Callback) => unknown;

/** Replaces a method of this session for one call. Not enumerable, because Passport copies enumerable properties. */
function hookOnce(
  session: RequestSession,
  name: 'regenerate' | 'save',
  call: (original: Method, callback?: Callback) => void,
): void {
  const own = Object.getOwnPropertyDescriptor(session, name);
  const original = session[name] as Method;
  Object.defineProperty(session, name, {
    configurable: true,
    enumerable: false,
    writable: true,
    value: (callback?: Callback) => {
      if (own === undefined) delete (session as Partial<RequestSession>)[name];
      else Object.defineProperty(session, name, own);
      call((then) => original.call(session, then), callback);
      return session;
    },
  });
}
