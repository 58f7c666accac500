// RFC 4648 section 3.5: the bits of the last character that belong to no byte are zero.
const canonical = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/;

/** True for base64url (RFC 4648 section 5) as it is written: no padding, no blanks, no second text of the same bytes. */
export function isBase64url(text: string): boolean {
  return canonical.test(text);
}
