/**
 * The only module that calls `fetch`. Polar's OAuth responses are small JSON documents, so this module limits their time,
 * size and content type, and refuses redirects: a token endpoint that redirects would leak the client secret.
 */

import { PolarError, PolarResponseError, PolarTransientError } from '../errors.js';
import { parseJSON } from '../text/parse-json.js';
import { startDeadline } from './deadline.js';
import { discardBody, type FetchedResponse, fetchedResponse, readBody } from './fetched-response.js';
import { harmlessCause } from './harmless-cause.js';

/**
 * The platform's `fetch`, or a function that behaves like it.
 *
 * @param input the URL
 * @param init method, headers, body and signal
 * @returns the response
 *
 * @example
 * ```ts
 * const traced: Fetch = async (input, init) => {
 *   const response = await fetch(input, init);
 *   console.log(init.method, input, response.status);
 *   return response;
 * };
 * ```
 *
 * @group OAuth client
 */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/** One request. `url` never contains a secret, so messages may quote it, without its query. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers?: Record<string, string>;
  /** Sent as `application/x-www-form-urlencoded`. */
  readonly form?: Record<string, string>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Aborts the request; its reason is thrown unchanged. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for the whole exchange, body included. */
  readonly timeoutMs?: number | undefined;
  /** Leaves the body of a 2xx response unread; `body` is then undefined. */
  readonly ignoreBody?: boolean | undefined;
}

/** A 2xx response, whose `body` is JSON unless it was ignored, or a 4xx response, whose `body` is JSON or undefined. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Sends a request and reads its JSON response. */
export type Http = (request: HttpRequest) => Promise<HttpResponse>;

/**
 * Creates an {@link Http} over `fetch`.
 *
 * It throws {@link PolarTransientError} (`timeout`, `network_error`, `rate_limited`, `server_error`) and
 * {@link PolarResponseError} (`unexpected_redirect`, `response_too_large`, `malformed_response`).
 */
export function createHttp(options: { fetch: Fetch; timeoutMs: number }): Http {
  return async (request) => {
    let isAnswered = false;
    const where = `${request.method} ${withoutQuery(request.url)}`;
    const deadline = startDeadline(request.timeoutMs ?? options.timeoutMs, request.signal);
    try {
      deadline.signal.throwIfAborted();
      const asked = callFetch(options.fetch, where, request.url, requestInit(request, deadline.signal));
      const response = fetchedResponse(await deadline.race(asked), where);
      isAnswered = true;
      if (response.isRedirect) {
        discardBody(response.source);
        throw new PolarResponseError(
          'unexpected_redirect',
          `${where} returned a redirect, which is never followed. Check the server option.`,
        );
      }
      const { status, headers } = response;
      if (request.ignoreBody && response.ok) {
        discardBody(response.source);
        return { status, headers, body: undefined };
      }
      return await deadline.race(readResponse(response, where));
    } catch (error) {
      const explained = deadline.explain(error, where);
      if (!isAnswered && isConnectionReset(error)) unansweredResets.add(explained as object);
      throw explained;
    } finally {
      deadline.stop();
    }
  };
}

/** Calls fetch, which may be the app's own and throw synchronously. */
export async function callFetch(
  fetch: Fetch,
  where: string,
  url: string,
  init: RequestInit,
): Promise<unknown> {
  let asked: unknown;
  try {
    asked = fetch(url, init);
  } catch (error) {
    throw error instanceof PolarError ? error : threwAtOnce(error, where);
  }
  return asked;
}

// The platform's fetch never throws synchronously; it rejects.
function threwAtOnce(error: unknown, where: string): PolarTransientError {
  return new PolarTransientError(
    'network_error',
    `${where}: the fetch option, or a mock of the global fetch, threw instead of returning a promise.`,
    { cause: harmlessCause(error) },
  );
}

/**
 * Reads the JSON of a response. Throws the same errors as {@link Http}; the caller sets the deadline.
 *
 * @param maxBytes maximum size of the body, in bytes
 */
export async function readResponse(
  response: FetchedResponse,
  where: string,
  maxBytes?: number,
): Promise<HttpResponse> {
  throwIfBusy(response, where);
  const text = await readBody(response, where, maxBytes);
  return { status: response.status, headers: response.headers, body: parsedBody(response, text, where) };
}

/**
 * True if the other side closed the connection instead of responding. A load balancer does so when a connection was kept alive
 * for too long, so the same request may well succeed on a new one.
 */
export function isConnectionReset(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 4) return false;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return (
    ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(String(code)) || isConnectionReset(cause, depth + 1)
  );
}

const unansweredResets = new WeakSet<object>();

/** True for an error of {@link Http} whose connection was reset before any part of a response arrived. */
export function isUnansweredReset(error: unknown): boolean {
  return typeof error === 'object' && error !== null && unansweredResets.has(error);
}

function requestInit(request: HttpRequest, signal: AbortSignal): RequestInit {
  const init: RequestInit = {
    method: request.method,
    headers: { accept: 'application/json', ...request.headers },
    redirect: 'manual',
    signal,
  };
  // URLSearchParams, because fetch does not stream it: Polar responds with 411 to a POST without Content-Length.
  if (request.form !== undefined) init.body = new URLSearchParams(request.form);
  if (request.json !== undefined) {
    init.body = JSON.stringify(request.json);
    init.headers = { ...init.headers, 'content-type': 'application/json' };
  }
  return init;
}

// Looks at the status alone: the body may be a proxy's error page and must not change the error.
function throwIfBusy(response: FetchedResponse, where: string): void {
  if (response.status !== 429 && response.status < 500) return;
  discardBody(response.source);
  const retryAfterSeconds = parseRetryAfter(response.headers.get('retry-after'));
  if (response.status === 429) {
    const wait = retryAfterSeconds === undefined ? '' : ` Try again in ${retryAfterSeconds} s.`;
    throw new PolarTransientError('rate_limited', `${where} returned 429: too many requests.${wait}`, {
      retryAfterSeconds,
    });
  }
  throw new PolarTransientError('server_error', `${where} returned ${response.status}. Try again later.`, {
    retryAfterSeconds,
  });
}

/** Seconds from a `Retry-After` header of either form (RFC 9110 section 10.2.3). */
export function parseRetryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}

function parsedBody(response: FetchedResponse, text: string, where: string): unknown {
  const isJSON = response.isUnlabelled || /[/+]json\b/i.test(response.headers.get('content-type') ?? '');
  try {
    if (isJSON) return parseJSON(text);
  } catch {
    // No cause: V8 quotes the text that it could not parse, and that text may contain a token.
  }
  if (!response.ok) return undefined;
  throw new PolarResponseError(
    'malformed_response',
    `${where} returned ${response.status} with a body that is not JSON. Check the server option.`,
  );
}

function withoutQuery(url: string): string {
  return url.split(/[?#]/, 1)[0] ?? url;
}
