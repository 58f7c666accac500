/**
 * The scopes that guards of this app require. A guard adds the scopes of its page to the login URL, which anyone can craft, so
 * the login requests only scopes that a guard requires.
 */

// More than Polar has; an app that creates guards per request must not fill the memory.
const maxScopes = 1000;
const named = new Set<string>();

/** Records the scopes that a guard requires. */
export function nameScopes(scopes: readonly string[]): void {
  for (const scope of scopes) if (named.size < maxScopes) named.add(scope);
}

/** Filters space-separated scopes to those that a guard requires. */
export function requestableScopes(text: string | null): string[] {
  return (text ?? '').split(' ').filter((scope) => named.has(scope));
}
