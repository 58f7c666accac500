import { jsonAnswer } from '../http/answers.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import { publicOrigin } from '../http/public-origin.js';
import { SUPPORTED_SCOPES } from '../scopes.js';
import type { EmulatorState } from '../state.js';

const SECRET_METHODS = ['client_secret_post', 'client_secret_basic'];

/**
 * `GET /.well-known/openid-configuration`. As at Polar, the issuer is not the prefix of this document's own address, which
 * OpenID Connect Discovery 4.3 demands: strict clients reject it. Only the URL of the authorize page, which belongs to Polar's
 * web app, does not depend on the URL of the request.
 */
export function discovery(request: EmulatorRequest, { settings }: EmulatorState): Answer {
  const { baseURL, issuer } = settings;
  const origin = publicOrigin(request, settings);
  const oauth = `${origin}/v1/oauth2`;
  return jsonAnswer(200, {
    issuer,
    authorization_endpoint: `${baseURL}/oauth2/authorize`,
    token_endpoint: `${oauth}/token`,
    jwks_uri: `${origin}/.well-known/jwks.json`,
    registration_endpoint: `${oauth}/register`,
    scopes_supported: SUPPORTED_SCOPES,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['refresh_token', 'authorization_code', 'web'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    service_documentation: 'https://polar.sh/docs',
    revocation_endpoint: `${oauth}/revoke`,
    revocation_endpoint_auth_methods_supported: SECRET_METHODS,
    introspection_endpoint: `${oauth}/introspect`,
    introspection_endpoint_auth_methods_supported: SECRET_METHODS,
    code_challenge_methods_supported: ['S256', 'plain'],
    userinfo_endpoint: `${oauth}/userinfo`,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: ['sub', 'name', 'email', 'email_verified'],
  });
}
