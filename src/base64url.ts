/** Bytes of base64url text (RFC 4648 section 5); undefined unless it is the one text that those bytes are written as. */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
