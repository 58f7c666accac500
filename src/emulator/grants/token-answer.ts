import { oauthAnswer } from '../http/answers.js';
import type { Answer } from '../http/message.js';
import { intersectScope } from '../scopes.js';
import type { EmulatorState } from '../state.js';
import type { ClientRecord } from '../stores/clients.js';
import type { NewToken, TokenRecord } from '../stores/tokens.js';

/** Issues a token to the client; scopes that the client is not registered for are dropped. */
export function issueToken(
  state: EmulatorState,
  client: ClientRecord,
  details: Omit<NewToken, 'clientID'>,
): TokenRecord {
  const scope = intersectScope(details.scope, client.metadata.scope);
  return state.tokens.issue({ ...details, scope, clientID: client.clientID }, state.transaction);
}

/** The success response of the token endpoint (RFC 6749 section 5.1). Fields without a value are absent. */
export function tokenAnswer(record: TokenRecord, idToken?: string): Answer {
  const body = {
    token_type: 'Bearer',
    access_token: record.accessToken,
    expires_in: record.expiresIn,
    ...(record.refreshToken === undefined ? {} : { refresh_token: record.refreshToken }),
    ...(record.scope === '' ? {} : { scope: record.scope }),
    ...(idToken === undefined ? {} : { id_token: idToken }),
  };
  return oauthAnswer(200, body);
}
