import { jsonAnswer, oauthAnswer, oauthErrorBody } from './http/answers.js';
import { type EmulatorRequest, Refusal } from './http/message.js';
import { isASCII } from './http/server-crashes.js';
import { splitScope } from './scopes.js';
import type { EmulatorState } from './state.js';
import type { TokenRecord } from './stores/tokens.js';

const INVALID_TOKEN =
  'The access token provided is expired, revoked, malformed, or invalid for other reasons.';
const INSUFFICIENT_SCOPE = 'The request requires higher privileges than provided by the access token.';

/** The value after `Bearer` in the Authorization header (RFC 6750 section 2.1), possibly empty; `undefined` without one. */
export function bearerValue({ headers }: EmulatorRequest): string | undefined {
  const [scheme = '', ...rest] = (headers.authorization ?? '').split(' ');
  return scheme.toLowerCase() === 'bearer' ? rest.join(' ') : undefined;
}

/** The token of a Bearer header; `undefined` if it is missing, empty or not ASCII. */
export function bearerToken(request: EmulatorRequest): string | undefined {
  const token = bearerValue(request)?.trim() ?? '';
  return token !== '' && isASCII(token) ? token : undefined;
}

/**
 * The record of the request's access token, if it has one. A client's registration token is left to its endpoint.
 *
 * @throws Refusal 401 `invalid_token`, on any route: Polar checks the header before the path.
 */
export function bearerRecord(request: EmulatorRequest, state: EmulatorState): TokenRecord | undefined {
  const token = bearerToken(request);
  if (token === undefined || token.startsWith('polar_crt_')) return undefined;
  return acceptedRecord(token, state);
}

/** @throws Refusal 401 `invalid_token` unless it is a valid access token. */
export function acceptedRecord(token: string, state: EmulatorState): TokenRecord {
  const record = state.tokens.findByAccessToken(token);
  if (record !== undefined && state.tokens.isAccepted(record)) return record;
  throw bearerRefusal(401, 'invalid_token', INVALID_TOKEN);
}

/** @throws Refusal 401 if the request has no access token. */
export function requireToken(request: EmulatorRequest, state: EmulatorState): TokenRecord {
  const record = bearerRecord(request, state);
  if (record !== undefined) return record;
  throw unauthorized();
}

/** @throws Refusal 401 if the request has no access token of a user. */
export function requireUserToken(request: EmulatorRequest, state: EmulatorState): TokenRecord {
  const record = requireToken(request, state);
  if (record.subject.type === 'user') return record;
  throw unauthorized();
}

/** Polar's response to the wrong kind of caller. */
export function notPermitted(): Refusal {
  return new Refusal(jsonAnswer(403, { error: 'NotPermitted', detail: 'Not permitted' }));
}

/** @throws Refusal 403 if the request has an access token of a user. */
export function refuseUserToken(request: EmulatorRequest, state: EmulatorState): void {
  if (bearerRecord(request, state)?.subject.type === 'user') throw notPermitted();
}

/** Polar's response to an unauthenticated caller. */
export function unauthorized(): Refusal {
  const body = { error: 'Unauthorized', detail: 'Unauthorized' };
  return new Refusal(jsonAnswer(401, body, { 'www-authenticate': 'Bearer realm="polar"' }));
}

/** @throws Refusal 401 without a token, 403 `insufficient_scope` if it has none of the scopes. */
export function requireScope(
  request: EmulatorRequest,
  state: EmulatorState,
  scopes: readonly string[],
): TokenRecord {
  const record = requireToken(request, state);
  const granted = splitScope(record.scope);
  if (scopes.some((scope) => granted.includes(scope))) return record;
  throw bearerRefusal(403, 'insufficient_scope', INSUFFICIENT_SCOPE, ` scope="${scopes.join(' ')}",`);
}

function bearerRefusal(status: number, error: string, description: string, extra = ''): Refusal {
  const challenge = `Bearer realm="polar",${extra} error="${error}", error_description="${description}"`;
  return new Refusal(
    oauthAnswer(status, oauthErrorBody(error, description), { 'www-authenticate': challenge }),
  );
}
