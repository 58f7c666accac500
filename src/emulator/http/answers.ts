import { type Answer, Refusal } from './message.js';

const PRIVATE = { 'cache-control': 'private, no-store' };
const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' };
const JSON_TYPE = { 'content-type': 'application/json' };
const HTML_TYPE = { 'content-type': 'text/html; charset=utf-8' };

/** A response of Polar's API framework. */
export function jsonAnswer(status: number, body: unknown, headers: Answer['headers'] = {}): Answer {
  return { status, headers: { ...JSON_TYPE, ...PRIVATE, ...headers }, body: JSON.stringify(body) };
}

/** A response of Polar's OAuth library, which has its own caching headers. */
export function oauthAnswer(status: number, body: unknown, headers: Answer['headers'] = {}): Answer {
  return { status, headers: { ...JSON_TYPE, ...NO_STORE, ...headers }, body: JSON.stringify(body) };
}

/** An error of the API framework itself. */
export function detailAnswer(status: number, detail: string, headers: Answer['headers'] = {}): Answer {
  return jsonAnswer(status, { detail }, headers);
}

/** An error from before the layer that forbids caching. */
function earlyAnswer(status: number, body: unknown, headers: Answer['headers'] = {}): Answer {
  return { status, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) };
}

/** The response to a request for an API version that Polar does not have. */
export function unknownVersion(): Answer {
  return { ...earlyAnswer(404, { detail: 'Not Found' }), isBare: true };
}

/** The response to a body whose length is not announced. */
export function lengthRequired(): Answer {
  return earlyAnswer(411, { error: 'LengthRequired', detail: 'A Content-Length header is required.' });
}

/** The response to a body of more than `limit` bytes. */
export function bodyTooLarge(limit: number, headers: Answer['headers'] = {}): Answer {
  const detail = `Request body exceeded the maximum allowed size of ${limit} bytes.`;
  return earlyAnswer(413, { error: 'RequestBodyTooLarge', detail }, headers);
}

/** The response to a request that Polar would serve, but the emulator cannot. */
export function notEmulated(method: string, path: string): Answer {
  const detail = `${method} ${path} is part of Polar's API, but the local Polar does not emulate it.`;
  return jsonAnswer(501, { error: 'NotEmulated', detail });
}

/** A request that the API framework refuses to read. */
export function detailRefusal(detail: string): Refusal {
  return new Refusal(detailAnswer(400, detail));
}

/** Polar's response to a request that crashes its handler. */
export function crashRefusal(): Refusal {
  const headers = { 'content-type': 'text/plain; charset=utf-8' };
  return new Refusal({ status: 500, headers, body: 'Internal Server Error', isBare: true });
}

/** Redirects the browser. */
export function redirectAnswer(location: string, status: 302 | 307 = 302): Answer {
  return { status, headers: { ...PRIVATE, location }, body: '' };
}

/** A page. */
export function htmlAnswer(html: string, headers: Answer['headers'] = {}): Answer {
  return { status: 200, headers: { ...HTML_TYPE, ...PRIVATE, ...headers }, body: html };
}

/**
 * An error of the authorize endpoint that is not sent back to the app: JSON labelled as HTML, as recorded. It quotes the
 * request, so characters that could start markup are escaped.
 */
export function browserErrorAnswer(status: number, body: unknown): Answer {
  const json = JSON.stringify(body).replace(
    /[<>&]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
  return { ...htmlAnswer(json), status };
}

/** An OAuth error (RFC 6749 section 5.2). Without a description the field is absent. */
export function oauthRefusal(error: string, description?: string, status = 400): Refusal {
  return new Refusal(oauthAnswer(status, oauthErrorBody(error, description)));
}

/** The body of an OAuth error. */
export function oauthErrorBody(error: string, description?: string): Record<string, string> {
  return description ? { error, error_description: description } : { error };
}
