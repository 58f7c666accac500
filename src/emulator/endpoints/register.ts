import { bearerRecord, bearerToken, requireScope } from '../bearer.js';
import { UNKNOWN_CLIENT, unauthorizedClient } from '../clients/client-authentication.js';
import { readRegistration, readUpdate, refuseOddMetadata } from '../clients/client-metadata.js';
import { registrationURI } from '../clients/registration-uri.js';
import { oauthAnswer, oauthRefusal } from '../http/answers.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import { mediaType } from '../http/read-request.js';
import type { EmulatorState } from '../state.js';
import type { ClientRecord } from '../stores/clients.js';
import { validationRefusal } from '../validation/complaint.js';
import { jsonProblem } from '../validation/json-problem.js';

/** `POST /v1/oauth2/register` (RFC 7591): anybody may, no account needed. */
export function register(request: EmulatorRequest, state: EmulatorState): Answer {
  const body = jsonBody(request);
  refuseAccessToken(request, state);
  const metadata = readRegistration(body);
  refuseOddMetadata(metadata);
  const client = state.clients.add(metadata);
  return oauthAnswer(201, {
    ...client.metadata,
    ...credentials(client),
    ...registration(client, state),
  });
}

/** `GET /v1/oauth2/register/:client_id` (RFC 7592). */
export function readClient(request: EmulatorRequest, state: EmulatorState): Answer {
  refuseAccessToken(request, state);
  return describe(ownClient(request, state), state);
}

/** `PUT /v1/oauth2/register/:client_id`: replaces the metadata; optional URLs that are left out stay. */
export function updateClient(request: EmulatorRequest, state: EmulatorState): Answer {
  const body = jsonBody(request);
  refuseAccessToken(request, state);
  const { clientID, metadata } = readUpdate(body);
  const client = ownClient(request, state);
  if (clientID !== client.clientID) throw oauthRefusal('invalid_request');
  refuseOddMetadata(metadata);
  client.metadata = { ...client.metadata, ...metadata };
  return describe(client, state);
}

/** `DELETE /v1/oauth2/register/:client_id`: the client is gone, and its tokens with it. */
export function deleteClient(request: EmulatorRequest, state: EmulatorState): Answer {
  refuseAccessToken(request, state);
  const client = ownClient(request, state);
  state.clients.delete(client);
  state.tokens.revokeAll(({ clientID }) => clientID === client.clientID);
  return { status: 204, headers: { 'cache-control': 'no-store', pragma: 'no-cache' }, body: '' };
}

function describe(client: ClientRecord, state: EmulatorState): Answer {
  return oauthAnswer(200, {
    ...credentials(client),
    ...client.metadata,
    ...registration(client, state),
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

function registration({ clientID, registrationAccessToken }: ClientRecord, state: EmulatorState) {
  return {
    registration_client_uri: registrationURI(clientID, state),
    registration_access_token: registrationAccessToken,
  };
}

/** Clients are managed by nobody, by their own token, or by a user of Polar's web app: an app's token is too weak. */
function refuseAccessToken(request: EmulatorRequest, state: EmulatorState): void {
  if (bearerRecord(request, state)?.subject.type === 'user') requireScope(request, state, ['web:write']);
}

function ownClient(request: EmulatorRequest, state: EmulatorState): ClientRecord {
  const token = bearerToken(request);
  if (token === undefined) {
    throw oauthRefusal('access_denied', 'The resource owner or authorization server denied the request');
  }
  const client = state.clients.find(request.path.slice(request.path.lastIndexOf('/') + 1));
  if (client?.registrationAccessToken === token) return client;
  throw unauthorizedClient(UNKNOWN_CLIENT);
}

function jsonBody({ headers, body }: EmulatorRequest): unknown {
  const isJSON = /^application\/([^/]+\+)?json$/.test(mediaType(headers['content-type']));
  const value = body === '' ? null : isJSON ? parseJSON(body) : body;
  if (value !== null) return value;
  throw validationRefusal([{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]);
}

function parseJSON(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    const { message, position } = jsonProblem(body);
    const ctx = { error: message };
    throw validationRefusal([
      { type: 'json_invalid', loc: ['body', position], msg: 'JSON decode error', input: {}, ctx },
    ]);
  }
}
