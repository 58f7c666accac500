import { PolarResponseError } from '../errors.js';
import type { Http } from '../http.js';
import { type ResolvedServer, type ServerEndpoints, secureURL } from '../server.js';
import { optionalString, requiredString, wireObject } from './wire-fields.js';

/**
 * A function that answers with the server's endpoints: those known from the start, or those of the metadata
 * document, fetched once on first use (and again after a failure).
 */
export function endpointsOf(server: ResolvedServer, http: Http): () => Promise<ServerEndpoints> {
  const { endpoints, discovery } = server;
  if (endpoints !== undefined) return () => Promise.resolve(endpoints);
  let known: Promise<ServerEndpoints> | undefined;
  return () => {
    known ??= discover(discovery ?? { url: '', issuer: '' }, http).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
}

/**
 * Fetches and checks a metadata document (OpenID Connect Discovery 1.0 section 4).
 *
 * Polar's own document names an issuer that is not its address, which section 4.3 forbids: there the issuer is
 * pinned with `server.issuer`; the check itself is never left out.
 *
 * @throws PolarResponseError `discovery_failed`
 */
export async function discover(
  discovery: { url: string; issuer: string },
  http: Http,
): Promise<ServerEndpoints> {
  const what = 'The discovery document';
  const answer = await http({ method: 'GET', url: discovery.url });
  if (answer.status >= 400) {
    throw new PolarResponseError(
      'discovery_failed',
      `${what} could not be read: status ${answer.status}. Check server.discoveryURL.`,
    );
  }
  const wire = wireObject(answer.body, what);
  const issuer = requiredString(wire, 'issuer', what);
  if (issuer !== discovery.issuer) {
    throw new PolarResponseError(
      'discovery_failed',
      `${what} names another issuer than ${discovery.issuer}. If that is right (as it is for Polar), set server.issuer to it.`,
      { field: 'issuer' },
    );
  }
  const required = (field: string): string => endpoint(requiredString(wire, field, what), field);
  const optional = (field: string): string | undefined => {
    const value = optionalString(wire, field, what);
    return value === undefined ? undefined : endpoint(value, field);
  };
  return {
    issuer,
    authorizationEndpoint: required('authorization_endpoint'),
    tokenEndpoint: required('token_endpoint'),
    jwksURI: required('jwks_uri'),
    userinfoEndpoint: optional('userinfo_endpoint'),
    revocationEndpoint: optional('revocation_endpoint'),
    introspectionEndpoint: optional('introspection_endpoint'),
  };
}

function endpoint(value: string, field: string): string {
  try {
    return secureURL(value, field).href;
  } catch (error) {
    throw new PolarResponseError('discovery_failed', `The discovery document: ${(error as Error).message}.`, {
      field,
      cause: error,
    });
  }
}
