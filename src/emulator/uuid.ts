/**
 * The usual form of a UUID, however it was written (Polar's server takes a `urn:uuid:` prefix, braces, and hyphens
 * anywhere or nowhere); `undefined` for anything else.
 */
export function parseUUID(text: string): string | undefined {
  const digits = text
    .replaceAll('urn:', '')
    .replaceAll('uuid:', '')
    .replace(/^[{}]+|[{}]+$/g, '')
    .replaceAll('-', '')
    .toLowerCase();
  return /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/
    .exec(digits)
    ?.slice(1)
    .join('-');
}
