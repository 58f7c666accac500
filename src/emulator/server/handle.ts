import { bearerRecord } from '../bearer.js';
import { API_VERSION, detailAnswer, redirectAnswer } from '../http/answers.js';
import { type Answer, type EmulatorRequest, Refusal } from '../http/message.js';
import type { EmulatorState } from '../state.js';
import { findRoute } from './routes.js';

/** Polar's answer to a request. */
export async function handle(request: EmulatorRequest, state: EmulatorState): Promise<Answer> {
  try {
    return await route(request, state);
  } catch (error) {
    if (error instanceof Refusal) return error.answer;
    throw error;
  }
}

async function route(request: EmulatorRequest, state: EmulatorState): Promise<Answer> {
  const { method, path, headers } = request;
  const isStreamed = headers['content-length'] === undefined;
  if (method === 'POST' && isStreamed) return detailAnswer(411, 'Length Required');
  const version = headers['polar-version'];
  if (version !== undefined && version !== API_VERSION) return detailAnswer(404, 'Not Found');
  bearerRecord(request, state);
  const found = findRoute(path);
  if (found === undefined) return withSlash(request, state) ?? detailAnswer(404, 'Not Found');
  const handler = found.handlers.get(method);
  if (handler !== undefined) return handler(request, state);
  return detailAnswer(405, 'Method Not Allowed', { allow: [...found.handlers.keys()].join(', ') });
}

/** Lists end in a slash; without it, Polar sends the client there, method and body kept. */
function withSlash({ path, queryString }: EmulatorRequest, { settings }: EmulatorState): Answer | undefined {
  if (findRoute(`${path}/`) === undefined) return undefined;
  const query = queryString === '' ? '' : `?${queryString}`;
  return redirectAnswer(`${settings.baseURL}${path}/${query}`, 307);
}
