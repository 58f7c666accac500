import { firstValue } from '../http/message.js';
import { splitScope } from '../scopes.js';
import type { EmulatorState } from '../state.js';
import type { ClientRecord } from '../stores/clients.js';
import type { DirectoryUser } from '../users/directory.js';
import { AuthorizeError } from './authorize-error.js';
import type { AuthorizeRequest } from './authorize-request.js';

/** `sub_type`, or the client's default: `true` when the user has to pick exactly one organization. */
export function isOrganizationRequest(query: URLSearchParams, { metadata }: ClientRecord): boolean {
  const subType = firstValue(query, 'sub_type') || (metadata.default_sub_type ?? 'user');
  if (subType !== 'user' && subType !== 'organization') {
    throw new AuthorizeError('invalid_request', 'Invalid sub_type');
  }
  return subType === 'organization';
}

/** The page that the browser has to show before a code can be issued. */
export type Interaction = 'sign-in' | 'consent' | 'nothing';

/**
 * Decides by `prompt`, the user and the user's earlier grants which page to show.
 *
 * `prompt` belongs to OpenID Connect, so except for `none` it counts only in requests for `openid`. `prompt=none` does not skip
 * the consent page: only a request without any prompt goes straight through.
 */
export function requiredInteraction(
  query: URLSearchParams,
  { client, redirectURI, scope }: AuthorizeRequest,
  user: DirectoryUser | undefined,
  emulator: EmulatorState,
): Interaction {
  const prompt = firstValue(query, 'prompt');
  const prompts = splitScope(prompt ?? '');
  const isOpenID = splitScope(firstValue(query, 'scope') ?? '').includes('openid');
  if (isOpenID && prompts.includes('none') && prompts.length > 1) {
    throw new AuthorizeError('invalid_request', "Invalid 'prompt' parameter.", redirectURI);
  }
  if (user === undefined) {
    if (prompt === 'none') throw new AuthorizeError('login_required', undefined, redirectURI);
    return 'sign-in';
  }
  if (client.firstParty) return 'nothing';
  const isGranted = emulator.grants.covers(client.clientID, user.id, scope);
  if (prompt === 'none' && !isGranted) throw new AuthorizeError('consent_required', undefined, redirectURI);
  if (isOpenID && prompts.includes('login')) return 'sign-in';
  return prompt === undefined && isGranted ? 'nothing' : 'consent';
}
