import { UNKNOWN_CLIENT } from '../clients/client-authentication.js';
import { crashRefusal } from '../http/answers.js';
import { firstValue } from '../http/message.js';
import { refuseNUL } from '../http/server-crashes.js';
import { isKnownScope, splitScope } from '../scopes.js';
import type { EmulatorState } from '../state.js';
import type { ClientRecord } from '../stores/clients.js';
import { CHALLENGE } from '../stores/codes.js';
import { AuthorizeError } from './authorize-error.js';

/** A valid authorization request. */
export interface AuthorizeRequest {
  readonly client: ClientRecord;
  /** Where the response goes: the requested URI, or the client's first. */
  readonly redirectURI: string;
  /** As the request named it, for the token endpoint to compare. */
  readonly requestedRedirectURI: string | undefined;
  /** As requested, or all of the client's scopes. */
  readonly scope: string;
  readonly state: string | undefined;
  readonly nonce: string | undefined;
  readonly codeChallenge: string | undefined;
  readonly codeChallengeMethod: string | undefined;
}

const UNREPEATABLE = ['response_type', 'client_id', 'redirect_uri', 'scope', 'state'];

/**
 * Checks the authorization request of an app.
 *
 * @throws AuthorizeError, with a redirect URI once the client and that URI are known to belong together
 */
export function parseAuthorizeRequest(query: URLSearchParams, emulator: EmulatorState): AuthorizeRequest {
  refuseResponseType(query, emulator);
  for (const name of UNREPEATABLE) {
    if (query.getAll(name).length > 1)
      throw new AuthorizeError('invalid_request', `Multiple '${name}' in request.`);
  }
  const client = requestedClient(query, emulator);
  const redirectURI = checkedRedirectURI(query, client);
  if (!client.metadata.response_types.includes('code')) {
    const description = "The client is not authorized to use 'response_type=code'";
    throw new AuthorizeError('unauthorized_client', description, redirectURI);
  }
  const scope = firstValue(query, 'scope') ?? client.metadata.scope;
  const problem = payloadProblem(query, client, emulator);
  if (problem !== undefined) throw problem.redirectingTo(redirectURI);
  return {
    client,
    redirectURI,
    requestedRedirectURI: firstValue(query, 'redirect_uri') || undefined,
    scope,
    state: firstValue(query, 'state') || undefined,
    nonce: firstValue(query, 'nonce'),
    codeChallenge: firstValue(query, 'code_challenge') || undefined,
    codeChallengeMethod: firstValue(query, 'code_challenge_method'),
  };
}

function refuseResponseType(query: URLSearchParams, emulator: EmulatorState): void {
  const responseType = requestedResponseType(query);
  if (responseType === 'code') return;
  const clientID = firstValue(query, 'client_id') ?? '';
  refuseNUL(clientID);
  const client = emulator.clients.find(clientID);
  const requested = firstValue(query, 'redirect_uri');
  const registered = client?.metadata.redirect_uris ?? [];
  const redirectURI = requested ? registered.find((uri) => uri === requested) : registered[0];
  // Polar's description is the response type itself, as recorded.
  throw new AuthorizeError('unsupported_response_type', responseType, redirectURI);
}

/** The values of a list are sorted, which also takes away the space around a single one. */
function requestedResponseType(query: URLSearchParams): string | undefined {
  const responseType = firstValue(query, 'response_type');
  return responseType?.includes(' ') ? splitScope(responseType).sort().join(' ') : responseType;
}

function requestedClient(query: URLSearchParams, emulator: EmulatorState): ClientRecord {
  const clientID = firstValue(query, 'client_id');
  if (clientID === undefined) throw new AuthorizeError('invalid_client', "Missing 'client_id' parameter.");
  refuseNUL(clientID);
  const client = emulator.clients.find(clientID);
  if (client === undefined) throw new AuthorizeError('invalid_client', UNKNOWN_CLIENT);
  return client;
}

function checkedRedirectURI(query: URLSearchParams, { metadata }: ClientRecord): string {
  const requested = firstValue(query, 'redirect_uri');
  const uri = requested
    ? metadata.redirect_uris.find((each) => each === requested)
    : metadata.redirect_uris[0];
  if (uri !== undefined) return uri;
  const description = requested
    ? `Redirect URI ${requested} is not supported by client.`
    : "Missing 'redirect_uri' in request.";
  throw new AuthorizeError('invalid_request', description);
}

/** What is wrong with scope, PKCE parameters or nonce, if anything is. */
function payloadProblem(
  query: URLSearchParams,
  { clientID }: ClientRecord,
  emulator: EmulatorState,
): AuthorizeError | undefined {
  const scope = firstValue(query, 'scope') ?? '';
  if (!isKnownScope(scope)) {
    return new AuthorizeError('invalid_scope', 'The requested scope is invalid, unknown, or malformed.');
  }
  const problem = challengeProblem(query);
  if (problem !== undefined) return new AuthorizeError('invalid_request', problem);
  const nonce = firstValue(query, 'nonce');
  refuseNUL(nonce ?? '');
  const taken =
    nonce && splitScope(scope).includes('openid') ? emulator.codes.countNonce(clientID, nonce) : 0;
  // Polar's query fails on a second code, which a request without `openid` can lead to: its nonce is not checked.
  if (taken > 1) throw crashRefusal();
  return taken === 1 ? new AuthorizeError('invalid_request', 'Replay attack') : undefined;
}

/** RFC 7636 section 4.3; without a method the challenge is the verifier itself. */
function challengeProblem(query: URLSearchParams): string | undefined {
  const challenge = firstValue(query, 'code_challenge');
  const method = firstValue(query, 'code_challenge_method');
  if (!challenge && !method) return undefined;
  if (!challenge) return "Missing 'code_challenge'";
  if (query.getAll('code_challenge').length > 1) return "Multiple 'code_challenge' in request.";
  if (!CHALLENGE.test(challenge)) return "Invalid 'code_challenge'";
  if (method && method !== 'plain' && method !== 'S256') return "Unsupported 'code_challenge_method'";
  if (query.getAll('code_challenge_method').length > 1) return "Multiple 'code_challenge_method' in request.";
  return undefined;
}
