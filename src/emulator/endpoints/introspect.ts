import { oauthAnswer } from '../http/answers.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import type { EmulatorState } from '../state.js';
import { findPostedToken } from './posted-token.js';

/** `POST /v1/oauth2/introspect`. A refresh token is reported inactive once its access token has expired. */
export function introspect(request: EmulatorRequest, state: EmulatorState): Answer {
  const { client, record } = findPostedToken(request, state);
  if (record === undefined || record.clientID !== client.clientID || !state.tokens.isAccepted(record)) {
    return oauthAnswer(200, { active: false });
  }
  const { subject } = record;
  return oauthAnswer(200, {
    active: true,
    client_id: record.clientID,
    token_type: 'Bearer',
    scope: record.scope,
    sub_type: subject.type,
    sub: subject.type === 'user' ? subject.user.id : subject.organization.id,
    organizations: record.organizationIDs,
    aud: record.clientID,
    iss: state.settings.issuer,
    exp: record.issuedAt + record.expiresIn,
    iat: record.issuedAt,
  });
}
