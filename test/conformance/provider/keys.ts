/** Keys of the provider, generated at test time; RSA keys, which take long, once for all tests of a file. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { JWK } from 'jose';

/** A key pair of the provider, and how it is published. */
export interface ProviderKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** As it stands in the JWKS. */
  readonly jwk: JWK;
}

interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const generators = {
  RSA: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  secp256k1: () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
  Ed25519: () => generateKeyPairSync('ed25519'),
} satisfies Record<string, () => KeyPair>;

const pairs = new Map<string, KeyPair>();

/** The nth key of a kind; always the same one. */
function pairOf(kind: keyof typeof generators, nth: number): KeyPair {
  const name = `${kind} ${nth}`;
  const pair = pairs.get(name) ?? generators[kind]();
  pairs.set(name, pair);
  return pair;
}

/** The nth key of a kind, published with these fields, as a rule `kid` and `use` and no `alg`. */
export function providerKey(
  kind: keyof typeof generators,
  nth: number,
  published: Partial<JWK> = { kid: randomBytes(6).toString('hex'), use: 'sig' },
): ProviderKey {
  const pair = pairOf(kind, nth);
  return { ...pair, jwk: { ...(pair.publicKey.export({ format: 'jwk' }) as JWK), ...published } };
}

/** What an honest provider publishes; it signs with the first key. `generation` makes another set of keys. */
export function honestKeys(generation = 0): readonly ProviderKey[] {
  const enc = (): Partial<JWK> => ({ kid: randomBytes(6).toString('hex'), use: 'enc' });
  const first = generation * 2;
  return [
    providerKey('RSA', first),
    providerKey('RSA', first + 1),
    providerKey('P-256', first),
    providerKey('P-256', first + 1),
    providerKey('secp256k1', generation),
    providerKey('Ed25519', generation),
    providerKey('RSA', 100, enc()),
    providerKey('P-256', 100, enc()),
  ];
}

/** One key of each kind, none of them with a `kid`. */
export function keysWithoutKid(): readonly ProviderKey[] {
  const kinds = ['RSA', 'P-256', 'Ed25519'] as const;
  return kinds.map((kind) => providerKey(kind, 0, { use: 'sig' }));
}

/** Three RSA keys, none of them with a `kid`; the provider signs with the last one. */
export function rsaKeysWithoutKid(): readonly ProviderKey[] {
  return [0, 1, 2].map((nth) => providerKey('RSA', nth, { use: 'sig' }));
}
