/**
 * The organization for which a guard sends somebody to log in. It stands in the address of the login, and anybody can make such
 * an address: it only has Polar ask which organization to share, and only in an app that guards any. Polar itself is not told
 * the id, since it would count as picked whatever the person picks.
 */

let isGuarded = false;

/** Notes that some guard needs an organization. */
export function guardOrganizations(): void {
  isGuarded = true;
}

/** The organization that the address of a login names, if any guard needs one. */
export function requestableOrganization(text: string | null): string | undefined {
  return isGuarded ? parseOrganizationId(text) : undefined;
}

/** An organization's id as Polar spells it, or undefined where it is no UUID. */
export function parseOrganizationId(value: unknown): string | undefined {
  const isUUID = typeof value === 'string' && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value);
  return isUUID ? value.toLowerCase() : undefined;
}
