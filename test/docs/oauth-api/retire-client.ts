import type { PolarOAuthClient, RegistrationAccess } from 'passport-polar-sh';

/** Deletes a client so that none of its tokens works any more. Of each login, the access or the refresh token will do. */
export async function retireClient(
  client: PolarOAuthClient,
  registration: RegistrationAccess,
  tokens: Iterable<string>,
): Promise<void> {
  for (const token of tokens) await client.revoke(token); // ends the other token of the pair, too
  await client.registrations.deleteRegistration(registration); // from here on, nothing can revoke a token
}
