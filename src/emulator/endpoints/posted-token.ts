import { oauthAnswer, oauthRefusal } from '../http/answers.js';
import { type EmulatorRequest, lastValue, Refusal } from '../http/message.js';
import type { EmulatorState } from '../state.js';
import type { TokenRecord } from '../stores/tokens.js';

/**
 * The token that a revoke or introspect request names. A `token_type_hint` is believed: with the wrong one, nothing
 * is found.
 */
export function findPostedToken({ form }: EmulatorRequest, state: EmulatorState): TokenRecord | undefined {
  const token = lastValue(form, 'token');
  if (token === undefined) throw oauthRefusal('invalid_request');
  const hint = lastValue(form, 'token_type_hint') || undefined;
  switch (hint) {
    case 'access_token':
      return state.tokens.findByAccessToken(token);
    case 'refresh_token':
      return state.tokens.findByRefreshToken(token);
    case undefined:
      return state.tokens.findByAccessToken(token) ?? state.tokens.findByRefreshToken(token);
    default:
      throw new Refusal(oauthAnswer(401, { error: 'unsupported_token_type' }));
  }
}
