/** Scopes that a page needs and the next login is to ask for, kept in the session between the two. */

// Whoever takes longer to log in starts from the page again.
const maxAgeMs = 10 * 60_000;
// More than Polar has; an app that makes scopes up must not fill the session.
const maxScopes = 200;

/** Key of the session; every strategy has its own part under its name. */
export const wantedScopesKey = 'polarWantedScopes';

type Session = Record<string, unknown>;

/** Has the next login of a strategy ask for these scopes, too, and for those that another tab wants. */
export function wantScopes(session: Session, strategy: string, scopes: readonly string[], now: number): void {
  const all = [...new Set([...wantedScopes(session, strategy, now), ...scopes])].slice(-maxScopes);
  session[wantedScopesKey] = { ...wantedOf(session), [strategy]: { scopes: all, at: now } };
}

/** What the next login is to ask for beside what it asks for anyway. */
export function wantedScopes(session: Session, strategy: string, now: number): readonly string[] {
  const { scopes, at } = (wantedOf(session)[strategy] ?? {}) as { scopes?: unknown; at?: unknown };
  const isFresh = typeof at === 'number' && Math.abs(now - at) < maxAgeMs;
  return isFresh && Array.isArray(scopes) && scopes.every((scope) => typeof scope === 'string') ? scopes : [];
}

/** What was wanted has been asked for, whatever the answer: the next login asks for what it usually does. */
export function forgetWantedScopes(session: Session, strategy: string): void {
  const { [strategy]: _asked, ...others } = wantedOf(session);
  if (Object.keys(others).length > 0) session[wantedScopesKey] = others;
  else delete session[wantedScopesKey];
}

function wantedOf(session: Session): Readonly<Record<string, unknown>> {
  const value = session[wantedScopesKey];
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
