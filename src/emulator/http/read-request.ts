import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { bodyTooLarge } from './answers.js';
import { type EmulatorRequest, Refusal } from './message.js';
import { parseQuery, readForm } from './read-form.js';

/** The largest body that Polar accepts. */
export const MAX_BODY_BYTES = 10 * 1024 * 1024;

/**
 * Reads a request to its end.
 *
 * @throws Refusal with 413 if the body is larger than Polar accepts, without having announced its length.
 */
export async function readRequest(message: IncomingMessage): Promise<EmulatorRequest> {
  const { path, queryString } = splitTarget(message.url ?? '/');
  const body = await readBody(message);
  return {
    method: message.method ?? 'GET',
    path,
    // URLSearchParams never throws: broken percent-encoding becomes replacement characters.
    query: parseQuery(queryString),
    queryString,
    headers: headersOf(message),
    // Polar trusts only the header of its own proxy.
    clientAddress: String(message.headers['true-client-ip'] ?? message.socket.remoteAddress),
    body,
    ...readForm(message.headers['content-type'] ?? '', body),
  };
}

/** Node.js joins repeated version headers, but Polar uses the first. */
function headersOf({ headers, rawHeaders }: IncomingMessage): IncomingHttpHeaders {
  const name = rawHeaders.findIndex((each, index) => index % 2 === 0 && /^polar-version$/i.test(each));
  return name === -1 ? headers : { ...headers, 'polar-version': rawHeaders[name + 1] };
}

/** Parts of a request target, which may be a whole URL (RFC 9112 section 3.2.2). */
function splitTarget(target: string): { readonly path: string; readonly queryString: string } {
  const [, path = '', queryString = ''] = /^(?:https?:\/\/[^/?#]*)?([^?#]*)\??([^#]*)/i.exec(target) ?? [];
  return { path: path || '/', queryString };
}

/** Leaves a body that is announced as too large to Node.js to discard. */
async function readBody(message: IncomingMessage): Promise<Buffer> {
  if (Number(message.headers['content-length']) > MAX_BODY_BYTES) return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Refusal(bodyTooLarge(MAX_BODY_BYTES, { connection: 'close' }));
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
