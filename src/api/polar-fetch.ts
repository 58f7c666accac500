import { unlessAborted } from '../async/within.js';
import { publish } from '../diagnostics.js';
import {
  PolarAPIVersionError,
  PolarConfigurationError,
  PolarError,
  PolarInsufficientScopeError,
  PolarResponseError,
} from '../errors.js';
import { startDeadline } from '../http/deadline.js';
import { discardBody, fetchedResponse } from '../http/fetched-response.js';
import { callFetch, type Fetch, isConnectionReset } from '../http/http.js';
import type { TokenRefresher } from '../refresh/token-refresher.js';
import { parseURL } from '../text/parse-url.js';
import type { LoginHandle } from '../tokens/token-record.js';

/** Dependencies of calls to the Polar API. */
export interface PolarApiParts {
  readonly refresher: TokenRefresher;
  readonly apiURL: string;
  /** Version for requests that do not name one themselves. */
  readonly apiVersion: string;
  readonly fetch: Fetch;
  /** Milliseconds until the headers of a response arrive. */
  readonly timeoutMs: number;
}

/** `req.polar.fetch`: returns a standard Response from the Polar API, using a valid token and at most one retry. */
export async function fetchFromPolar(
  parts: PolarApiParts,
  login: LoginHandle,
  input: string | URL | Request,
  init: RequestInit = {},
): Promise<Response> {
  const { refresher } = parts;
  const request = toRequest(parts, input, init);
  const { signal } = request;
  signal.throwIfAborted();
  // A caller that aborts stops waiting; others may be waiting for the same refresh.
  const first = await unlessAborted(signal, refresher.validTokens(login));
  // Polar responds with 411 to a body without a length, so even a stream is sent in one piece.
  const body = request.body === null ? undefined : await unlessAborted(signal, request.arrayBuffer());
  const response = await send(parts, request, body, first.accessToken);
  if (response.status !== 401 || isStream(init.body)) return checked(response, request, first.accessToken);

  const second = await unlessAborted(signal, refresher.tokensAfterRefusal(login, first.accessToken)).catch(
    (error: unknown) => {
      discardBody(response);
      throw error;
    },
  );
  if (second === undefined) return response;
  discardBody(response);
  publish('request', { event: 'retried-after-401', loginId: login.loginId });
  const again = await send(parts, request, body, second.accessToken);
  if (again.status === 401) refresher.noteSecondRefusal(login, second.accessToken);
  return checked(again, request, second.accessToken);
}

function toRequest({ apiURL }: PolarApiParts, input: string | URL | Request, init: RequestInit): Request {
  const target = input instanceof Request ? input : resolve(input, apiURL);
  const { origin, protocol } = new URL(target instanceof Request ? target.url : target);
  const api = new URL(apiURL);
  // The origin of a `blob:` URL is that of the page that created it.
  if (origin !== api.origin || protocol !== api.protocol) {
    throw new PolarConfigurationError(
      'origin_not_allowed',
      `req.polar.fetch sends requests only to ${api.origin}, because they carry the access token. Use plain fetch for other URLs.`,
    );
  }
  // Regardless of the caller: following a redirect would send the token along.
  return new Request(target, { ...init, redirect: 'manual' });
}

function resolve(input: string | URL, apiURL: string): URL {
  const isAddress = typeof input === 'string' || input instanceof URL;
  const text = String(input);
  const url = isAddress ? parseURL(text, `${apiURL}/`) : undefined;
  if (url === undefined) {
    throw new PolarConfigurationError(
      'origin_not_allowed',
      "req.polar.fetch needs a path such as '/v1/organizations/'",
    );
  }
  // A path is resolved below the API's own path, even if that is not the root of its host.
  return /^\/(?![/\\])/.test(text) ? new URL(`${apiURL}${text}`) : url;
}

