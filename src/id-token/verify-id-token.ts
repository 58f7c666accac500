import { compactVerify, errors } from 'jose';
import { invalidOption, PolarIdTokenError } from '../errors.js';
import { createHttp, type Fetch } from '../http/http.js';
import { checkClock, checkFunction, checkSeconds, checkText } from '../options/option-checks.js';
import { rejectUnknown } from '../options/option-names.js';
import { type PolarServer, resolveServer } from '../options/server.js';
import { isBase64url } from '../text/base64url.js';
import { parseJSON } from '../text/parse-json.js';
import { checkClaims, type ExpectedClaims, type IdTokenClaims } from './check-claims.js';
import { importKeys, type KeySet, remoteKeySet, type VerificationKey } from './key-set.js';

/**
 * Options of {@link verifyIdToken}.
 *
 * @group Tokens
 */
export interface VerifyIdTokenOptions {
  /** The client to which the id_token must have been issued. */
  readonly clientID: string;
  /** The nonce sent to the authorize page. Always pass it if one was sent. @default not checked */
  readonly nonce?: string | undefined;
  /** The access token issued with the id_token; its hash is checked. @default not checked */
  readonly accessToken?: string | undefined;
  /** The server whose keys and issuer to trust. @default 'production' */
  readonly server?: Exclude<PolarServer, { readonly discoveryURL: string }> | undefined;
  /** The keys, as a JWKS document, if you already have them. @default fetched from the server and cached */
  readonly jwks?:
    | {
        /** Public keys as JWK (RFC 7517). */
        readonly keys: readonly object[];
      }
    | undefined;
  /** Tolerated clock difference, in seconds. @default 30 */
  readonly clockToleranceSeconds?: number | undefined;
  /** Returns the current time, in milliseconds since the epoch. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** Custom `fetch`. @default globalThis.fetch */
  readonly fetch?: Fetch | undefined;
}

const optionNames = Object.keys({
  clientID: true,
  nonce: true,
  accessToken: true,
  server: true,
  jwks: true,
  clockToleranceSeconds: true,
  now: true,
  fetch: true,
} satisfies Record<keyof VerifyIdTokenOptions, true>);

/**
 * Verifies an id_token issued by Polar: signature, issuer, audience, azp, expiry, age, nonce, at_hash and subject. The
 * strategy does this at every login; call it yourself only for id_tokens from elsewhere.
 *
 * @param idToken the signed JWT
 * @param options `clientID`, `nonce` and `accessToken` to check against, and others that have defaults
 * @returns the claims
 * @throws {@link PolarIdTokenError} with the {@link IdTokenErrorCode} of the check that failed
 * @throws {@link PolarTransientError} `timeout`, `network_error`, `rate_limited`, `server_error` and {@link PolarResponseError}
 *   `malformed_response` when the keys cannot be fetched
 * @throws {@link PolarConfigurationError} `invalid_option` when an option is unknown or invalid
 *
 * @example
 * ```ts
 * const { sub, email } = await verifyIdToken(idToken, {
 *   clientID: 'polar_ci_...',
 *   nonce,
 *   accessToken,
 * });
 * ```
 * @see {@link https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation OpenID Connect Core 3.1.3.7}
 * (`GET /.well-known/jwks.json`)
 *
 * @group Tokens
 */
export async function verifyIdToken(idToken: string, options: VerifyIdTokenOptions): Promise<IdTokenClaims> {
  rejectUnknown(options, optionNames, 'verifyIdToken');
  const { endpoints } = resolveServer(options.server);
  if (endpoints === undefined)
    throw invalidOption(
      'server.discoveryURL is not supported by verifyIdToken; use webURL, apiURL and issuer',
    );
  if (typeof options.clientID !== 'string' || options.clientID === '')
    throw invalidOption('clientID is required');
  const fetch = checkFunction(options.fetch, 'fetch');
  const keySet =
    options.jwks === undefined ? sharedKeySet(endpoints.jwksURI, fetch) : fixedKeySet(options.jwks);
  return verifyWithKeys(idToken, keySet, {
    issuer: endpoints.issuer,
    clientID: options.clientID,
    nonce: checkText(options.nonce, 'nonce'),
    accessToken: checkText(options.accessToken, 'accessToken'),
    clockToleranceSeconds: checkSeconds(options.clockToleranceSeconds, 'clockToleranceSeconds') ?? 30,
    now: checkClock(options.now)(),
  });
}

