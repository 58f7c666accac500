import { refuseUserToken } from '../bearer.js';
import { detailAnswer, notEmulated, oauthAnswer } from '../http/answers.js';
import { type Answer, type EmulatorRequest, firstValue } from '../http/message.js';
import { splitScope } from '../scopes.js';
import type { EmulatorState } from '../state.js';
import { AuthorizeError } from './authorize-error.js';
import { parseAuthorizeRequest } from './authorize-request.js';
import { isOrganizationRequest, requiredInteraction } from './required-interaction.js';

/**
 * `GET /v1/oauth2/authorize`: the request of Polar's page to Polar's API about an authorization request. No page of the emulator
 * sends it, so it returns only errors, and that no user is signed in.
 */
export function authorizeAPI(request: EmulatorRequest, emulator: EmulatorState): Answer {
  refuseUserToken(request, emulator);
  const { method, path, query } = request;
  try {
    const parsed = parseAuthorizeRequest(query, emulator);
    isOrganizationRequest(query, parsed.client);
    requiredInteraction(query, parsed, undefined, emulator);
  } catch (error) {
    if (error instanceof AuthorizeError) return errorAnswer(error, firstValue(query, 'state'));
    throw error;
  }
  const isOpenID = splitScope(firstValue(query, 'scope') ?? '').includes('openid');
  return isOpenID ? detailAnswer(401, 'Unauthorized') : notEmulated(method, path);
}

function errorAnswer(error: AuthorizeError, state: string | undefined): Answer {
  const answer = error.toAnswer(state);
  if (error.redirectURI !== undefined || answer.isBare === true) return answer;
  return oauthAnswer(answer.status, JSON.parse(answer.body));
}
