import { requireUserToken } from '../bearer.js';
import { jsonAnswer } from '../http/answers.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import { splitScope } from '../scopes.js';
import type { EmulatorState } from '../state.js';

/** `GET /v1/users/me/scopes`: the scopes of the token. */
export function usersMeScopes(request: EmulatorRequest, state: EmulatorState): Answer {
  const { scope } = requireUserToken(request, state);
  return jsonAnswer(200, { scopes: [...new Set(splitScope(scope))] });
}
