import { bearerValue, refuseUserToken } from '../bearer.js';
import { UNKNOWN_CLIENT, unauthorizedClient } from '../clients/client-authentication.js';
import { readRegistration, readUpdate, refuseOddMetadata } from '../clients/client-metadata.js';
import { oauthAnswer, oauthRefusal } from '../http/answers.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import { publicOrigin } from '../http/public-origin.js';
import { refuseNonASCII, refuseNUL } from '../http/server-crashes.js';
import type { EmulatorState } from '../state.js';
import type { ClientRecord } from '../stores/clients.js';
import { parseBody, presentBody } from '../validation/json-body.js';

/** `POST /v1/oauth2/register` (RFC 7591): open to anyone, without an account. */
export function register(request: EmulatorRequest, state: EmulatorState): Answer {
  const body = parseBody(request);
  refuseUserToken(request, state);
  const metadata = readRegistration(presentBody(body));
  refuseOddMetadata(metadata);
  const origin = publicOrigin(request, state.settings);
  const client = state.clients.add(metadata);
  return oauthAnswer(201, { ...client.metadata, ...credentials(client), ...registration(client, origin) });
}

/** `GET /v1/oauth2/register/:client_id` (RFC 7592). */
export function readClient(request: EmulatorRequest, state: EmulatorState): Answer {
  refuseUserToken(request, state);
  return describe(ownClient(request, state), request, state);
}

/** `PUT /v1/oauth2/register/:client_id`: replaces the metadata; omitted optional URLs stay. */
export function updateClient(request: EmulatorRequest, state: EmulatorState): Answer {
  const body = parseBody(request);
  refuseUserToken(request, state);
  const { clientID, metadata } = readUpdate(presentBody(body));
  const client = ownClient(request, state);
  if (clientID !== client.clientID) throw oauthRefusal('invalid_request');
  refuseOddMetadata(metadata);
  client.metadata = { ...client.metadata, ...metadata };
  return describe(client, request, state);
}

/** `DELETE /v1/oauth2/register/:client_id`. Tokens of the client keep working, and can no longer be revoked. */
export function deleteClient(request: EmulatorRequest, state: EmulatorState): Answer {
  refuseUserToken(request, state);
  state.clients.delete(ownClient(request, state));
  return { status: 204, headers: { 'cache-control': 'no-store', pragma: 'no-cache' }, body: '' };
}

function describe(client: ClientRecord, request: EmulatorRequest, { settings }: EmulatorState): Answer {
  return oauthAnswer(200, {
    ...credentials(client),
    ...client.metadata,
    ...registration(client, publicOrigin(request, settings)),
  });
}

function credentials(client: ClientRecord): Record<string, unknown> {
  const { clientID, clientSecret, issuedAt, metadata } = client;
  if (metadata.token_endpoint_auth_method === 'none') {
    return { client_id: clientID, client_id_issued_at: issuedAt };
  }
  return {
    client_id: clientID,
    client_secret: clientSecret,
    client_id_issued_at: issuedAt,
    client_secret_expires_at: 0,
  };
}

function registration({ clientID, registrationAccessToken }: ClientRecord, origin: string) {
  return {
    registration_client_uri: `${origin}/v1/oauth2/register/${clientID}`,
    registration_access_token: registrationAccessToken,
  };
}

function ownClient(request: EmulatorRequest, state: EmulatorState): ClientRecord {
  const token = bearerValue(request) ?? '';
  if (token === '') {
    throw oauthRefusal('access_denied', 'The resource owner or authorization server denied the request');
  }
  const clientID = request.path.slice(request.path.lastIndexOf('/') + 1);
  refuseNUL(clientID);
  const client = state.clients.find(clientID);
  if (client !== undefined) refuseNonASCII(token);
  if (client?.registrationAccessToken === token) return client;
  throw unauthorizedClient(UNKNOWN_CLIENT);
}
