import { crashRefusal, oauthAnswer, oauthErrorBody, oauthRefusal } from '../http/answers.js';
import { decodeText, percentDecode } from '../http/decode-text.js';
import { type EmulatorRequest, firstParameter, Refusal } from '../http/message.js';
import { formValue, refuseNonASCII, refuseNUL } from '../http/server-crashes.js';
import type { PolarEmulatorAuthMethod } from '../options.js';
import type { EmulatorState } from '../state.js';
import type { ClientRecord } from '../stores/clients.js';

/** An authenticated client, and the method it used. */
export interface AuthenticatedClient {
  readonly client: ClientRecord;
  readonly method: PolarEmulatorAuthMethod;
}

type Attempt = (request: EmulatorRequest, state: EmulatorState) => ClientRecord | undefined;

const ATTEMPTS: Readonly<Record<PolarEmulatorAuthMethod, Attempt>> = {
  client_secret_basic(request, state) {
    const credentials = basicCredentials(request.headers.authorization);
    if (credentials === undefined) return undefined;
    return withSecret(knownClient(credentials.clientID, state, 401), credentials.secret);
  },
  client_secret_post(request, state) {
    const clientID = formValue(request, 'client_id');
    const secret = formValue(request, 'client_secret');
    if (!clientID || !secret) return undefined;
    return withSecret(knownClient(clientID, state, 400), secret);
  },
  none(request, state) {
    const clientID = firstParameter(request, 'client_id');
    // An empty client_secret counts as none.
    if (!clientID || firstParameter(request, 'client_secret')) return undefined;
    return knownClient(clientID, state, 400);
  },
};

const SECRET_METHODS: readonly PolarEmulatorAuthMethod[] = ['client_secret_basic', 'client_secret_post'];
const TOKEN_METHODS: readonly PolarEmulatorAuthMethod[] = [...SECRET_METHODS, 'none'];

/**
 * The client at the token endpoint: it must use exactly the method it is registered for.
 *
 * @param grantType - the web grant is for confidential clients only
 */
export function authenticateTokenClient(
  request: EmulatorRequest,
  state: EmulatorState,
  grantType: string,
): AuthenticatedClient {
  const methods = grantType === 'web' ? SECRET_METHODS : TOKEN_METHODS;
  const isRegisteredMethod = ({ client, method }: AuthenticatedClient) =>
    client.metadata.token_endpoint_auth_method === method;
  return authenticate(request, state, methods, isRegisteredMethod);
}

/** The client at revoke and introspect: by post or Basic, whatever is registered; public clients never. */
export function authenticateManagementClient(request: EmulatorRequest, state: EmulatorState): ClientRecord {
  return authenticate(request, state, SECRET_METHODS, () => true).client;
}

function authenticate(
  request: EmulatorRequest,
  state: EmulatorState,
  methods: readonly PolarEmulatorAuthMethod[],
  isAllowed: (result: AuthenticatedClient) => boolean,
): AuthenticatedClient {
  for (const method of methods) {
    const client = ATTEMPTS[method](request, state);
    if (client !== undefined && isAllowed({ client, method })) return { client, method };
  }
  const list = methods.map((method) => `'${method}'`).join(', ');
  throw unauthorizedClient(`The client cannot authenticate with methods: [${list}]`);
}

function withSecret(client: ClientRecord, secret: string): ClientRecord | undefined {
  refuseNonASCII(secret);
  return client.clientSecret === secret ? client : undefined;
}

function knownClient(clientID: string, state: EmulatorState, status: 400 | 401): ClientRecord {
  refuseNUL(clientID);
  const client = state.clients.find(clientID);
  if (client !== undefined) return client;
  throw status === 401 ? unauthorizedClient(UNKNOWN_CLIENT) : oauthRefusal('invalid_client', UNKNOWN_CLIENT);
}

/** Polar's description for an unknown client_id. */
export const UNKNOWN_CLIENT = 'The client does not exist on this server.';

/** 401 `invalid_client`, with the challenge that goes with it. */
export function unauthorizedClient(description: string): Refusal {
  const challenge = `Basic error="invalid_client", error_description="${description}"`;
  return new Refusal(
    oauthAnswer(401, oauthErrorBody('invalid_client', description), { 'www-authenticate': challenge }),
  );
}

function basicCredentials(header: string | undefined): { clientID: string; secret: string } | undefined {
  const [, encoded] = /^basic +(.+)$/i.exec(header ?? '') ?? [];
  refuseNonASCII(encoded ?? '');
  const decoded = encoded === undefined ? '' : base64Decode(encoded);
  const colon = decoded.indexOf(':');
  if (colon < 0) return undefined;
  // RFC 6749 section 2.3.1 has both halves form-encoded.
  const clientID = percentDecode(decoded.slice(0, colon));
  const secret = percentDecode(decoded.slice(colon + 1));
  return clientID && secret ? { clientID, secret } : undefined;
}

/**
 * Skips invalid characters; returns an empty text if the padding is wrong.
 *
 * @throws Refusal 500 if the bytes are not UTF-8, on which Polar's server fails.
 */
function base64Decode(encoded: string): string {
  const [, digits = '', padding = ''] = /^([^=]*)(=*)/.exec(encoded.replace(/[^a-z0-9+/=]/gi, '')) ?? [];
  const missing = (4 - (digits.length % 4)) % 4;
  if (missing === 3 || padding.length < missing) return '';
  const text = decodeText(Buffer.from(digits, 'base64'));
  if (text === undefined) throw crashRefusal();
  return text;
}
