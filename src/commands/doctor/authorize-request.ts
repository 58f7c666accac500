import { createHttp } from '../../http/http.js';
import type { ExaminedApp } from './examined-app.js';

/** What Polar says about an authorization request before anybody is signed in. */
export interface AuthorizeReply {
  /** Absent if the request is valid. */
  readonly error?: string;
  /** The scopes that the client is registered for, unless Polar leaves them out. */
  readonly scopes?: readonly string[];
}

/**
 * Asks Polar's API about an authorization request, as Polar's login page does: `GET /v1/oauth2/authorize`. It needs no session
 * and changes nothing. Without `scope`, Polar lists all scopes of the client; without `redirect_uri`, it takes the first one.
 *
 * @throws PolarTransientError, PolarResponseError
 */
export async function askToAuthorize(
  app: Pick<ExaminedApp, 'server' | 'clientID' | 'fetch' | 'requestMs'>,
  parameters: Readonly<Record<string, string>>,
): Promise<AuthorizeReply> {
  const { clientID, fetch, requestMs, server } = app;
  const http = createHttp({ fetch, timeoutMs: requestMs });
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientID.value ?? '',
    ...parameters,
  });
  const url = `${server.resolved?.apiURL}/v1/oauth2/authorize?${query}`;
  const { body, status } = await http({ method: 'GET', url });
  const { error, scopes } = Object(body) as { error?: unknown; scopes?: unknown };
  // What Polar says when the request is valid, but a user has to sign in.
  if (status === 401) return {};
  // A code, as of RFC 6749 section 4.1.2.1; any other text may quote what was sent.
  if (status >= 400)
    return { error: /^[a-z]+(_[a-z]+){0,3}$/.test(String(error)) ? String(error) : `status ${status}` };
  if (!Array.isArray(scopes)) return { error: 'a response without scopes' };
  return { scopes: scopes.filter((each) => typeof each === 'string') };
}
