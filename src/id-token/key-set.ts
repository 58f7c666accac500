import type { webcrypto } from 'node:crypto';
import { importJWK, type JWK } from 'jose';
import { PolarResponseError } from '../errors.js';
import type { Http } from '../http/http.js';

/** A public key that may have signed an id_token. */
export interface VerificationKey {
  readonly kid: string | undefined;
  readonly key: webcrypto.CryptoKey;
}

/** The published keys of an issuer. */
export interface KeySet {
  /** Returns all keys that could have made an RS256 signature, from the cache or as just fetched. */
  keys(): Promise<readonly VerificationKey[]>;
  /** Fetches the set again after no key matched; undefined if that has happened too often recently. */
  refetch(): Promise<readonly VerificationKey[] | undefined>;
}

// Polar sends its keys with no-store, so the lifetime is our choice: a withdrawn key is trusted for at most this long.
// A new key is found at once, by refetching.
const maxAgeMs = 10 * 60 * 1000;

// Bad signatures must not make us hammer Polar. The limit is not lower because, once it is reached, the new keys of an
// honest rotation are not found: a handful of bad tokens must not use it up. Refetches that find new keys are free.
const maxVainRefetches = 30;
const refetchWindowMs = 60 * 1000;

/**
 * The keys published at `jwksURI`, cached; simultaneous callers share one fetch.
 *
 * jose's own remote set is not used because it rejects a token without `kid` when several keys match, as for every
 * Polar id_token during a key rotation, and because it waits 30 s before it looks for a new key.
 */
export function remoteKeySet(options: {
  jwksURI: () => Promise<string>;
  http: Http;
  now: () => number;
}): KeySet {
  const { http, jwksURI, now } = options;
  let cached: { keys: readonly VerificationKey[]; fetchedAt: number; published: string } | undefined;
  let pending: Promise<readonly VerificationKey[]> | undefined;
  let vainRefetches: number[] = [];

  const load = async (): Promise<readonly VerificationKey[]> => {
    const response = await http({ method: 'GET', url: await jwksURI() });
    if (response.status >= 400) {
      throw new PolarResponseError(
        'malformed_response',
        `Polar's keys could not be fetched: status ${response.status}. Check the server option.`,
      );
    }
    const keys = await importKeys(response.body);
    cached = { keys, fetchedAt: now(), published: JSON.stringify((response.body as { keys: unknown }).keys) };
    return keys;
  };
  const loadOnce = (): Promise<readonly VerificationKey[]> => {
    pending ??= load().finally(() => {
      pending = undefined;
    });
    return pending;
  };

  return {
    async keys() {
      if (cached !== undefined && Math.abs(now() - cached.fetchedAt) < maxAgeMs) return cached.keys;
      return loadOnce();
    },
    async refetch() {
      if (pending !== undefined) return pending;
      vainRefetches = vainRefetches.filter((time) => Math.abs(now() - time) < refetchWindowMs);
      if (vainRefetches.length >= maxVainRefetches) return undefined;
      const before = cached?.published;
      try {
        return await loadOnce();
      } finally {
        if (cached?.published === before) vainRefetches.push(now());
      }
    },
  };
}

/**
 * Imports the usable keys of a JWKS document; skips keys of other kinds (RFC 7517 section 5).
 *
 * @throws PolarResponseError `malformed_response` if the document is not a JWKS document
 */
export async function importKeys(document: unknown): Promise<readonly VerificationKey[]> {
  const keys =
    typeof document === 'object' && document !== null ? (document as { keys?: unknown }).keys : undefined;
  if (!Array.isArray(keys)) {
    throw new PolarResponseError('malformed_response', 'The key set (JWKS) has no keys array.', {
      field: 'keys',
    });
  }
  const imported = await Promise.all(keys.filter(couldVerifyRS256).map(importKey));
  return imported.filter((key) => key !== undefined);
}

function couldVerifyRS256(jwk: unknown): jwk is JWK {
  if (typeof jwk !== 'object' || jwk === null) return false;
  const { kty, n, e, use, alg, key_ops: operations } = jwk as Record<string, unknown>;
  return (
    kty === 'RSA' &&
    // Web Crypto would convert anything else to a string.
    typeof n === 'string' &&
    typeof e === 'string' &&
    (use === undefined || use === 'sig') &&
    (alg === undefined || alg === 'RS256') &&
    (operations === undefined || (Array.isArray(operations) && operations.includes('verify')))
  );
}

// Importing a key takes longer than verifying with it, and apps pass the same keys again and again.
const imported = new WeakMap<JWK, { readonly n: unknown; readonly e: unknown; readonly key: ImportedKey }>();
type ImportedKey = Promise<webcrypto.CryptoKey | undefined>;

async function importKey(jwk: JWK): Promise<VerificationKey | undefined> {
  const { e, kid, n } = jwk;
  const known = imported.get(jwk);
  const isSame = known !== undefined && known.n === n && known.e === e;
  const { key: importing } = isSame ? known : { key: importPublicKey(n, e) };
  if (!isSame) imported.set(jwk, { n, e, key: importing });
  const key = await importing;
  return key && { kid: typeof kid === 'string' ? kid : undefined, key };
}

/** Imports only the public half, whatever else was published. */
async function importPublicKey(n: JWK['n'], e: JWK['e']): ImportedKey {
  try {
    const key = (await importJWK({ kty: 'RSA', n, e } as JWK, 'RS256')) as webcrypto.CryptoKey; // only kty oct yields bytes
    // RFC 7518 section 3.3: at least 2048 bits. Not judged by the length of n, which may have leading zeros.
    return (key.algorithm as webcrypto.RsaKeyAlgorithm).modulusLength < 2048 ? undefined : key;
  } catch {
    return undefined;
  }
}
