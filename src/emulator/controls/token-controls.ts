import { checkedChoice, type Names, refuseUnknownNames } from '../checks.js';
import type { EmulatorState } from '../state.js';
import type { TokenRecord, TokenSubject } from '../stores/tokens.js';
import type { DirectoryOrganization, DirectoryUser } from '../users/directory.js';
import { checkedScope, requireClient } from './client-controls.js';
import type { PolarEmulatorToken, PolarEmulatorTokenRequest } from './polar-emulator.js';

const SUB_TYPES = ['user', 'organization'] as const;

const REQUEST_NAMES: Names<PolarEmulatorTokenRequest> = {
  clientID: true,
  user: true,
  scope: true,
  subType: true,
  organization: true,
  expired: true,
};

/** Issues tokens without a login. */
export function issueTokens(request: PolarEmulatorTokenRequest, state: EmulatorState): PolarEmulatorToken {
  refuseUnknownNames('issueTokens', request, REQUEST_NAMES);
  const client = requireClient(request.clientID, state);
  const user = state.directory.byEmail(request.user);
  const organization =
    request.organization === undefined ? undefined : ownOrganization(user, request.organization);
  const isLegacy = checkedChoice('subType', request.subType ?? 'user', SUB_TYPES) === 'organization';
  const record = state.tokens.issue({
    clientID: client.clientID,
    subject: isLegacy ? legacySubject(user, organization) : { type: 'user', user },
    scope: checkedScope(request.scope ?? client.metadata.scope),
    organizationIDs: isLegacy || organization === undefined ? [] : [organization.id],
    expiresIn: state.settings.loginAccessTokenSeconds,
    withRefreshToken: true,
  });
  return describeToken(request.expired === true ? state.tokens.expire(record) : record, state);
}

/** Returns the pairs of tokens of which at least one still works. */
export function liveTokens(state: EmulatorState): PolarEmulatorToken[] {
  return state.tokens.live().map((record) => describeToken(record, state));
}

/** Revokes the tokens of one user, or all. */
export function revokeTokens(email: string | undefined, state: EmulatorState): void {
  if (email === undefined) {
    state.tokens.revokeAll();
    return;
  }
  const user = state.directory.byEmail(email);
  state.tokens.revokeAll(({ subject }) => subject.type === 'user' && subject.user === user);
}

/** Switches an organization's SSO on or off; switching it on revokes the tokens that are limited to the organization. */
export function enforceSSO(idOrSlug: string, isEnforced: boolean, state: EmulatorState): void {
  const organization = state.directory.organization(idOrSlug);
  if (isEnforced && !organization.ssoEnforced) {
    state.tokens.revokeAll(({ organizationIDs }) => organizationIDs.includes(organization.id));
  }
  organization.ssoEnforced = isEnforced;
}

function legacySubject(user: DirectoryUser, organization: DirectoryOrganization | undefined): TokenSubject {
  const whose = organization ?? user.organizations[0];
  if (whose === undefined) throw new TypeError(`${user.email} does not belong to any organization.`);
  return { type: 'organization', organization: whose };
}

function ownOrganization(user: DirectoryUser, idOrSlug: string): DirectoryOrganization {
  const found = user.organizations.find(({ id, slug }) => id === idOrSlug || slug === idOrSlug);
  if (found === undefined)
    throw new TypeError(`${user.email} does not belong to the organization ${idOrSlug}.`);
  return found;
}

function describeToken(record: TokenRecord, state: EmulatorState): PolarEmulatorToken {
  const { subject } = record;
  return {
    clientID: record.clientID,
    user: subject.type === 'user' ? subject.user.email : undefined,
    subType: subject.type,
    organizations: record.organizationIDs,
    scope: record.scope,
    accessToken: record.accessToken,
    accessTokenExpired: state.tokens.isExpired(record),
    refreshToken: record.refreshToken,
    expiresAt: (record.issuedAt + record.expiresIn) * 1000,
  };
}
