import { invalidOption, PolarResponseError } from '../errors.js';
import { startDeadline } from '../http/deadline.js';
import type { Http } from '../http/http.js';
import { secureURL } from '../options/secure-url.js';
import type { Discovery, ResolvedServer, ServerEndpoints } from '../options/server.js';
import { shownValue } from '../text/shown-value.js';
import { type CallOptions, limitsOf } from './call-options.js';
import { optionalString, requiredString, wireObject } from './wire-fields.js';

const what = 'The discovery document';

/** Returns the server's endpoints, within the limits of the call that needs them. */
export type EndpointSource = (options?: CallOptions) => Promise<ServerEndpoints>;

/**
 * Returns the endpoints known from the start, or those of the metadata document, fetched on first use (and again after
 * a failure). All calls share one request: the limits of a call end its own wait, not the request.
 */
export function endpointsOf(server: ResolvedServer, http: Http): EndpointSource {
  const { endpoints, discovery } = server;
  let known: Promise<ServerEndpoints> | undefined;
  return async (options) => {
    const limits = limitsOf(options);
    limits.signal?.throwIfAborted();
    if (endpoints !== undefined) return endpoints;
    const { url } = discovery as Discovery; // one of the two is always defined
    known ??= discover(discovery as Discovery, http).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return withinLimits(known, `GET ${url}`, limits);
  };
}

async function withinLimits<T>(
  promise: Promise<T>,
  where: string,
  { signal, timeoutMs }: CallOptions,
): Promise<T> {
  if (signal === undefined && timeoutMs === undefined) return promise; // the request has its own time-out
  const deadline = startDeadline(timeoutMs ?? 2 ** 31 - 1, signal);
  try {
    return await deadline.race(promise);
  } catch (error) {
    throw deadline.explain(error, where);
  } finally {
    deadline.stop();
  }
}

/**
 * Fetches and validates a metadata document (OpenID Connect Discovery 1.0 section 4).
 *
 * Polar's own document names an issuer that differs from its address, which section 4.3 forbids; for Polar,
 * `server.issuer` pins the issuer. The check itself is never skipped.
 *
 * @throws PolarResponseError `discovery_failed`, with the name of the field
 */
export async function discover(discovery: Discovery, http: Http): Promise<ServerEndpoints> {
  const response = await http({ method: 'GET', url: discovery.url });
  if (response.status >= 400) {
    throw new PolarResponseError(
      'discovery_failed',
      `${what} could not be read: status ${response.status}. Check server.discoveryURL.`,
    );
  }
  const endpoints = parseMetadata(response.body, discovery);
  if (!isIssuerOf(discovery, endpoints.issuer)) {
    throw new PolarResponseError(
      'discovery_failed',
      discovery.issuerIsPinned
        ? `${what} names an issuer other than server.issuer, ${discovery.issuer}. If you trust the document, set server.issuer to its issuer.`
        : `${what} names an issuer other than ${discovery.issuer}. If that is correct (as for Polar), set server.issuer to the issuer it names.`,
      { field: 'issuer' },
    );
  }
  return endpoints;
}

// Discovery 4.1: a trailing slash of the issuer is removed before /.well-known/ is appended, so an issuer derived from
// the URL may have had one.
function isIssuerOf({ issuer, issuerIsPinned }: Discovery, named: string): boolean {
  return named === issuer || (!issuerIsPinned && named === `${issuer}/`);
}

function parseMetadata(body: unknown, from: Discovery): ServerEndpoints {
  try {
    const wire = wireObject(body, what);
    const endpoint = (value: string, field: string): string => secureEndpoint(value, field, from);
    const required = (field: string): string => endpoint(requiredString(wire, field, what), field);
    const optional = (field: string): string | undefined => {
      const value = optionalString(wire, field, what);
      return value === undefined ? undefined : endpoint(value, field);
    };
    return {
      issuer: requiredString(wire, 'issuer', what),
      authorizationEndpoint: required('authorization_endpoint'),
      tokenEndpoint: required('token_endpoint'),
      jwksURI: required('jwks_uri'),
      userinfoEndpoint: optional('userinfo_endpoint'),
      revocationEndpoint: optional('revocation_endpoint'),
      introspectionEndpoint: optional('introspection_endpoint'),
      registrationEndpoint: optional('registration_endpoint'),
      raw: wire,
      ...(wire['authorization_response_iss_parameter_supported'] === true && { sendsIssuer: true }),
    };
  } catch (error) {
    // Not malformed_response: the fault lies with the provider or server.discoveryURL, not with one response.
    const { message, field } = error as PolarResponseError;
    throw new PolarResponseError('discovery_failed', message, {
      ...(field !== undefined && { field }),
      cause: error,
    });
  }
}

function secureEndpoint(value: string, field: string, from: Discovery): string {
  try {
    const url = secureURL(value, field, from.allowInsecureHTTP);
    // Only a document from this machine may name plain http endpoints on it: a remote document could send secrets to
    // whatever listens here.
    if (url.protocol === 'http:' && !from.url.startsWith('http:')) {
      throw invalidOption(
        `${field} must use https, as server.discoveryURL does, but is ${shownValue(value)}`,
      );
    }
    return url.href;
  } catch (error) {
    throw new PolarResponseError('malformed_response', `${what}: ${(error as Error).message}.`, {
      field,
      cause: error,
    });
  }
}
