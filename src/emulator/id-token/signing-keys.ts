import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

const generate = promisify(generateKeyPair);

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

interface SigningKey {
  readonly kid: string;
  readonly pair: () => Promise<KeyPair>;
}

/** One entry of the key set, with the members Polar publishes: no `use`, no `alg`. */
export interface PublishedKey {
  readonly n: string;
  readonly e: string;
  readonly kty: 'RSA';
  readonly kid: string;
}

/**
 * Where the first key waits, as base64 of PKCS #8, for other copies of this module: Jest loads one for each test file,
 * and this is the place that they share.
 */
const SHARED_KEY = 'passport-polar-sh.emulator-key';

async function sharedPair(): Promise<KeyPair> {
  const shared = getEnvironmentData(SHARED_KEY);
  if (typeof shared === 'string') {
    const privateKey = createPrivateKey({ key: Buffer.from(shared, 'base64'), format: 'der', type: 'pkcs8' });
    return { privateKey, publicKey: createPublicKey(privateKey) };
  }
  const pair = await newPair();
  const bytes = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
  setEnvironmentData(SHARED_KEY, bytes.toString('base64'));
  return pair;
}

function lazily(make: () => Promise<KeyPair>): () => Promise<KeyPair> {
  let pair: Promise<KeyPair> | undefined;
  return () => {
    pair ??= make();
    return pair;
  };
}

const newPair = (): Promise<KeyPair> => generate('rsa', { modulusLength: 2048 });

// An RSA key takes up to half a second to make. Every emulator of the process signs with the same first key: it
// protects nothing, and a test suite that starts a hundred emulators pays once.
const FIRST_KEY: SigningKey = { kid: 'polar_dev', pair: lazily(sharedPair) };

/** The key that signs id_tokens, and those still published beside it. */
export class SigningKeys {
  #current = FIRST_KEY;
  #published: readonly SigningKey[] = [this.#current];
  #rotations = 0;

  /** Signs with a new key from now on. Old keys are published no longer unless `keepOld`. */
  rotate(keepOld: boolean): void {
    this.#rotations += 1;
    this.#current = { kid: `polar_dev_${this.#rotations + 1}`, pair: lazily(newPair) };
    // The old key stays first: a client that tries only the first key of the set is found out.
    this.#published = keepOld ? [...this.#published, this.#current] : [this.#current];
  }

  /** The key to sign with. */
  async privateKey(): Promise<KeyObject> {
    return (await this.#current.pair()).privateKey;
  }

  /** What `/.well-known/jwks.json` lists. */
  async published(): Promise<PublishedKey[]> {
    return Promise.all(
      this.#published.map(async ({ kid, pair }) => {
        const { n = '', e = '' } = (await pair()).publicKey.export({ format: 'jwk' });
        return { n, e, kty: 'RSA', kid } as const;
      }),
    );
  }

  /** Back to the first key. */
  reset(): void {
    this.#current = FIRST_KEY;
    this.#published = [this.#current];
    this.#rotations = 0;
  }
}
