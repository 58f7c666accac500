/**
 * Normalizes a UUID (Polar's server accepts a `urn:uuid:` prefix, braces, and hyphens anywhere or nowhere); returns
 * `undefined` for anything else.
 */
export function parseUUID(text: string): string | undefined {
  const bare = text.replaceAll('urn:', '').replaceAll('uuid:', '').toLowerCase();
  // At least one character between the braces; otherwise each brace could match on either side.
  const digits = /^[{}]*([\da-f-]+)[{}]*$/.exec(bare)?.[1]?.replaceAll('-', '') ?? '';
  return /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(digits)?.slice(1).join('-');
}

/** Derives the id of a dependent object, such as the account of an organization: a different UUID, always the same. */
export function derivedUUID(id: string): string {
  const start = 0xffff_ffff - Number.parseInt(id.slice(0, 8), 16);
  return start.toString(16).padStart(8, '0') + id.slice(8);
}
