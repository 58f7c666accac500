import { redirectAnswer } from '../http/answers.js';
import type { Answer } from '../http/message.js';
import type { EmulatorState } from '../state.js';
import { accessibleOrganizations, type DirectoryUser } from '../users/directory.js';
import { parseUUID } from '../uuid.js';
import { AuthorizeError, withParameters } from './authorize-error.js';
import type { AuthorizeRequest } from './authorize-request.js';

/** What the user consented to. */
export interface Decision {
  readonly user: DirectoryUser;
  /** Ids of the organizations to limit the token to; empty means all. */
  readonly organizations: readonly string[];
  /** True if the request requires exactly one organization. */
  readonly isOrganizationRequest: boolean;
}

/**
 * Issues a code and sends it to the app.
 *
 * @throws AuthorizeError if the user has no access to the organizations, or picked none although one is required: this is
 *   what happens to a returning user with `sub_type=organization` and no prompt
 */
export function issueCode(request: AuthorizeRequest, decision: Decision, emulator: EmulatorState): Answer {
  const organizationIDs = resolveOrganizations(decision);
  const details = {
    clientID: request.client.clientID,
    user: decision.user,
    scope: request.scope,
    redirectURI: request.requestedRedirectURI,
    nonce: request.nonce,
    codeChallenge: request.codeChallenge,
    codeChallengeMethod: request.codeChallengeMethod,
    organizationIDs,
  };
  const { code } = emulator.codes.issue(details, emulator.transaction);
  const parameters = request.state === undefined ? { code } : { code, state: request.state };
  return redirectAnswer(withParameters(request.redirectURI, parameters));
}

function resolveOrganizations({ user, organizations, isOrganizationRequest }: Decision): readonly string[] {
  const selected = [...new Set(organizations.map(organizationUUID))];
  const accessible = accessibleOrganizations(user);
  for (const id of selected) {
    if (accessible.some((organization) => organization.id === id)) continue;
    throw new AuthorizeError('invalid_request', `Organization ${id} is not accessible`);
  }
  if (!isOrganizationRequest) return selected;
  const [first] = selected.sort();
  if (first === undefined) {
    throw new AuthorizeError('invalid_request', 'sub_type=organization requires selecting an organization');
  }
  return [first];
}

function organizationUUID(text: string): string {
  const id = parseUUID(text);
  if (id === undefined) throw new AuthorizeError('invalid_request', "Invalid 'organizations' UUID");
  return id;
}