async function send(
  { apiVersion, fetch, timeoutMs }: PolarApiParts,
  request: Request,
  body: ArrayBuffer | undefined,
  accessToken: string,
): Promise<Response> {
  const headers = new Headers(request.headers);
  const ownVersion = headers.get('polar-version');
  if (ownVersion === null) headers.set('polar-version', apiVersion);
  const where = `${request.method} ${new URL(request.url).pathname}`;
  // Covers the headers only: how long the body may take is up to the caller.
  const deadline = startDeadline(timeoutMs, request.signal);
  try {
    headers.set('authorization', `Bearer ${accessToken}`);
    const sendOnce = (): Promise<unknown> =>
      callFetch(fetch, where, request.url, {
        method: request.method,
        headers,
        redirect: 'manual',
        // The caller's own signal also covers the body.
        signal: AbortSignal.any([deadline.signal, request.signal]),
        ...(body !== undefined && { body }),
      });
    // Safe methods may be repeated (RFC 9110, 9.2.2).
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const brought = await deadline.race(
      sendOnce().catch((error: unknown) => {
        if (isRead && isConnectionReset(error)) return sendOnce();
        throw error;
      }),
    );
    const { headers: responseHeaders, source } = fetchedResponse(brought, where);
    const response = source as Response;
    if (await deadline.race(isForUnknownVersion(response, responseHeaders))) {
      discardBody(response);
      throw versionError(where, ownVersion, apiVersion);
    }
    return response;
  } catch (error) {
    throw error instanceof PolarError ? error : deadline.explain(error, where);
  } finally {
    deadline.stop();
  }
}

/** True for Polar's 404 for an unknown version: the only response that does not name its version. */
async function isForUnknownVersion(response: Response, headers: Headers): Promise<boolean> {
  if (response.status !== 404 || headers.get('polar-version') !== null) return false;
  // Other servers name no version either, so the body decides: a copy, since the caller may want it, and only if it is
  // short.
  const isShort = Number(headers.get('content-length') ?? 0) < 1000;
  const isJSON = /[/+]json\b/i.test(headers.get('content-type') ?? '');
  // Mocks may lack `clone`; a body that has already been read is for the caller to report.
  const isReadable = typeof response.clone === 'function' && response.bodyUsed !== true;
  return isShort && isJSON && isReadable && (await response.clone().text()) === '{"detail":"Not Found"}';
}

function versionError(where: string, ownVersion: string | null, apiVersion: string): PolarAPIVersionError {
  // Only a plausible version: the header is the caller's, and may hold anything.
  const named = /^[\w.-]{0,20}$/.test(ownVersion ?? '') ? (ownVersion ?? apiVersion) : '[redacted]';
  const remedy =
    ownVersion === null
      ? "Set the strategy's apiVersion to a version that Polar supports."
      : 'The request set this version itself: update the SDK, or the Polar-Version header.';
  return new PolarAPIVersionError(
    `${where}: Polar's API does not support version ${named}. ${remedy}`,
    named,
  );
}

function checked(response: Response, request: Request, accessToken: string): Response {
  const path = new URL(request.url).pathname;
  if (
    response.type === 'opaqueredirect' ||
    (response.status >= 300 && response.status < 400 && response.status !== 304)
  ) {
    discardBody(response);
    const hint = path.endsWith('/')
      ? 'Check the path.'
      : `Polar's list endpoints end with a slash: try ${path}/`;
    throw new PolarResponseError(
      'unexpected_redirect',
      `Polar redirected ${path}, and req.polar.fetch follows no redirects. ${hint}`,
    );
  }
  const challenge = fetchedResponse(response, path).headers.get('www-authenticate') ?? '';
  if (response.status === 403 && challenge.includes('insufficient_scope')) {
    discardBody(response);
    // Only valid scope characters (RFC 6749 section 3.3), and no token that was echoed.
    const scopes = (/\bscope="([^"]*)"/.exec(challenge)?.[1] ?? '')
      .split(' ')
      .filter((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope) && !scope.includes(accessToken));
    const oneOf = scopes.length > 0 ? `: one of ${scopes.join(', ')}` : '';
    throw new PolarInsufficientScopeError(
      `The access token lacks a scope for ${request.method} ${path}${oneOf}. Request it with the strategy's scope option or requireScope, register it for the client at Polar, and log in again.`,
      scopes,
    );
  }
  return response;
}

// A stream can be sent only once, and may stand for something that must not happen twice.
function isStream(body: unknown): boolean {
  return (
    body instanceof ReadableStream ||
    (typeof body === 'object' && body !== null && Symbol.asyncIterator in body)
  );
}
