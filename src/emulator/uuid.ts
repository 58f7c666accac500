/**
 * The usual form of a UUID, however it was written (Polar's server takes a `urn:uuid:` prefix, braces, and hyphens
 * anywhere or nowhere); `undefined` for anything else.
 */
export function parseUUID(text: string): string | undefined {
  const digits = withoutBraces(text.replaceAll('urn:', '').replaceAll('uuid:', '')).replaceAll('-', '');
  return /^([\da-f]{8})([\da-f]{4})([\da-f]{4})([\da-f]{4})([\da-f]{12})$/
    .exec(digits.toLowerCase())
    ?.slice(1)
    .join('-');
}

/** In one pass: an expression for braces at the end looks at each run of them again and again. */
function withoutBraces(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBrace(text[start])) start += 1;
  while (end > start && isBrace(text[end - 1])) end -= 1;
  return text.slice(start, end);
}

function isBrace(character: string | undefined): boolean {
  return character === '{' || character === '}';
}
