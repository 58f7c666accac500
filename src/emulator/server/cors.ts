import type { Answer, EmulatorRequest } from '../http/message.js';

const METHODS = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT';
const HEADERS = 'Accept, Accept-Language, Authorization, Content-Language, Content-Type, Polar-Version';
const ANY_ORIGIN = { 'access-control-allow-origin': '*' };

/**
 * Scripts of any site may call the API, with a token but without cookies. The pages are another matter: there, a site
 * could read the form that gives consent.
 */
function isForScripts({ path, headers }: EmulatorRequest): boolean {
  return headers.origin !== undefined && path !== '/' && !path.startsWith('/oauth2/');
}

/** The response to a CORS preflight request. */
export function preflightAnswer(request: EmulatorRequest): Answer | undefined {
  const { headers } = request;
  const method = headers['access-control-request-method'];
  if (request.method !== 'OPTIONS' || method === undefined || !isForScripts(request)) return undefined;
  const wanted = headers['access-control-request-headers']?.toLowerCase().split(',') ?? [];
  const allowed = HEADERS.toLowerCase().split(', ');
  const failures = [
    ...(METHODS.split(', ').includes(method) ? [] : ['method']),
    ...(wanted.every((name) => allowed.includes(name.trim())) ? [] : ['headers']),
    ...(headers['access-control-request-private-network'] === 'true' ? ['private-network'] : []),
  ];
  return {
    status: failures.length === 0 ? 200 : 400,
    headers: {
      ...ANY_ORIGIN,
      'content-type': 'text/plain; charset=utf-8',
      'access-control-allow-methods': METHODS,
      'access-control-max-age': '600',
      'access-control-allow-headers': HEADERS,
    },
    body: failures.length === 0 ? 'OK' : `Disallowed CORS ${failures.join(', ')}`,
  };
}

/** Lets the script of whatever site read the answer. */
export function withCORS(request: EmulatorRequest, answer: Answer): Answer {
  if (answer.isBare === true || !isForScripts(request)) return answer;
  const headers = { ...answer.headers, ...ANY_ORIGIN, 'access-control-expose-headers': 'Polar-Version' };
  return { ...answer, headers };
}