/**
 * Verifies an id_token against a key set.
 *
 * @throws PolarIdTokenError with the code of the check that failed
 */
export async function verifyWithKeys(
  idToken: string,
  keySet: KeySet,
  expected: ExpectedClaims,
): Promise<IdTokenClaims> {
  const kid = checkHeader(idToken);
  const payload =
    (await verifyWithAny(idToken, kid, await keySet.keys())) ??
    (await verifyWithAny(idToken, kid, (await keySet.refetch()) ?? []));
  if (payload === undefined) {
    throw new PolarIdTokenError(
      'id_token_signature',
      'The id_token was not signed with any of the published keys.',
    );
  }
  return checkClaims(parseObject(payload), expected);
}

/** Returns the `kid`, after checking that the header is acceptable. */
function checkHeader(idToken: string): string | undefined {
  const { alg, kid } = headerOf(idToken);
  // Pinned: an attacker able to choose the algorithm would choose `none`, or HS256 with the public key as secret.
  if (alg !== 'RS256') {
    throw new PolarIdTokenError('id_token_algorithm', 'The id_token is not signed with RS256.');
  }
  return typeof kid === 'string' ? kid : undefined;
}

function headerOf(idToken: string): Readonly<Record<string, unknown>> {
  if (typeof idToken !== 'string') throw malformed();
  const [header, payload, ...rest] = idToken.split('.');
  // RFC 7515 sections 2 and 5.2: jose would accept padding, blanks and line ends, so one signature would fit several
  // strings.
  const isWellFormed =
    header && payload && rest.length === 1 && [header, payload, ...rest].every(isBase64url);
  if (!isWellFormed) throw malformed();
  return parseObject(Buffer.from(header, 'base64url'));
}

/**
 * Returns the payload if one of the keys verifies the signature. Polar sends no `kid`, so every key may have to be
 * tried.
 */
async function verifyWithAny(
  idToken: string,
  kid: string | undefined,
  keys: readonly VerificationKey[],
): Promise<Uint8Array | undefined> {
  for (const candidate of keys) {
    if (kid !== undefined && candidate.kid !== undefined && candidate.kid !== kid) continue;
    try {
      return (await compactVerify(idToken, candidate.key, { algorithms: ['RS256'] })).payload;
    } catch (error) {
      // JOSENotSupported: an unknown critical header. Any other error concerns this key only, and another may match.
      if (error instanceof errors.JWSInvalid || error instanceof errors.JOSENotSupported) throw malformed();
    }
  }
  return undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const found: unknown = parseJSON(utf8.decode(bytes));
    if (typeof found === 'object' && found !== null && !Array.isArray(found))
      return found as Record<string, unknown>;
  } catch {
    // thrown below
  }
  throw malformed();
}

// No cause: the messages of jose and JSON.parse may quote the token.
function malformed(): PolarIdTokenError {
  return new PolarIdTokenError('id_token_malformed', 'The id_token is not a well-formed signed JWT.');
}

const sharedKeySets = new WeakMap<Fetch, Map<string, KeySet>>();

function sharedKeySet(jwksURI: string, given: Fetch | undefined): KeySet {
  const fetch: Fetch = given ?? globalThis.fetch;
  const known = sharedKeySets.get(fetch) ?? new Map<string, KeySet>();
  sharedKeySets.set(fetch, known);
  const keySet =
    known.get(jwksURI) ??
    remoteKeySet({
      jwksURI: async () => jwksURI,
      http: createHttp({ fetch, timeoutMs: 10_000 }),
      now: Date.now,
    });
  known.set(jwksURI, keySet);
  return keySet;
}

function fixedKeySet(document: { readonly keys: readonly object[] }): KeySet {
  return { keys: () => importKeys(document), refetch: async () => undefined };
}
