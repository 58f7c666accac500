/** Parses an organization id into Polar's spelling; returns undefined if it is not a UUID. */
export function parseOrganizationId(value: unknown): string | undefined {
  const isUUID = typeof value === 'string' && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value);
  return isUUID ? value.toLowerCase() : undefined;
}
