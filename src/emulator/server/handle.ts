import { bearerRecord, bearerToken } from '../bearer.js';
import {
  bodyTooLarge,
  detailAnswer,
  lengthRequired,
  notEmulated,
  redirectAnswer,
  unknownVersion,
} from '../http/answers.js';
import { percentDecode } from '../http/decode-text.js';
import { type Answer, type EmulatorRequest, Refusal } from '../http/message.js';
import { requestOrigin } from '../http/public-origin.js';
import { MAX_BODY_BYTES } from '../http/read-request.js';
import type { EmulatorState } from '../state.js';
import { preflightAnswer, withCORS } from './cors.js';
import { refuseWithoutAccess } from './refuse-without-access.js';
import { currentPath, findRoute } from './routes.js';

const MOVED = 'The API root has moved from /api/v1 to /v1. Please update your integration.';

/** Polar's response to a request. */
export async function handle(received: EmulatorRequest, state: EmulatorState): Promise<Answer> {
  const request = { ...received, path: percentDecode(received.path) };
  if (state.apiVersions.requested(request.headers) === undefined) return unknownVersion();
  const preflight = preflightAnswer(request);
  if (preflight !== undefined) return preflight;
  return withCORS(request, refusedBody(request) ?? (await respond(request, state)));
}

/** A body must say how long it is, and must not be too long. */
function refusedBody({ method, headers }: EmulatorRequest): Answer | undefined {
  const length = headers['content-length'];
  if (length === undefined) return ['POST', 'PUT', 'PATCH'].includes(method) ? lengthRequired() : undefined;
  return Number(length) > MAX_BODY_BYTES ? bodyTooLarge(MAX_BODY_BYTES) : undefined;
}

async function respond(request: EmulatorRequest, state: EmulatorState): Promise<Answer> {
  const path = currentPath(request.path);
  const answer = await route({ ...request, path }, state).catch((error: unknown) => {
    if (error instanceof Refusal) return error.answer;
    throw error;
  });
  if (answer.forBrowsers !== undefined && opensPage(request)) return answer.forBrowsers();
  if (path === request.path || answer.isBare === true) return answer;
  return { ...answer, headers: { ...answer.headers, 'x-polar-deprecation-notice': MOVED } };
}

/** Browsers that open a page name HTML; `*\/*` is what scripts send. */
function opensPage({ headers }: EmulatorRequest): boolean {
  return /\btext\/html\b/i.test(headers.accept ?? '');
}

async function route(request: EmulatorRequest, state: EmulatorState): Promise<Answer> {
  const { method, path } = request;
  state.rateLimits.count(request, bearerToken(request), state.tokens);
  bearerRecord(request, state);
  const found = findRoute(method, path);
  if (found === undefined) return toOtherSlash(request, state) ?? detailAnswer(404, 'Not Found');
  const { access, handler, methods } = found;
  if (access === undefined) return detailAnswer(405, 'Method Not Allowed', { allow: methods[0] ?? '' });
  if (handler !== undefined) return handler(request, state);
  refuseWithoutAccess(access, request, state);
  return notEmulated(method, path);
}

/**
 * Lists end in a slash, everything else does not. Who errs is sent to the right path, method and body kept, on the
 * host that the request names.
 */
function toOtherSlash(
  { method, path, queryString, headers }: EmulatorRequest,
  { settings }: EmulatorState,
): Answer | undefined {
  const other = path.endsWith('/') ? withoutSlashes(path) : `${path}/`;
  if (findRoute(method, other) === undefined) return undefined;
  const query = queryString === '' ? '' : `?${queryString}`;
  return redirectAnswer(quoted(requestOrigin(headers, settings) + other + query), 307);
}

/** In one pass: an expression for slashes at the end looks at each run of them again and again. */
function withoutSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === '/') end -= 1;
  return path.slice(0, end);
}

/** Encodes what no URL may contain. */
function quoted(url: string): string {
  return url.replace(/[^\w\-.~:/%#?=@[\]!$&'()*+,;]/gu, encodeURIComponent);
}
