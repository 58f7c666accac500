import { parseOrganizationId } from '../text/organization-id.js';

/**
 * What the guards of this app require. A guard adds it to the login URL, which anyone can craft, so a login requests only what
 * some guard requires.
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

let isGuarded = false;

/** Records that the app has a guard that requires an organization. */
export function guardOrganizations(): void {
  isGuarded = true;
}

/**
 * The organization in a login URL, if the app has a guard that requires one. It only makes Polar ask which organization to share:
 * the id itself is not sent, because Polar would grant that organization regardless of what the user picks.
 */
export function requestableOrganization(text: string | null): string | undefined {
  return isGuarded ? parseOrganizationId(text) : undefined;
}
