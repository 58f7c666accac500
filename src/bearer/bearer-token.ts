import type { Request } from 'express';
import { requestQuery } from '../request/request-url.js';
import { isAccessToken } from '../text/token-characters.js';

/** The access token of a request, or why the request has none that can be used. */
export type BearerToken =
  | { readonly token: string }
  | { readonly problem: 'none' }
  | { readonly problem: 'invalid_request'; readonly description: string };

/**
 * Reads `Authorization: Bearer` (RFC 6750 section 2.1), the only place where a token is accepted: URLs end up in logs, and with
 * tokens in two places, two parts of an app might use different ones.
 */
export function bearerToken(req: Request): BearerToken {
  const headers = authorizationHeaders(req);
  // The query as sent, because query parsers differ.
  if ([...requestQuery(req).keys()].some((name) => tokenFields.includes(name)) || hasTokenField(req.body)) {
    return malformed('Send the access token in the Authorization header only');
  }
  if (headers.length > 1) return malformed('The request has more than one Authorization header');
  const [, scheme, token = ''] = /^(\S+)(?:\s+(.*))?$/.exec(headers[0]?.trim() ?? '') ?? [];
  if (scheme?.toLowerCase() !== 'bearer') return { problem: 'none' };
  return isAccessToken(token)
    ? { token }
    : malformed('The access token in the Authorization header is missing or malformed');
}

const tokenFields = ['access_token', 'access_token[]'];

function hasTokenField(body: unknown): boolean {
  return typeof body === 'object' && body !== null && tokenFields.some((name) => name in body);
}

// Node.js keeps only the first of several headers, so count them in the raw headers.
function authorizationHeaders({ headers, rawHeaders = [] }: Request): string[] {
  const raw = rawHeaders.filter(
    (_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'authorization',
  );
  return raw.length > 1 ? raw : headers.authorization === undefined ? [] : [headers.authorization];
}

const malformed = (description: string): BearerToken => ({ problem: 'invalid_request', description });
