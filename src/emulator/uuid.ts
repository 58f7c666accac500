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
