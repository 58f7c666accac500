import type { webcrypto } from 'node:crypto';
import { importJWK, type JWK } from 'jose';
import { PolarResponseError } from '../errors.js';
import type { Http } from '../http.js';

/** A public key that may have signed an id_token. */
export interface VerificationKey {
  readonly kid: string | undefined;
  readonly key: webcrypto.CryptoKey;
}

/** The published keys of an issuer. */
export interface KeySet {
  /** Every key that could have made an RS256 signature, as they were last fetched. */
  keys(): Promise<readonly VerificationKey[]>;
  /** Fetches the set again after no key fitted; undefined when that has been done too often lately. */
  refetch(): Promise<readonly VerificationKey[] | undefined>;
}

// Polar sends its keys with no-store, so how long to keep them is our choice: a withdrawn key is believed for
// at most this long. A new key is found at once, by refetching.
const maxAgeMs = 10 * 60 * 1000;

// Whoever makes us see bad signatures cannot make us hammer Polar. Not fewer, though: while none is left, the new keys
// of an honest rotation are not found, so a handful of bad tokens must not use them up. Those that find new keys are free.
const maxVainRefetches = 30;
const refetchWindowMs = 60 * 1000;

/**
 * The keys published at `jwksURI`, cached, fetched once for all who ask at the same time.
 *
 * jose's own remote set is not used because it refuses a token without `kid` when several keys fit, which is
 * every Polar id_token during a key rotation, and because it waits 30 s before it looks for a new key.
 */
export function remoteKeySet(options: {
  jwksURI: () => Promise<string>;
  http: Http;
  now: () => number;
}): KeySet {
  const { http, jwksURI, now } = options;
  let cached: { keys: readonly VerificationKey[]; fetchedAt: number; published: string } | undefined;
  let underWay: Promise<readonly VerificationKey[]> | undefined;
  let vainRefetches: number[] = [];

  const load = async (): Promise<readonly VerificationKey[]> => {
    const response = await http({ method: 'GET', url: await jwksURI() });
    if (response.status >= 400) {
      throw new PolarResponseError(
        'malformed_response',
        `Polar's keys could not be read: status ${response.status}. Check the server option.`,
      );
    }
    const keys = await importKeys(response.body);
    cached = { keys, fetchedAt: now(), published: JSON.stringify((response.body as { keys: unknown }).keys) };
    return keys;
  };
  const loadOnce = (): Promise<readonly VerificationKey[]> => {
    underWay ??= load().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };

  return {
    async keys() {
      if (cached !== undefined && Math.abs(now() - cached.fetchedAt) < maxAgeMs) return cached.keys;
      return loadOnce();
    },
    async refetch() {
      if (underWay !== undefined) return underWay;
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
 * The usable keys of a JWKS document; keys of other kinds are skipped (RFC 7517 section 5).
 *
 * @throws PolarResponseError `malformed_response` when it is no JWKS document
 */
export async function importKeys(document: unknown): Promise<readonly VerificationKey[]> {
  const keys =
    typeof document === 'object' && document !== null ? (document as { keys?: unknown }).keys : undefined;
  if (!Array.isArray(keys)) {
    throw new PolarResponseError('malformed_response', 'The key set (JWKS) has no list of keys.', {
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
    // Web Crypto would make texts of anything else.
    typeof n === 'string' &&
    typeof e === 'string' &&
    (use === undefined || use === 'sig') &&
    (alg === undefined || alg === 'RS256') &&
    (operations === undefined || (Array.isArray(operations) && operations.includes('verify')))
  );
}

// Importing a key takes longer than verifying with it, and apps hand over the same ones again and again.
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

/** Only the public half, whatever else somebody published. */
async function importPublicKey(n: JWK['n'], e: JWK['e']): ImportedKey {
  try {
    const key = (await importJWK({ kty: 'RSA', n, e } as JWK, 'RS256')) as webcrypto.CryptoKey; // bytes are for kty oct alone
    // RFC 7518 section 3.3: 2048 bits at least. Not by the length of n, in front of which there may be zeros.
    return (key.algorithm as webcrypto.RsaKeyAlgorithm).modulusLength < 2048 ? undefined : key;
  } catch {
    return undefined;
  }
}
