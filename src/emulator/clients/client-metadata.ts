import { oauthRefusal } from '../http/answers.js';
import { isSupportedScope, SUPPORTED_SCOPES } from '../scopes.js';
import type { RegisteredMetadata } from '../stores/clients.js';
import { oneOf, redirectURI, text, webURL } from '../validation/checks.js';
import { FieldReader } from '../validation/field-reader.js';

const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'none'];
const GRANT_TYPES = ['authorization_code', 'refresh_token'];

/**
 * Reads the body of a client registration.
 *
 * @throws Refusal 422 listing every field that is wrong, or 400 `invalid_client_metadata` for what only the OAuth
 *   library behind the framework minds.
 */
export function parseClientMetadata(body: unknown): RegisteredMetadata {
  const fields = new FieldReader(body);
  const metadata = {
    redirect_uris: fields.list('redirect_uris', redirectURI),
    token_endpoint_auth_method: fields.required(
      'token_endpoint_auth_method',
      oneOf(AUTH_METHODS),
      'client_secret_post',
    ),
    grant_types: fields.list('grant_types', oneOf(GRANT_TYPES), GRANT_TYPES),
    response_types: fields.list('response_types', oneOf(['code']), ['code']),
    client_name: fields.required('client_name', text),
    ...fields.optional('client_uri', text),
    ...fields.optional('logo_uri', webURL),
    scope: fields.required('scope', text, SUPPORTED_SCOPES.join(' ')),
    ...fields.optional('tos_uri', webURL),
    ...fields.optional('policy_uri', webURL),
  };
  fields.finish();
  refuseOddities(metadata);
  return metadata;
}

/** The `client_id` that an update must repeat. */
export function parseClientID(body: unknown): string {
  const fields = new FieldReader(body);
  const clientID = fields.required('client_id', text);
  fields.finish();
  return clientID;
}

function refuseOddities({ redirect_uris, scope }: RegisteredMetadata): void {
  const refusal = (field: string) => oauthRefusal('invalid_client_metadata', `Invalid claim: '${field}'`);
  for (const uri of redirect_uris) {
    const url = new URL(uri);
    if (url.hostname === '' || url.hash !== '') throw refusal('redirect_uris');
  }
  if (!isSupportedScope(scope)) throw refusal('scope');
}
