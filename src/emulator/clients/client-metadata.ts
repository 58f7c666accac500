import { oauthRefusal } from '../http/answers.js';
import { isSupportedScope, SUPPORTED_SCOPES } from '../scopes.js';
import type { RegisteredMetadata } from '../stores/clients.js';
import { oneOf, redirectURI, text, webURL } from '../validation/checks.js';
import { FieldReader } from '../validation/field-reader.js';
import { isWebAddress } from './web-address.js';

const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'none'];
const GRANT_TYPES = ['authorization_code', 'refresh_token'];

/**
 * Reads the body of a client registration.
 *
 * @throws Refusal 422 listing every field that is wrong
 */
export function readRegistration(body: unknown): RegisteredMetadata {
  const fields = new FieldReader(body);
  const metadata = readMetadata(fields);
  fields.finish();
  return metadata;
}

/**
 * Reads the body of an update, which must repeat the `client_id`.
 *
 * @throws Refusal 422 listing every field that is wrong
 */
export function readUpdate(body: unknown): {
  readonly clientID: string;
  readonly metadata: RegisteredMetadata;
} {
  const fields = new FieldReader(body);
  const metadata = readMetadata(fields);
  const clientID = fields.required('client_id', text);
  fields.finish();
  return { clientID, metadata };
}

/** Reads the fields in the order of Polar's complaints; the result has the order of Polar's response. */
function readMetadata(fields: FieldReader): RegisteredMetadata {
  const uris = fields.list('redirect_uris', redirectURI);
  const method = fields.required('token_endpoint_auth_method', oneOf(AUTH_METHODS), 'client_secret_post');
  const grantTypes = fields.list('grant_types', oneOf(GRANT_TYPES), GRANT_TYPES);
  const responseTypes = fields.list('response_types', oneOf(['code']), ['code']);
  const scope = fields.required('scope', text, SUPPORTED_SCOPES.join(' '));
  const name = fields.required('client_name', text);
  const clientURI = fields.optional('client_uri', text);
  const logoURI = fields.optional('logo_uri', webURL);
  const termsURI = fields.optional('tos_uri', webURL);
  const policyURI = fields.optional('policy_uri', webURL);
  // Checked, and then forgotten: RFC 7591 has no such field, so the library behind Polar drops it.
  fields.required('default_sub_type', oneOf(['user', 'organization'], 'enum'), 'user');
  return {
    redirect_uris: uris,
    token_endpoint_auth_method: method,
    grant_types: grantTypes,
    response_types: responseTypes,
    client_name: name,
    ...clientURI,
    ...logoURI,
    scope,
    ...termsURI,
    ...policyURI,
  };
}

const ADDRESSES = ['redirect_uris', 'client_uri', 'logo_uri', 'tos_uri', 'policy_uri'] as const;

/** @throws Refusal 400 `invalid_client_metadata` for fields that only the OAuth library behind the framework rejects. */
export function refuseOddMetadata(metadata: RegisteredMetadata): void {
  const refusal = (field: string) => oauthRefusal('invalid_client_metadata', `Invalid claim: '${field}'`);
  if (!isSupportedScope(metadata.scope)) throw refusal('scope');
  for (const field of ADDRESSES) {
    if ([metadata[field] ?? []].flat().some((uri) => uri && !isWebAddress(uri))) throw refusal(field);
  }
}
