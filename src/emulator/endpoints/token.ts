import { type AuthenticatedClient, authenticateTokenClient } from '../clients/client-authentication.js';
import { authorizationCodeGrant } from '../grants/authorization-code-grant.js';
import { refreshTokenGrant } from '../grants/refresh-token-grant.js';
import { webGrant } from '../grants/web-grant.js';
import { oauthRefusal } from '../http/answers.js';
import { type Answer, type EmulatorRequest, firstParameter } from '../http/message.js';
import { refuseBrokenForm } from '../http/server-crashes.js';
import type { EmulatorState } from '../state.js';

type Grant = (
  request: EmulatorRequest,
  state: EmulatorState,
  client: AuthenticatedClient,
) => Answer | Promise<Answer>;

const GRANTS = new Map<string, Grant>([
  ['authorization_code', authorizationCodeGrant],
  ['refresh_token', refreshTokenGrant],
  ['web', webGrant],
]);

/** `POST /v1/oauth2/token`. Reads form bodies only; any other body has no grant_type. */
export async function token(request: EmulatorRequest, state: EmulatorState): Promise<Answer> {
  refuseBrokenForm(request);
  const grantType = firstParameter(request, 'grant_type') ?? '';
  const grant = GRANTS.get(grantType);
  if (grant === undefined) throw oauthRefusal('unsupported_grant_type');
  const authenticated = authenticateTokenClient(request, state, grantType);
  if (!authenticated.client.metadata.grant_types.includes(grantType)) {
    throw oauthRefusal(
      'unauthorized_client',
      `The client is not authorized to use 'grant_type=${grantType}'`,
    );
  }
  return grant(request, state, authenticated);
}
