/**
 * The organization that a guard requests when it redirects the browser to the login. It is part of the login URL, which anyone
 * can craft: it only makes Polar ask which organization to share, and only in an app that has such a guard. The id itself is
 * not sent to Polar, which would grant that organization regardless of what the user picks.
 */

let isGuarded = false;

/** Records that the app has a guard that requires an organization. */
export function guardOrganizations(): void {
  isGuarded = true;
}

/** The organization in a login URL, if the app has a guard that requires one. */
export function requestableOrganization(text: string | null): string | undefined {
  return isGuarded ? parseOrganizationId(text) : undefined;
}

/** Parses an organization id into Polar's spelling; returns undefined if it is not a UUID. */
export function parseOrganizationId(value: unknown): string | undefined {
  const isUUID = typeof value === 'string' && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value);
  return isUUID ? value.toLowerCase() : undefined;
}
