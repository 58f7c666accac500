import { PolarResponseError } from '../errors.js';
import type { SubType } from './authorization-url.js';
import type { TokenEndpointAuthMethod } from './client-authentication.js';
import { type PolarScopes, scopeParameter } from './polar-scope.js';
import {
  optionalAccessToken,
  optionalNumber,
  optionalString,
  optionalStrings,
  requiredString,
  type WireObject,
  wireObject,
} from './wire-fields.js';

/**
 * Metadata with which an app registers (RFC 7591 section 2).
 *
 * @group OAuth client
 */
export interface ClientMetadata {
  /** Where users may be sent back to: https, or http on localhost or in a private network. */
  readonly redirectURIs: readonly string[];
  /** Name shown on the consent page. */
  readonly clientName: string;
  /** The scopes that the client may ask for at most. @default every scope of Polar */
  readonly scope?: PolarScopes | undefined;
  /** `none` registers a public client, without a secret. @default 'client_secret_post' */
  readonly tokenEndpointAuthMethod?: TokenEndpointAuthMethod | undefined;
  /** Grants that the client may use. @default ['authorization_code', 'refresh_token'] */
  readonly grantTypes?: readonly string[] | undefined;
  /** Response types of the authorize page. @default ['code'] */
  readonly responseTypes?: readonly string[] | undefined;
  /** The subject of tokens when a login does not specify one. Polar validates it, but stores `user`. @default 'user' */
  readonly defaultSubType?: SubType | undefined;
  /** The app's home page. @default none */
  readonly clientURI?: string | undefined;
  /** URL of the logo on the consent page. @default none */
  readonly logoURI?: string | undefined;
  /** URL of the terms of service. @default none */
  readonly tosURI?: string | undefined;
  /** URL of the privacy policy. @default none */
  readonly policyURI?: string | undefined;
  /** Additional fields, by their names at Polar. The fields above take precedence. @default none */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * A registered client, as Polar describes it (RFC 7591 section 3.2.1).
 *
 * @group OAuth client
 */
export interface ClientRegistration {
  /** Id of the client, `polar_ci_...`. */
  readonly clientID: string;
  /** Secret of the client, `polar_cs_...`; absent for a public client. */
  readonly clientSecret?: string;
  /** Where users may be sent back to. */
  readonly redirectURIs: readonly string[];
  /** Name shown on the consent page. */
  readonly clientName?: string;
  /** The scopes that the client may ask for at most. */
  readonly scope?: readonly string[];
  /** How the client authenticates, such as `client_secret_post`. */
  readonly tokenEndpointAuthMethod?: string;
  /** Grants that the client may use. */
  readonly grantTypes?: readonly string[];
  /** Response types of the authorize page. */
  readonly responseTypes?: readonly string[];
  /** The subject of tokens when a login does not specify one. */
  readonly defaultSubType?: string;
  /** The app's home page. */
  readonly clientURI?: string;
  /** URL of the logo on the consent page. */
  readonly logoURI?: string;
  /** URL of the terms of service. */
  readonly tosURI?: string;
  /** URL of the privacy policy. */
  readonly policyURI?: string;
  /** When Polar issued the id, in milliseconds since the epoch. */
  readonly clientIDIssuedAt?: number;
  /** When the secret expires, in milliseconds since the epoch; 0 means never. */
  readonly clientSecretExpiresAt?: number;
  /** Grants access to read, change and delete the registration: keep it secret. */
  readonly registrationAccessToken?: string;
  /** URL for reading, changing and deleting the registration (RFC 7592). */
  readonly registrationClientURI?: string;
  /** The raw response. Holds secrets: do not log it. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Converts metadata to the fields of the registration endpoint. */
export function toWire(metadata: ClientMetadata): WireObject {
  const fields: Record<string, unknown> = {
    redirect_uris: metadata.redirectURIs,
    client_name: metadata.clientName,
    scope: metadata.scope === undefined ? undefined : scopeParameter(metadata.scope),
    token_endpoint_auth_method: metadata.tokenEndpointAuthMethod,
    grant_types: metadata.grantTypes,
    response_types: metadata.responseTypes,
    default_sub_type: metadata.defaultSubType,
    client_uri: metadata.clientURI,
    logo_uri: metadata.logoURI,
    tos_uri: metadata.tosURI,
    policy_uri: metadata.policyURI,
  };
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return { ...metadata.extra, ...Object.fromEntries(given) };
}

/**
 * Parses a registration response.
 *
 * @throws PolarResponseError `malformed_response` with the name of the field
 */
export function parseClientRegistration(body: unknown): ClientRegistration {
  const what = 'The registration response';
  const wire = wireObject(body, what);
  const text = (field: string) => optionalString(wire, field, what);
  const seconds = (field: string) => {
    const value = optionalNumber(wire, field, what);
    return value === undefined ? undefined : value * 1000;
  };
  const redirectURIs = optionalStrings(wire, 'redirect_uris', what);
  if (redirectURIs === undefined) {
    throw new PolarResponseError('malformed_response', `${what}: redirect_uris is missing.`, {
      field: 'redirect_uris',
    });
  }
  const known = {
    clientSecret: text('client_secret'),
    clientName: text('client_name'),
    scope: text('scope')?.split(' ').filter(Boolean),
    tokenEndpointAuthMethod: text('token_endpoint_auth_method'),
    grantTypes: optionalStrings(wire, 'grant_types', what),
    responseTypes: optionalStrings(wire, 'response_types', what),
    defaultSubType: text('default_sub_type'),
    clientURI: text('client_uri'),
    logoURI: text('logo_uri'),
    tosURI: text('tos_uri'),
    policyURI: text('policy_uri'),
    clientIDIssuedAt: seconds('client_id_issued_at'),
    clientSecretExpiresAt: seconds('client_secret_expires_at'),
    registrationAccessToken: optionalAccessToken(wire, 'registration_access_token', what),
    registrationClientURI: text('registration_client_uri'),
  };
  const present = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
  return { clientID: requiredString(wire, 'client_id', what), redirectURIs, ...present, raw: wire };
}
