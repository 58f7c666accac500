import { checkedChoice, checkedList, type Names, refuseUnknownNames } from '../checks.js';
import { normalizeRedirectURI } from '../clients/redirect-uri.js';
import type {
  PolarEmulatorAuthMethod,
  PolarEmulatorClient,
  PolarEmulatorClientMetadata,
} from '../options.js';
import { isSupportedScope, SUPPORTED_SCOPES } from '../scopes.js';
import type { EmulatorState } from '../state.js';
import type { ClientRecord } from '../stores/clients.js';
import type { PolarEmulatorClientChanges } from './polar-emulator.js';

const AUTH_METHODS: readonly string[] = ['client_secret_post', 'client_secret_basic', 'none'];
const GRANT_TYPES: readonly string[] = ['authorization_code', 'refresh_token', 'web'];

const CHANGE_NAMES: Names<PolarEmulatorClientChanges> = {
  redirectURIs: true,
  scope: true,
  tokenEndpointAuthMethod: true,
  name: true,
  grantTypes: true,
  defaultSubType: true,
  firstParty: true,
};
const CLIENT_NAMES: Names<PolarEmulatorClientMetadata> = {
  ...CHANGE_NAMES,
  clientID: true,
  clientSecret: true,
};

/** Registers a client from code: the controls' counterpart of `POST /v1/oauth2/register`. */
export function registerClient(
  metadata: PolarEmulatorClientMetadata,
  state: EmulatorState,
): PolarEmulatorClient {
  refuseUnknownNames('A client', metadata, CLIENT_NAMES);
  if (!Array.isArray(metadata.redirectURIs))
    throw new TypeError('A client needs redirectURIs, a list of URLs.');
  const client = state.clients.add(
    {
      redirect_uris: metadata.redirectURIs.map(checkedRedirectURI),
      token_endpoint_auth_method: checkedMethod(metadata.tokenEndpointAuthMethod ?? 'client_secret_post'),
      grant_types: checkedGrantTypes(metadata.grantTypes ?? ['authorization_code', 'refresh_token']),
      response_types: ['code'],
      client_name: metadata.name ?? 'Example app',
      scope: checkedScope(metadata.scope ?? SUPPORTED_SCOPES.join(' ')),
      ...checkedSubType(metadata.defaultSubType),
    },
    metadata,
  );
  return describeClient(client, state);
}

/** Changes a registered client. */
export function changeClient(
  clientID: string,
  changes: PolarEmulatorClientChanges,
  state: EmulatorState,
): PolarEmulatorClient {
  const client = requireClient(clientID, state);
  refuseUnknownNames('updateClient', changes, CHANGE_NAMES);
  const { metadata } = client;
  client.metadata = {
    ...metadata,
    redirect_uris: changes.redirectURIs?.map(checkedRedirectURI) ?? metadata.redirect_uris,
    token_endpoint_auth_method: checkedMethod(
      changes.tokenEndpointAuthMethod ?? metadata.token_endpoint_auth_method,
    ),
    grant_types: checkedGrantTypes(changes.grantTypes ?? metadata.grant_types),
    client_name: changes.name ?? metadata.client_name,
    scope: checkedScope(changes.scope ?? metadata.scope),
    ...checkedSubType(changes.defaultSubType),
  };
  client.firstParty = changes.firstParty ?? client.firstParty;
  return describeClient(client, state);
}

/** @throws TypeError if there is no such client. */
export function requireClient(clientID: string, state: EmulatorState): ClientRecord {
  const client = state.clients.find(clientID);
  if (client === undefined) throw new TypeError(`No client ${clientID} is registered at this local Polar.`);
  return client;
}

function describeClient(client: ClientRecord, state: EmulatorState): PolarEmulatorClient {
  const { clientID, clientSecret, metadata, registrationAccessToken } = client;
  const method = checkedMethod(metadata.token_endpoint_auth_method);
  return {
    clientID,
    ...(method === 'none' ? {} : { clientSecret }),
    redirectURIs: metadata.redirect_uris,
    scope: metadata.scope,
    tokenEndpointAuthMethod: method,
    registrationAccessToken,
    registrationClientURI: `${state.settings.baseURL}/v1/oauth2/register/${clientID}`,
  };
}

function checkedRedirectURI(uri: string): string {
  const url = normalizeRedirectURI(uri);
  if (url === 'not-a-url') throw new TypeError(`A redirect URI must be an absolute URL, not ${uri}.`);
  if (url === 'https-required') {
    throw new TypeError(
      `A redirect URI must use https, or http on localhost or a private IPv4 address, not ${uri}.`,
    );
  }
  return url.href;
}

/**
 * Returns scopes as Polar stores them, separated by spaces.
 *
 * @throws TypeError if they are neither a string nor a list of strings, or Polar does not know all of them
 */
export function checkedScope(scope: string | readonly string[]): string {
  const given: readonly string[] = typeof scope === 'string' ? [scope] : checkedList('scope', scope);
  if (!given.every((item) => typeof item === 'string'))
    throw new TypeError('scope must be a list of strings or one space-separated string.');
  const text = given.join(' ');
  if (!isSupportedScope(text)) throw new TypeError(`Polar does not support all scopes of "${text}".`);
  return text;
}

function checkedGrantTypes(grantTypes: readonly string[]): readonly string[] {
  return checkedList('grantTypes', grantTypes).map((each) =>
    checkedChoice('A grant type', each, GRANT_TYPES),
  );
}

function checkedSubType(subType: 'user' | 'organization' | undefined) {
  if (subType === undefined) return {};
  return { default_sub_type: checkedChoice('defaultSubType', subType, ['user', 'organization']) };
}

function checkedMethod(method: string): PolarEmulatorAuthMethod {
  if (AUTH_METHODS.includes(method)) return method as PolarEmulatorAuthMethod;
  throw new TypeError(`tokenEndpointAuthMethod must be one of ${AUTH_METHODS.join(', ')}, not "${method}".`);
}
