import { jsonAnswer, oauthAnswer, oauthErrorBody } from './http/answers.js';
import { type EmulatorRequest, Refusal } from './http/message.js';
import { isASCII } from './http/server-crashes.js';
import { splitScope } from './scopes.js';
import type { EmulatorState } from './state.js';
import type { TokenRecord } from './stores/tokens.js';

const INVALID_TOKEN =
  'The access token provided is expired, revoked, malformed, or invalid for other reasons.';
const INSUFFICIENT_SCOPE = 'The request requires higher privileges than provided by the access token.';

/** What follows `Bearer` in the Authorization header (RFC 6750 section 2.1), be it empty; `undefined` without one. */
export function bearerValue({ headers }: EmulatorRequest): string | undefined {
  const [scheme = '', ...rest] = (headers.authorization ?? '').split(' ');
  return scheme.toLowerCase() === 'bearer' ? rest.join(' ') : undefined;
}

/** The token of a Bearer header; `undefined` for none, an empty one, and one that is not ASCII. */
export function bearerToken(request: EmulatorRequest): string | undefined {
  const token = bearerValue(request)?.trim() ?? '';
  return token !== '' && isASCII(token) ? token : undefined;
}

/**
 * Whose access token the request carries, if it does; a client's registration token is for its endpoint to judge.
 *
 * @throws Refusal 401 `invalid_token`, on whatever route: Polar looks at the header before it looks at the path.
 */
export function bearerRecord(request: EmulatorRequest, state: EmulatorState): TokenRecord | undefined {
  const token = bearerToken(request);
  if (token === undefined || token.startsWith('polar_crt_')) return undefined;
  return acceptedRecord(token, state);
}

/** @throws Refusal 401 `invalid_token`, unless it is an access token that works. */
export function acceptedRecord(token: string, state: EmulatorState): TokenRecord {
  const record = state.tokens.findByAccessToken(token);
  if (record !== undefined && state.tokens.isAccepted(record)) return record;
  throw bearerRefusal(401, 'invalid_token', INVALID_TOKEN);
}

/** @throws Refusal 401 when the request carries no access token. */
export function requireToken(request: EmulatorRequest, state: EmulatorState): TokenRecord {
  const record = bearerRecord(request, state);
  if (record !== undefined) return record;
  throw unauthorized();
}

/** @throws Refusal 401 when the request carries no access token of a user. */
export function requireUserToken(request: EmulatorRequest, state: EmulatorState): TokenRecord {
  const record = requireToken(request, state);
  if (record.subject.type === 'user') return record;
  throw unauthorized();
}

/** Polar's response to somebody who is not the right kind of caller. */
export function notPermitted(): Refusal {
  return new Refusal(jsonAnswer(403, { error: 'NotPermitted', detail: 'Not permitted' }));
}

/** @throws Refusal 403 when the request carries an access token of a user. */
export function refuseUserToken(request: EmulatorRequest, state: EmulatorState): void {
  if (bearerRecord(request, state)?.subject.type === 'user') throw notPermitted();
}

/** Polar's response to nobody. */
export function unauthorized(): Refusal {
  const body = { error: 'Unauthorized', detail: 'Unauthorized' };
  return new Refusal(jsonAnswer(401, body, { 'www-authenticate': 'Bearer realm="polar"' }));
}

/** @throws Refusal 401 without a token, 403 `insufficient_scope` when it has none of the scopes. */
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
