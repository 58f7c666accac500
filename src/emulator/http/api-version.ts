import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from './message.js';

/** The version of Polar's API that counts when a request names none. */
const DEFAULT_VERSION = '2026-04';

const VERSIONS: readonly unknown[] = [DEFAULT_VERSION, '2026-10', '2027-01'];

/** The API version of a request, or `undefined` when Polar does not have it. An empty header counts as none. */
export function requestedVersion(headers: IncomingHttpHeaders): string | undefined {
  const version = headers['polar-version'] || DEFAULT_VERSION;
  return VERSIONS.includes(version) ? String(version) : undefined;
}

/** Echoes the API version of the request, as Polar does in every response but the barest. */
export function withVersion(answer: Answer, requestHeaders: IncomingHttpHeaders): Answer {
  const version = requestedVersion(requestHeaders);
  if (version === undefined || answer.isBare === true) return answer;
  return { ...answer, headers: { ...answer.headers, 'polar-version': version } };
}
