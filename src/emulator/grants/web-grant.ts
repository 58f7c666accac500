import type { AuthenticatedClient } from '../clients/client-authentication.js';
import { oauthRefusal } from '../http/answers.js';
import { type Answer, type EmulatorRequest, firstParameter } from '../http/message.js';
import { refuseNonASCII } from '../http/server-crashes.js';
import { isKnownScope } from '../scopes.js';
import type { EmulatorState } from '../state.js';
import { accessibleOrganizations, type DirectoryUser } from '../users/directory.js';
import { parseUUID } from '../uuid.js';
import { issueToken, tokenAnswer } from './token-answer.js';

/** `grant_type=web`: Polar's own apps exchange a web session for a token that cannot be refreshed. */
export function webGrant(
  request: EmulatorRequest,
  state: EmulatorState,
  { client }: AuthenticatedClient,
): Answer {
  const sessionToken = firstParameter(request, 'session_token');
  if (sessionToken === undefined)
    throw oauthRefusal('invalid_request', "Missing 'session_token' in request.");
  const sub = requestedOrganization(request);
  const scope = firstParameter(request, 'scope');
  if (scope && !isKnownScope(scope)) {
    throw oauthRefusal('invalid_scope', 'The requested scope is invalid, unknown, or malformed.');
  }
  refuseNonASCII(sessionToken);
  const user = state.webSessions.find(sessionToken);
  if (user === undefined) throw oauthRefusal('invalid_grant');
  const token = issueToken(state, client, {
    subject: { type: 'user', user },
    scope: scope || client.metadata.scope,
    organizationIDs: sub === undefined ? [] : [ownOrganization(user, sub)],
    expiresIn: state.settings.refreshedAccessTokenSeconds,
    withRefreshToken: false,
  });
  return tokenAnswer(token);
}

function requestedOrganization(request: EmulatorRequest): string | undefined {
  const subType = firstParameter(request, 'sub_type') || 'user';
  const sub = firstParameter(request, 'sub');
  if (subType !== 'user' && subType !== 'organization')
    throw oauthRefusal('invalid_request', 'Invalid sub_type');
  if (subType === 'organization' && sub === undefined) {
    throw oauthRefusal('invalid_request', "Missing 'sub' for organization sub_type");
  }
  if (subType === 'user' && sub !== undefined) {
    throw oauthRefusal('invalid_request', "Can't specify 'sub' for user sub_type");
  }
  return sub;
}

function ownOrganization(user: DirectoryUser, sub: string): string {
  const wanted = parseUUID(sub);
  if (wanted === undefined) throw oauthRefusal('invalid_request', "Invalid 'sub' UUID");
  if (!accessibleOrganizations(user).some(({ id }) => id === wanted)) throw oauthRefusal('invalid_grant');
  return wanted;
}
