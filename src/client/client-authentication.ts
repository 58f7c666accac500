/** How the client authenticates at Polar's endpoints (RFC 6749 section 2.3). */

/**
 * How the client authenticates at Polar (RFC 6749 section 2.3). `none` is a public client: it has no secret, and PKCE alone
 * protects it.
 *
 * @group OAuth client
 */
export type TokenEndpointAuthMethod = 'client_secret_post' | 'client_secret_basic' | 'none';

/** Credentials of the client. */
export interface ClientCredentials {
  readonly clientID: string;
  readonly clientSecret: string | undefined;
  readonly method: TokenEndpointAuthMethod;
}

/**
 * Adds client authentication to a form. Polar accepts only the method for which the client is registered, so any client
 * credentials already in the form are removed.
 */
export function authenticate(
  client: ClientCredentials,
  form: Record<string, string>,
): { form: Record<string, string>; headers: Record<string, string> } {
  const { client_id: _id, client_secret: _secret, ...rest } = form;
  if (client.method === 'client_secret_basic') {
    const pair = `${formEncode(client.clientID)}:${formEncode(client.clientSecret ?? '')}`;
    return { form: rest, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } };
  }
  const withID = { ...rest, client_id: client.clientID };
  if (client.method === 'none' || client.clientSecret === undefined) return { form: withID, headers: {} };
  return { form: { ...withID, client_secret: client.clientSecret }, headers: {} };
}

/** Form-encodes a value, as RFC 6749 section 2.3.1 requires for the id and the secret before the colon joins them. */
export function formEncode(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1);
}
