/** Scopes that a page needs and the next login is to ask for, kept in the session between the two. */

// Whoever takes longer to log in starts from the page again.
const maxAgeMs = 10 * 60_000;

/** Key of the session; every strategy has its own part under its name. */
export const wantedScopesKey = 'polarWantedScopes';

type Session = Record<string, unknown>;

/** Has the next login of a strategy ask for these scopes, too. */
export function wantScopes(session: Session, strategy: string, scopes: readonly string[], now: number): void {
  session[wantedScopesKey] = { ...all(session), [strategy]: { scopes, at: now } };
}

/** What the next login is to ask for beside what it asks for anyway. */
export function wantedScopes(session: Session, strategy: string, now: number): readonly string[] {
  const { scopes, at } = (all(session)[strategy] ?? {}) as { scopes?: unknown; at?: unknown };
  const isFresh = typeof at === 'number' && Math.abs(now - at) < maxAgeMs;
  return isFresh && Array.isArray(scopes) && scopes.every((scope) => typeof scope === 'string') ? scopes : [];
}

/** After a login: what was wanted has been asked for. */
export function forgetWantedScopes(session: Session, strategy: string): void {
  const { [strategy]: _asked, ...others } = all(session);
  if (Object.keys(others).length > 0) session[wantedScopesKey] = others;
  else delete session[wantedScopesKey];
}

function all(session: Session): Readonly<Record<string, unknown>> {
  const value = session[wantedScopesKey];
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
