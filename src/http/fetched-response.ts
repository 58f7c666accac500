/** Responses of any fetch: the platform's, node-fetch, cross-fetch, and mocks in tests. */
import { PolarResponseError } from '../errors.js';

// Polar's largest response on its OAuth endpoints, the discovery document, is under 8 KiB.
const maxBodyBytes = 256 * 1024;

/** A response of any fetch, in one shape. */
export interface FetchedResponse {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: Headers;
  /** True for a redirect that was not followed, even if fetch hides its status. */
  readonly isRedirect: boolean;
  /** True if the content type is unknown: a mock without headers, or with `json()` alone. */
  readonly isUnlabelled: boolean;
  readonly source: Partial<Response>;
}

/**
 * Checks the value that fetch resolved with. A mock may omit `headers`, and also `status` if `ok` is true.
 *
 * @throws PolarResponseError `malformed_response` that names what is missing
 */
export function fetchedResponse(brought: unknown, where: string): FetchedResponse {
  if (typeof brought !== 'object' || brought === null)
    throw notAResponse(where, brought === null ? 'null' : `${typeof brought}`);
  const source = brought as Partial<Response>;
  const status = source.status ?? (source.ok === true ? 200 : undefined);
  if (typeof status !== 'number') throw notAResponse(where, 'an object without a status');
  const hasBytes = source.body !== undefined && source.body !== null;
  return {
    status,
    ok: status >= 200 && status < 300,
    headers: headersOf(source.headers, where),
    isRedirect: source.type === 'opaqueredirect' || (status >= 300 && status < 400),
    isUnlabelled: source.headers === undefined || !(hasBytes || typeof source.text === 'function'),
    source,
  };
}

function headersOf(given: unknown, where: string): Headers {
  if (typeof (given as Headers | undefined)?.get === 'function') return given as Headers;
  try {
    return new Headers(given as Record<string, string> | undefined);
  } catch {
    throw notAResponse(where, 'an object with unreadable headers');
  }
}

function notAResponse(where: string, brought: string): PolarResponseError {
  return new PolarResponseError(
    'malformed_response',
    `${where}: fetch resolved with ${brought} instead of a Response. Check the fetch option, or the mock of the global fetch.`,
  );
}

/** Cancels an unread body, which would otherwise hold its connection open. */
export function discardBody(response: Partial<Response>): void {
  // The bodies of other fetches (node-fetch) are Node.js streams.
  const body = response.body as { cancel?(): unknown; destroy?(): void } | null | undefined;
  if (typeof body?.cancel === 'function') Promise.resolve(body.cancel()).catch(() => {});
  else if (typeof body?.destroy === 'function') body.destroy();
}

/**
 * Reads the body as text.
 *
 * @throws PolarResponseError `response_too_large`; `malformed_response` if the body cannot be read
 */
export async function readBody(
  response: FetchedResponse,
  where: string,
  maxBytes = maxBodyBytes,
): Promise<string> {
  const { source } = response;
  if (source.bodyUsed === true || source.body?.locked === true) {
    throw new PolarResponseError(
      'malformed_response',
      `${where}: the response body was already read, by the fetch option or a mock of the global fetch. Read response.clone() there instead.`,
    );
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytesOf(response, where)) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > maxBytes) {
      discardBody(source);
      throw new PolarResponseError(
        'response_too_large',
        `${where} returned more than ${maxBytes / 1024} KiB. Check the server option.`,
      );
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function* bytesOf({ source, ok }: FetchedResponse, where: string): AsyncGenerator<Uint8Array> {
  const body: unknown = source.body;
  if (typeof (body as ReadableStream | null | undefined)?.getReader === 'function') {
    const reader = (body as ReadableStream<Uint8Array | string>).getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield bytes(next.value);
    } finally {
      // If the caller stops early: the other side may never end the body.
      reader.cancel().catch(() => {});
    }
  } else if (
    typeof (body as AsyncIterable<unknown> | null | undefined)?.[Symbol.asyncIterator] === 'function'
  )
    for await (const chunk of body as AsyncIterable<Uint8Array | string>) yield bytes(chunk);
  else if (typeof source.text === 'function') {
    const text: unknown = await source.text();
    if (typeof text !== 'string') throw notAResponse(where, `an object whose text() returns ${typeof text}`);
    yield Buffer.from(text);
  } else if (typeof body === 'string') yield Buffer.from(body);
  else if (typeof source.json === 'function') yield Buffer.from(JSON.stringify(await source.json()) ?? '');
  else if (ok) throw notAResponse(where, 'an object without body, text() or json()');
}

const bytes = (chunk: Uint8Array | string): Uint8Array =>
  typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
