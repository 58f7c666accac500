/**
 * The scopes that guards of this app name. A guard adds what its page needs to the address of the login, and anybody can make
 * such an address: only what some guard names is asked for.
 */

// More than Polar has; an app that makes guards up for each request must not fill the memory.
const maxScopes = 1000;
const named = new Set<string>();

/** Notes what a guard needs. */
export function nameScopes(scopes: readonly string[]): void {
  for (const scope of scopes) if (named.size < maxScopes) named.add(scope);
}

/** Those scopes of a text, separated by spaces, that some guard names. */
export function requestableScopes(text: string | null): string[] {
  return (text ?? '').split(' ').filter((scope) => named.has(scope));
}
