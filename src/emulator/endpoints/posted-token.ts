import { authenticateManagementClient } from '../clients/client-authentication.js';
import { oauthAnswer, oauthRefusal } from '../http/answers.js';
import { type EmulatorRequest, Refusal } from '../http/message.js';
import { formValue, refuseBrokenForm, refuseNonASCII } from '../http/server-crashes.js';
import type { EmulatorState } from '../state.js';
import type { ClientRecord } from '../stores/clients.js';
import type { TokenRecord } from '../stores/tokens.js';

/**
 * Returns the client that revokes or introspects, and the token in the request. Like Polar, it trusts `token_type_hint`: with the
 * wrong hint, it finds no token.
 */
export function findPostedToken(
  request: EmulatorRequest,
  state: EmulatorState,
): { client: ClientRecord; record: TokenRecord | undefined } {
  refuseBrokenForm(request);
  const client = authenticateManagementClient(request, state);
  const token = formValue(request, 'token');
  if (token === undefined) throw oauthRefusal('invalid_request');
  const hint = formValue(request, 'token_type_hint') || undefined;
  if (hint !== undefined && hint !== 'access_token' && hint !== 'refresh_token') {
    throw new Refusal(oauthAnswer(401, { error: 'unsupported_token_type' }));
  }
  refuseNonASCII(token);
  const ofAccessToken = hint === 'refresh_token' ? undefined : state.tokens.findByAccessToken(token);
  const ofRefreshToken = hint === 'access_token' ? undefined : state.tokens.findByRefreshToken(token);
  return { client, record: ofAccessToken ?? ofRefreshToken };
}
