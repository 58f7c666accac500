/** Where a client manages its own registration (RFC 7592). */
export function registrationURI(clientID: string, origin: string): string {
  return `${origin}/v1/oauth2/register/${clientID}`;
}
