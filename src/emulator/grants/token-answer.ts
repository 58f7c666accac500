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
  return state.tokens.issue({ ...details, scope, clientID: client.clientID });
}

/** The success response of the token endpoint (RFC 6749 section 5.1). Fields without a value are absent. */
export function tokenAnswer(record: TokenRecord, state: EmulatorState, idToken?: string): Answer {
  const body = {
    token_type: 'Bearer',
    access_token: record.accessToken,
    expires_in: record.expiresIn,
    ...(record.refreshToken === undefined ? {} : { refresh_token: record.refreshToken }),
    ...(record.scope === '' ? {} : { scope: record.scope }),
    ...(idToken === undefined ? {} : { id_token: idToken }),
  };
  return { ...oauthAnswer(200, body), onSent: commitAfterLag(record, state.settings.commitLagMs) };
}

function commitAfterLag(record: TokenRecord, lagMs: number): () => void {
  if (lagMs <= 0) return () => {};
  record.committed = false;
  return () => {
    setTimeout(() => {
      record.committed = true;
    }, lagMs).unref();
  };
}
