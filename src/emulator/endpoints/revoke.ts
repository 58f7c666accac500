import { oauthAnswer, oauthRefusal } from '../http/answers.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import type { EmulatorState } from '../state.js';
import { findPostedToken } from './posted-token.js';

/** `POST /v1/oauth2/revoke`: revokes both access and refresh token, whichever the request names. */
export async function revoke(request: EmulatorRequest, state: EmulatorState): Promise<Answer> {
  const { client, record } = findPostedToken(request, state);
  if (record !== undefined) {
    if (record.clientID !== client.clientID) throw oauthRefusal('invalid_grant');
    await state.tokens.revoke(record, state.transaction);
  }
  return oauthAnswer(200, {});
}
