import type { RequestSession } from '../request-session.js';

/**
 * Has the store keep this session, which is new, for no longer than `lifetimeMs` each time it is saved while `isBrief`
 * says so: whoever starts logins and never sends a cookie would fill the store otherwise.
 *
 * The cookie that the browser gets stays the app's own, and so does what the stored session says of its lifetime. So
 * with the visitor's next request express-session gives the session the app's lifetime, whatever it holds by then.
 */
export function keepBriefly(
  session: RequestSession,
  lifetimeMs: number,
  isBrief: (session: RequestSession) => boolean,
): void {
  const save = session.save;
  Object.defineProperty(session, 'save', {
    configurable: true,
    enumerable: false,
    writable: true,
    value: (done?: (error: unknown) => void) => {
      save.call(isBrief(session) ? withBriefCookie(session, lifetimeMs) : session, done);
      return session;
    },
  });
}

// A copy, for the store alone: express-session writes the cookie of the session itself into the answer.
function withBriefCookie(session: RequestSession, lifetimeMs: number): RequestSession {
  const own = session.cookie;
  const expires = new Date(Date.now() + lifetimeMs);
  if (own.expires instanceof Date && own.expires <= expires) return session;
  const cookie: typeof own = Object.assign(Object.create(Object.getPrototypeOf(own)), own);
  cookie.expires = expires;
  // What express-session counts with at the next request; its setter of `expires` has changed it.
  cookie.originalMaxAge = own.originalMaxAge;
  return Object.assign(Object.create(session), session, { cookie });
}
