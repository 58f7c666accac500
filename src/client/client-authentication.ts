/** How the client proves itself at Polar's endpoints (RFC 6749 section 2.3). */

/** `none` is a public client: it has no secret and is protected by PKCE alone. */
export type TokenEndpointAuthMethod = 'client_secret_post' | 'client_secret_basic' | 'none';

/** Who the client is. */
export interface ClientCredentials {
  readonly clientID: string;
  readonly clientSecret: string | undefined;
  readonly method: TokenEndpointAuthMethod;
}

/**
 * Adds the client's proof to a form: Polar wants exactly the method for which the client is registered, so what
 * the form says of the client already is left out.
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

/** Form-encodes a value, as RFC 6749 section 2.3.1 wants id and secret before they are joined by the colon. */
export function formEncode(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1);
}
