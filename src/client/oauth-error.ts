import { type OAuthErrorCode, PolarOAuthError } from '../errors.js';
import type { HttpResponse } from '../http/http.js';

const advice: Record<OAuthErrorCode, string> = {
  invalid_request: 'A parameter is missing or malformed.',
  invalid_client:
    'clientID or clientSecret is wrong, or the client is registered at another server (sandbox clients do not exist in production) or for another tokenEndpointAuthMethod.',
  invalid_grant:
    'The code, refresh token or session token is expired, used, revoked or was issued to another client.',
  invalid_scope: 'Request only scopes that Polar supports; a refresh cannot add any.',
  invalid_token: 'The access token is expired, revoked or malformed.',
  unauthorized_client: 'This client is not registered for this kind of request.',
  unsupported_grant_type: 'Polar does not support this grant type.',
  access_denied: 'The registration access token is missing.',
  invalid_client_metadata: 'Polar rejected a field of the client metadata.',
  invalid_redirect_uri: 'Redirect URIs must use https, or http on localhost or in a private network.',
  oauth_error: 'Is this a Polar server? Check the server option.',
};

/**
 * Returns the typed error for a 4xx response of one of Polar's OAuth endpoints (RFC 6749 section 5.2).
 *
 * @param secrets values that were sent and must be redacted if the response echoes them
 * @param isPublic true for a client without a secret, which may be the cause
 * @param ownAdvice advice for this kind of request, where the usual advice does not fit
 */
export function oauthError(
  response: HttpResponse,
  what: string,
  secrets: readonly (string | undefined)[],
  isPublic = false,
  ownAdvice: Partial<Record<OAuthErrorCode, string>> = {},
): PolarOAuthError {
  const body =
    typeof response.body === 'object' && response.body !== null
      ? (response.body as Record<string, unknown>)
      : {};
  // Known codes are not secrets, even if a secret looks like one.
  const given = body['error'];
  const isKnown = typeof given === 'string' && Object.hasOwn(advice, given);
  const error = (isKnown ? given : cleanText(given, secrets)) ?? '';
  const errorDescription = cleanText(body['error_description'] ?? complaints(body['detail']), secrets);
  const code = codeOf(error, response.status);
  const said = [error || `status ${response.status}`, errorDescription].filter(Boolean).join(': ');
  const hint = ownAdvice[code] ?? advice[code];
  const secretAdvice = isPublic
    ? ' No clientSecret was given: does this client have one?'
    : ' For a public client (token_endpoint_auth_method none), omit clientSecret.';
  const lack = code === 'invalid_client' && ownAdvice[code] === undefined ? secretAdvice : '';
  const refusal = `Polar refused the ${what} (${said}).`;
  // Polar's words blame the authentication method, even if the secret is wrong.
  const message = code === 'invalid_client' ? `${hint}${lack} ${refusal}` : `${refusal} ${hint}`;
  return new PolarOAuthError(code, message, {
    error: error || 'unknown',
    errorDescription,
    httpStatus: response.status,
    // A wrong client is the app's own misconfiguration; any other error is between Polar and the user.
    status: code === 'invalid_client' ? 500 : 502,
  });
}

function codeOf(error: string, status: number): OAuthErrorCode {
  if (Object.hasOwn(advice, error)) return error as keyof typeof advice;
  return status === 422 ? 'invalid_request' : 'oauth_error';
}

/** Returns the validation errors of Polar's API (status 422): each field and the reason, but not the value sent. */
function complaints(detail: unknown): string | undefined {
  if (!Array.isArray(detail)) return undefined;
  const said = detail.map((each: unknown) => {
    const { loc, msg } = (each ?? {}) as { loc?: unknown; msg?: unknown };
    const parts = Array.isArray(loc) ? loc.filter((part) => /^(string|number)$/.test(typeof part)) : [];
    const field = parts.filter((part) => part !== 'body').join('.');
    return [field, typeof msg === 'string' ? msg : ''].filter(Boolean).join(': ');
  });
  return said.filter(Boolean).join('; ');
}

/** Makes external text fit for messages: short, on one line, and with echoed secrets redacted. */
export function cleanText(value: unknown, secrets: readonly (string | undefined)[] = []): string | undefined {
  if (typeof value !== 'string') return undefined;
  let text = redacted(value, secrets);
  // A server may have encoded what it echoes, even repeatedly, and may have turned a space into a plus.
  for (const decoded of [percentDecoded(text), percentDecoded(text.replaceAll('+', ' '))]) {
    const shown = redacted(decoded, secrets);
    if (shown !== decoded) text = shown;
  }
  return text
    .replace(/polar_(?!ci_)[a-z]+_\w+/g, '[redacted]')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(0, 200);
}

/**
 * Redacts the secrets in a text, ignoring case. Does not build regular expressions from them: they may be long, and are
 * secret.
 */
function redacted(text: string, secrets: readonly (string | undefined)[]): string {
  // Longest first: redacting a secret that is part of a longer one would leave the rest of the longer one behind.
  const longestFirst = secrets.filter((secret) => secret !== undefined && secret !== '').sort(byLength);
  return longestFirst.reduce<string>((rest, secret) => withoutSecret(rest, secret as string), text);
}

function withoutSecret(text: string, secret: string): string {
  const [where, what] = [lowerCase(text), lowerCase(secret)];
  let [result, from] = ['', 0];
  for (let at = where.indexOf(what); at >= 0; at = where.indexOf(what, from)) {
    result += `${text.slice(from, at)}[redacted]`;
    from = at + secret.length;
  }
  return result + text.slice(from);
}

const byLength = (one: string | undefined, two: string | undefined): number =>
  (two?.length ?? 0) - (one?.length ?? 0);
// Letter by letter, so that every character keeps its position.
const lowerCase = (text: string): string =>
  text.replace(/\p{Lu}/gu, (letter) => {
    const small = letter.toLowerCase();
    return small.length === letter.length ? small : letter;
  });

function percentDecoded(text: string): string {
  let decoded = text;
  for (let round = 0; round < 4; round++)
    decoded = decoded.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) =>
      Buffer.from(bytes.replaceAll('%', ''), 'hex').toString('utf8'),
    );
  return decoded;
}
