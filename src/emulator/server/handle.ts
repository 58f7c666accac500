import { bearerRecord, bearerToken } from '../bearer.js';
import { API_VERSION, detailAnswer, earlyAnswer, redirectAnswer } from '../http/answers.js';
import { type Answer, type EmulatorRequest, Refusal } from '../http/message.js';
import type { EmulatorState } from '../state.js';
import { preflightAnswer, withCORS } from './cors.js';
import { findRoute } from './routes.js';

/** Polar's answer to a request. */
export async function handle(request: EmulatorRequest, state: EmulatorState): Promise<Answer> {
  // An empty header counts as none.
  const version = request.headers['polar-version'] || API_VERSION;
  if (version !== API_VERSION) return { ...earlyAnswer(404, 'Not Found'), isBare: true };
  const preflight = preflightAnswer(request);
  if (preflight !== undefined) return preflight;
  try {
    return withCORS(request, await route(request, state));
  } catch (error) {
    if (error instanceof Refusal) return withCORS(request, error.answer);
    throw error;
  }
}

async function route(request: EmulatorRequest, state: EmulatorState): Promise<Answer> {
  const { method, path, headers } = request;
  const isStreamed = headers['content-length'] === undefined;
  if (method === 'POST' && isStreamed) return earlyAnswer(411, 'Length Required');
  state.rateLimits.count(request, bearerToken(request), state.tokens);
  bearerRecord(request, state);
  const found = findRoute(path);
  if (found === undefined) return toOtherSlash(request, state) ?? detailAnswer(404, 'Not Found');
  const handler = found.handlers.get(method);
  if (handler !== undefined) return handler(request, state);
  return detailAnswer(405, 'Method Not Allowed', { allow: [...found.handlers.keys()].join(', ') });
}

/**
 * Lists end in a slash, everything else does not. Who errs is sent to the right path, method and body kept, on the
 * host that the request names.
 */
function toOtherSlash(
  { path, queryString, headers }: EmulatorRequest,
  { settings }: EmulatorState,
): Answer | undefined {
  const other = path.endsWith('/') ? path.replace(/\/+$/, '') : `${path}/`;
  if (findRoute(other) === undefined) return undefined;
  const origin = headers.host === undefined ? settings.baseURL : `http://${headers.host}`;
  const query = queryString === '' ? '' : `?${queryString}`;
  return redirectAnswer(`${origin}${other}${query}`, 307);
}
