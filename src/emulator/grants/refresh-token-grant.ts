import type { AuthenticatedClient } from '../clients/client-authentication.js';
import { oauthRefusal } from '../http/answers.js';
import { type Answer, type EmulatorRequest, firstParameter } from '../http/message.js';
import { formValue, refuseNonASCII } from '../http/server-crashes.js';
import { splitScope } from '../scopes.js';
import type { EmulatorState } from '../state.js';
import type { NewToken, TokenRecord } from '../stores/tokens.js';
import { issueToken, tokenAnswer } from './token-answer.js';

/**
 * `grant_type=refresh_token`. The refresh token that was used and the access token beside it die in the same instant
 * that the new ones are born. As at Polar, the old ones are not looked at again once they are locked: where that takes
 * a while (`realistic`), several of concurrent refreshes can win.
 */
export async function refreshTokenGrant(
  request: EmulatorRequest,
  state: EmulatorState,
  { client }: AuthenticatedClient,
): Promise<Answer> {
  const refreshToken = formValue(request, 'refresh_token');
  if (refreshToken === undefined)
    throw oauthRefusal('invalid_request', "Missing 'refresh_token' in request.");
  refuseNonASCII(refreshToken);
  const old = state.tokens.findByRefreshToken(refreshToken);
  if (old === undefined || old.revoked || old.clientID !== client.clientID)
    throw oauthRefusal('invalid_grant');
  const scope = narrowedScope(old, firstParameter(request, 'scope'));
  await state.tokens.revoke(old, state.transaction);
  const token = issueToken(state, client, {
    ...migratedSubject(old, state),
    scope,
    expiresIn: state.settings.refreshedAccessTokenSeconds,
    withRefreshToken: true,
  });
  return tokenAnswer(token);
}

function narrowedScope(old: TokenRecord, requested: string | undefined): string {
  if (!requested) return old.scope;
  const granted = new Set(splitScope(old.scope));
  if (granted.size > 0 && splitScope(requested).every((scope) => granted.has(scope))) return requested;
  throw oauthRefusal('invalid_scope', 'The requested scope is invalid, unknown, or malformed.');
}

/** A legacy token of an organization with a single member becomes that member's token, limited to the organization. */
function migratedSubject(
  { subject, organizationIDs }: TokenRecord,
  state: EmulatorState,
): Pick<NewToken, 'subject' | 'organizationIDs'> {
  if (subject.type === 'organization') {
    const [member, ...others] = state.directory.membersOf(subject.organization.id);
    if (member !== undefined && others.length === 0) {
      return { subject: { type: 'user', user: member }, organizationIDs: [subject.organization.id] };
    }
  }
  return { subject, organizationIDs };
}
