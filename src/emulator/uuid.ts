/**
 * The usual form of a UUID, however it was written (Polar's server takes a `urn:uuid:` prefix, braces, and hyphens
 * anywhere or nowhere); `undefined` for anything else.
 */
export function parseUUID(text: string): string | undefined {
  const bare = text.replaceAll('urn:', '').replaceAll('uuid:', '').toLowerCase();
  // With one character at least between the braces: otherwise each brace could belong to either side.
  const digits = /^[{}]*([\da-f-]+)[{}]*$/.exec(bare)?.[1]?.replaceAll('-', '') ?? '';
  return /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(digits)?.slice(1).join('-');
}

/** The id of what belongs to something, such as the account of an organization: another UUID, and always the same. */
export function derivedUUID(id: string): string {
  const start = 0xffff_ffff - Number.parseInt(id.slice(0, 8), 16);
  return start.toString(16).padStart(8, '0') + id.slice(8);
}
