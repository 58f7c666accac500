import { oauthAnswer, oauthRefusal } from '../http/answers.js';
import { type EmulatorRequest, Refusal } from '../http/message.js';
import { formValue, refuseNonASCII } from '../http/server-crashes.js';
import type { EmulatorState } from '../state.js';
import type { TokenRecord } from '../stores/tokens.js';

/**
 * The token that a revoke or introspect request names. A `token_type_hint` is believed: with the wrong one, nothing
 * is found.
 */
export function findPostedToken(request: EmulatorRequest, state: EmulatorState): TokenRecord | undefined {
  const token = formValue(request, 'token');
  if (token === undefined) throw oauthRefusal('invalid_request');
  const hint = formValue(request, 'token_type_hint') || undefined;
  if (hint !== undefined && hint !== 'access_token' && hint !== 'refresh_token') {
    throw new Refusal(oauthAnswer(401, { error: 'unsupported_token_type' }));
  }
  refuseNonASCII(token);
  const { tokens } = state;
  if (hint === 'access_token') return tokens.findByAccessToken(token);
  if (hint === 'refresh_token') return tokens.findByRefreshToken(token);
  return tokens.findByAccessToken(token) ?? tokens.findByRefreshToken(token);
}
