import { refuseUserToken } from '../bearer.js';
import { detailAnswer, jsonAnswer, oauthAnswer } from '../http/answers.js';
import { type Answer, type EmulatorRequest, firstValue } from '../http/message.js';
import { describeScope, SUPPORTED_SCOPES, splitScope } from '../scopes.js';
import type { EmulatorState } from '../state.js';
import type { ClientRecord } from '../stores/clients.js';
import { AuthorizeError } from './authorize-error.js';
import { parseAuthorizeRequest } from './authorize-request.js';
import { isOrganizationRequest, requiredInteraction } from './required-interaction.js';

/**
 * `GET /v1/oauth2/authorize`: the request of Polar's page to Polar's API about an authorization request. No page of the emulator
 * sends it, so no user is signed in. Without `openid` in the requested scopes, Polar describes the consent page even then.
 */
export function authorizeAPI(request: EmulatorRequest, emulator: EmulatorState): Answer {
  refuseUserToken(request, emulator);
  const { query } = request;
  try {
    const parsed = parseAuthorizeRequest(query, emulator);
    const wantsOrganization = isOrganizationRequest(query, parsed.client);
    requiredInteraction(query, parsed, undefined, emulator);
    const isOpenID = splitScope(firstValue(query, 'scope') ?? '').includes('openid');
    if (isOpenID) return detailAnswer(401, 'Unauthorized');
    return jsonAnswer(200, consentDescription(parsed.client, parsed.scope, wantsOrganization));
  } catch (error) {
    if (error instanceof AuthorizeError) return errorAnswer(error, firstValue(query, 'state'));
    throw error;
  }
}

function consentDescription({ clientID, issuedAt, metadata }: ClientRecord, scope: string, single: boolean) {
  return {
    client: {
      created_at: new Date(issuedAt * 1000).toISOString(),
      modified_at: null,
      client_id: clientID,
      client_name: metadata.client_name,
      client_uri: metadata.client_uri ?? null,
      logo_uri: metadata.logo_uri ?? null,
      tos_uri: metadata.tos_uri ?? null,
      policy_uri: metadata.policy_uri ?? null,
    },
    sub_type: 'user',
    sub: null,
    scopes: splitScope(scope),
    organizations: [],
    requires_single_organization: single,
    scope_display_names: Object.fromEntries(SUPPORTED_SCOPES.map((each) => [each, describeScope(each)])),
  };
}

function errorAnswer(error: AuthorizeError, state: string | undefined): Answer {
  const answer = error.toAnswer(state);
  if (error.redirectURI !== undefined || answer.isBare === true) return answer;
  return oauthAnswer(answer.status, JSON.parse(answer.body));
}
