import { createHash, sign } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { JWK } from 'jose';
import { PolarIdTokenError, PolarResponseError, PolarTransientError } from '../../src/errors.js';
import { importKeys } from '../../src/id-token/key-set.js';
import {
  type VerifyIdTokenOptions,
  verifyIdToken,
  verifyWithKeys,
} from '../../src/id-token/verify-id-token.js';
import {
  answersJSON,
  answersText,
  type MisbehavingServer,
  startMisbehavingServer,
} from '../support/misbehaving-server.js';
import {
  assemble,
  ecKey,
  ed25519Key,
  flipByte,
  hs256,
  rsaKey,
  signIdToken,
} from '../support/sign-id-token.js';

const key = rsaKey();
const otherKey = rsaKey();
const attackerKey = rsaKey();

const nowSeconds = 1_800_000_000;
const accessToken = 'polar_at_u_1';
const payload = {
  iss: 'https://polar.sh',
  sub: 'user-1',
  aud: ['polar_ci_1'],
  exp: nowSeconds + 3600,
  iat: nowSeconds,
  nonce: 'nonce-1',
  at_hash: createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url'),
  email: 'hidden@example.com',
};

let server: MisbehavingServer;
// A fetch of its own for each test: its key sets are shared by all calls that use it.
let options: VerifyIdTokenOptions;

beforeEach(async () => {
  server = await startMisbehavingServer();
  publish(key.jwk);
  options = {
    clientID: 'polar_ci_1',
    nonce: 'nonce-1',
    accessToken,
    server: { webURL: server.url, apiURL: server.url },
    now: () => nowSeconds * 1000,
    fetch: (input, init) => fetch(input, init),
  };
});

afterEach(() => server.close());

/** 256 bytes leave four bits of the last character unused. */
function sameBytesOf(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const other = token.slice(0, -1) + alphabet[alphabet.indexOf(token.slice(-1)) + 1];
  const bytesOf = (text: string) => Buffer.from(text.split('.')[2] ?? '', 'base64url').toString('hex');
  if (bytesOf(token) !== bytesOf(other)) throw new Error('This is no test of what it says');
  return other;
}

const publish = (...keys: unknown[]): void => server.behave(answersJSON({ keys }));
const verify = (token: string, more: Partial<VerifyIdTokenOptions> = {}) =>
  verifyIdToken(token, { ...options, ...more });
const goodToken = (): string => signIdToken(key, { payload });

async function refusal(token: string, more: Partial<VerifyIdTokenOptions> = {}): Promise<PolarIdTokenError> {
  const error = await verify(token, more).then(
    () => new Error('the token was accepted'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PolarIdTokenError);
  const refused = error as PolarIdTokenError;
  expect(refused.message).toMatch(/^The id_token [a-z].+\.$/);
  return refused;
}

describe('a good id_token', () => {
  it('is accepted, and its claims handed back', async () => {
    expect(await verify(goodToken())).toEqual(payload);
    expect(server.requests.map(({ url }) => url)).toEqual(['/.well-known/jwks.json']);
  });

  it('is accepted with keys that the caller has', async () => {
    expect(await verify(goodToken(), { jwks: { keys: [otherKey.jwk, key.jwk] } })).toEqual(payload);
    expect(server.requests).toEqual([]);
  });

  it.each([1, 2, 3, 6])(
    'without a kid is accepted whichever of %i keys has signed it, as Polar needs it',
    async (count) => {
      const keys = Array.from({ length: count }, (_, index) =>
        index === 0 ? key : index === 1 ? otherKey : attackerKey,
      );
      for (const place of keys.keys()) {
        const rotated = [...keys.slice(place), ...keys.slice(0, place)].map(({ jwk }) => jwk);
        expect(await verify(goodToken(), { jwks: { keys: rotated } })).toEqual(payload);
      }
    },
  );

  it('without a kid is accepted though the keys have one', async () => {
    expect(
      await verify(goodToken(), {
        jwks: {
          keys: [
            { ...otherKey.jwk, kid: 'a' },
            { ...key.jwk, kid: 'b' },
          ],
        },
      }),
    ).toEqual(payload);
  });

  it('with a kid is accepted when its key has that kid, or none', async () => {
    const token = signIdToken(key, { header: { alg: 'RS256', kid: 'b' }, payload });
    expect(
      await verify(token, {
        jwks: {
          keys: [
            { ...otherKey.jwk, kid: 'b' },
            { ...key.jwk, kid: 'b' },
          ],
        },
      }),
    ).toEqual(payload);
    expect(await verify(token, { jwks: { keys: [key.jwk] } })).toEqual(payload);
  });

  it('with a kid that is no text is accepted as one without', async () => {
    const token = signIdToken(key, { header: { alg: 'RS256', kid: 7 }, payload });
    expect(await verify(token, { jwks: { keys: [{ ...key.jwk, kid: 'b' }] } })).toEqual(payload);
  });

  it('is found among keys of all kinds', async () => {
    const others = [
      ecKey('ec').jwk,
      ed25519Key('ed').jwk,
      { kty: 'oct', k: 'c2VjcmV0' },
      { ...key.jwk, use: 'enc' },
      { ...key.jwk, alg: 'RS512' },
      rsaKey('short', 1024).jwk,
      { kty: 'RSA', n: 'AQ' },
      null,
      'key',
    ];
    publish(...others, otherKey.jwk, { ...key.jwk, use: 'sig', alg: 'RS256' });
    expect(await verify(goodToken())).toEqual(payload);
  });

  it('is accepted without nonce and access token only when none is given to compare', async () => {
    const { nonce: _nonce, ...rest } = payload;
    const token = signIdToken(key, { payload: rest });
    expect(await verify(token, { nonce: undefined, accessToken: undefined })).toEqual(rest);
    expect((await refusal(token)).code).toBe('id_token_nonce');
  });

  it('is found beside a weak key that looks long', async () => {
    const modulus = Buffer.concat([
      Buffer.alloc(128),
      Buffer.from(rsaKey(undefined, 1024).jwk.n ?? '', 'base64url'),
    ]);
    publish({ kty: 'RSA', e: 'AQAB', n: modulus.toString('base64url') }, key.jwk);
    expect(await verify(goodToken())).toEqual(payload);
  });
});

describe('a key that cannot be used', () => {
  it('does not stand in the way of the next one', async () => {
    const { privateKey } = await crypto.subtle.generateKey(
      {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 2048,
        publicExponent: Buffer.from('AQAB', 'base64'),
        hash: 'SHA-256',
      },
      false,
      ['sign', 'verify'],
    );
    const unusable = { kid: undefined, key: privateKey };
    const keys = [unusable, ...(await importKeys({ keys: [key.jwk] }))];
    const keySet = { keys: async () => keys, refetch: async () => undefined };
    const expected = {
      issuer: 'https://polar.sh',
      clientID: 'polar_ci_1',
      nonce: 'nonce-1',
      clockToleranceSeconds: 30,
      now: nowSeconds * 1000,
    };
    expect(await verifyWithKeys(goodToken(), keySet, expected)).toEqual(payload);
  });
});

describe('the algorithm', () => {
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const der = key.publicKey.export({ type: 'spki', format: 'der' });
  const { n = '' } = key.jwk;

  const forged: [string, string][] = [
    ['none with an empty signature', assemble({ header: { alg: 'none' }, payload }, () => Buffer.alloc(0))],
    ['None', assemble({ header: { alg: 'None' }, payload }, () => Buffer.alloc(0))],
    ['none with a good RS256 signature', signIdToken(key, { header: { alg: 'none' }, payload })],
    [
      'HS256 with the public key in PEM as secret',
      assemble({ header: { alg: 'HS256' }, payload }, hs256(pem)),
    ],
    [
      'HS256 with the public key in DER as secret',
      assemble({ header: { alg: 'HS256' }, payload }, hs256(der)),
    ],
    [
      'HS256 with the modulus as secret',
      assemble({ header: { alg: 'HS256' }, payload }, hs256(Buffer.from(n, 'base64url'))),
    ],
    [
      'HS256 with the JWK as secret',
      assemble({ header: { alg: 'HS256' }, payload }, hs256(JSON.stringify(key.jwk))),
    ],
    ['HS256 with an empty secret', assemble({ header: { alg: 'HS256' }, payload }, hs256(''))],
    [
      'RS512',
      assemble({ header: { alg: 'RS512' }, payload }, (input) =>
        sign('RSA-SHA512', Buffer.from(input), key.privateKey),
      ),
    ],
    [
      'RS384',
      assemble({ header: { alg: 'RS384' }, payload }, (input) =>
        sign('RSA-SHA384', Buffer.from(input), key.privateKey),
      ),
    ],
    [
      'RS1',
      assemble({ header: { alg: 'RS1' }, payload }, (input) =>
        sign('RSA-SHA1', Buffer.from(input), key.privateKey),
      ),
    ],
    ['PS256', signIdToken(key, { header: { alg: 'PS256' }, payload })],
    ['rs256', signIdToken(key, { header: { alg: 'rs256' }, payload })],
    ['RS256 with a blank', signIdToken(key, { header: { alg: 'RS256 ' }, payload })],
    ['a list', signIdToken(key, { header: { alg: ['RS256'] }, payload })],
    ['null', signIdToken(key, { header: { alg: null }, payload })],
    ['missing', signIdToken(key, { header: { typ: 'JWT' }, payload })],
  ];

  it.each(forged)('%s is refused, without a look at the keys', async (_what, token) => {
    expect((await refusal(token)).code).toBe('id_token_algorithm');
    expect(server.requests).toEqual([]);
  });

  it('ES256 is refused, though such a key is published', async () => {
    const ec = ecKey();
    publish(ec.jwk, key.jwk);
    const token = assemble({ header: { alg: 'ES256' }, payload }, (input) =>
      sign('sha256', Buffer.from(input), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
    );
    expect((await refusal(token)).code).toBe('id_token_algorithm');
  });

  it('RS256 in the header does not make another signature one', async () => {
    for (const hash of ['RSA-SHA512', 'RSA-SHA1']) {
      const token = assemble({ payload }, (input) => sign(hash, Buffer.from(input), key.privateKey));
      expect((await refusal(token)).code).toBe('id_token_signature');
    }
    const pss = assemble({ payload }, (input) =>
      sign('sha256', Buffer.from(input), { key: key.privateKey, padding: 6 }),
    );
    expect((await refusal(pss)).code).toBe('id_token_signature');
    expect((await refusal(assemble({ payload }, hs256(pem)))).code).toBe('id_token_signature');
  });
});

describe('the signature', () => {
  it('of somebody else is refused', async () => {
    expect((await refusal(signIdToken(attackerKey, { payload }))).code).toBe('id_token_signature');
  });

  it('is not checked with a key that the token brings along', async () => {
    const header = {
      alg: 'RS256',
      jwk: attackerKey.jwk,
      jku: `${server.url}/mine`,
      x5u: `${server.url}/mine`,
    };
    expect((await refusal(signIdToken(attackerKey, { header, payload }))).code).toBe('id_token_signature');
    expect(server.requests.every(({ url }) => url === '/.well-known/jwks.json')).toBe(true);
  });

  it('is refused with any byte changed', async () => {
    const token = goodToken();
    for (const index of [0, 1, 127, 128, 255])
      expect((await refusal(flipByte(token, 2, index))).code).toBe('id_token_signature');
  });

  it('is refused when all bytes are changed, or there are none, too few or too many', async () => {
    const [head, body, signature = ''] = goodToken().split('.');
    const bytes = Buffer.from(signature, 'base64url');
    const wrong = [
      bytes.map((byte) => byte ^ 0x5a),
      Buffer.alloc(0),
      Buffer.alloc(256),
      bytes.subarray(1),
      Buffer.concat([bytes, Buffer.alloc(1)]),
    ];
    for (const other of wrong) {
      const token = `${head}.${body}.${Buffer.from(other).toString('base64url')}`;
      expect((await refusal(token)).code).toBe('id_token_signature');
    }
  });

  it('does not fit a payload with a byte changed, nor another payload, nor another header', async () => {
    const token = goodToken();
    for (const index of [1, 40, 100])
      expect((await refusal(flipByte(token, 1, index))).code).toBe('id_token_signature');
    const [head, , signature] = token.split('.');
    const body = Buffer.from(JSON.stringify({ ...payload, sub: 'admin' })).toString('base64url');
    expect((await refusal(`${head}.${body}.${signature}`)).code).toBe('id_token_signature');
    const header = Buffer.from(JSON.stringify({ alg: 'RS256' })).toString('base64url');
    expect((await refusal(`${header}.${token.split('.').slice(1).join('.')}`)).code).toBe(
      'id_token_signature',
    );
  });

  it('is not checked with the key of another kid', async () => {
    const token = signIdToken(key, { header: { alg: 'RS256', kid: 'mine' }, payload });
    expect((await refusal(token, { jwks: { keys: [{ ...key.jwk, kid: 'theirs' }] } })).code).toBe(
      'id_token_signature',
    );
  });

  it.each([[[]], [[ecKey().jwk]], [[{ ...key.jwk, use: 'enc' }]], [[rsaKey(undefined, 1024).jwk]]])(
    'is refused where there is no key for it',
    async (keys: JWK[]) => {
      expect((await refusal(goodToken(), { jwks: { keys } })).code).toBe('id_token_signature');
    },
  );

  it('of a key of 1024 bits is refused', async () => {
    const weak = rsaKey(undefined, 1024);
    expect((await refusal(signIdToken(weak, { payload }), { jwks: { keys: [weak.jwk] } })).code).toBe(
      'id_token_signature',
    );
  });
});

describe('a rotation', () => {
  it('is noticed at once: a token of a new key is accepted after one more look', async () => {
    await verify(goodToken());
    publish(otherKey.jwk);
    expect(await verify(signIdToken(otherKey, { payload }))).toEqual(payload);
    expect(server.requests).toHaveLength(2);
    expect((await refusal(goodToken())).code).toBe('id_token_signature'); // withdrawn
  });

  it('with kids is noticed at once', async () => {
    publish({ ...key.jwk, kid: 'old' });
    await verify(signIdToken(key, { header: { alg: 'RS256', kid: 'old' }, payload }));
    publish({ ...key.jwk, kid: 'old' }, { ...otherKey.jwk, kid: 'new' });
    await verify(signIdToken(otherKey, { header: { alg: 'RS256', kid: 'new' }, payload }));
    expect(server.requests).toHaveLength(2);
  });

  it('twice in a row is noticed twice', async () => {
    await verify(goodToken());
    for (const next of [otherKey, attackerKey]) {
      publish(next.jwk);
      await verify(signIdToken(next, { payload }));
    }
    expect(server.requests).toHaveLength(3);
  });
});

describe('the keys', () => {
  it('are fetched once for many good tokens', async () => {
    await Promise.all(Array.from({ length: 50 }, () => verify(goodToken())));
    await verify(goodToken());
    expect(server.requests).toHaveLength(1);
  });

  it('are not fetched over and over for bad tokens, one after the other', async () => {
    const bad = signIdToken(attackerKey, { payload });
    for (let time = 0; time < 100; time++) await refusal(bad);
    expect(server.requests).toHaveLength(31); // the first look and thirty more
    expect(await verify(goodToken())).toEqual(payload);
    expect(server.requests).toHaveLength(31);
  });

  it('are fetched again by all together for bad tokens that come together', async () => {
    const bad = signIdToken(attackerKey, { payload });
    await refusal(bad); // warms the cache, and looks once more
    const before = server.requests.length;
    await Promise.all(Array.from({ length: 100 }, () => refusal(bad)));
    expect(before).toBe(2);
    expect(server.requests.length).toBeLessThanOrEqual(31);
  });

  it('are not looked at again for a good signature with bad claims', async () => {
    await verify(goodToken());
    for (let time = 0; time < 5; time++)
      await refusal(signIdToken(key, { payload: { ...payload, nonce: 'x' } }));
    expect(server.requests).toHaveLength(1);
  });

  it('are kept apart by server', async () => {
    await verify(goodToken());
    const sandbox = await startMisbehavingServer(answersJSON({ keys: [otherKey.jwk] }));
    try {
      const elsewhere = { server: { webURL: sandbox.url, apiURL: sandbox.url } };
      expect((await refusal(goodToken(), elsewhere)).code).toBe('id_token_signature');
      expect(await verify(signIdToken(otherKey, { payload }), elsewhere)).toEqual(payload);
    } finally {
      await sandbox.close();
    }
  });

  it('that cannot be had are no fault of the token', async () => {
    server.behave(answersText('', 503));
    const busy = await verify(goodToken()).catch((error: unknown) => error);
    expect(busy).toBeInstanceOf(PolarTransientError);
    server.behave(answersText('<p>'));
    const nonsense = await verify(goodToken()).catch((error: unknown) => error);
    expect(nonsense).toBeInstanceOf(PolarResponseError);
    publish(key.jwk);
    expect(await verify(goodToken())).toEqual(payload);
  });
});

describe('a token that is none', () => {
  const part = (text: string): string => Buffer.from(text).toString('base64url');
  const [head = '', body = '', signature = ''] = signIdToken(key, { payload }).split('.');
  const shapes: [string, unknown][] = [
    ['empty', ''],
    ['a word', 'hidden'],
    ['dots', '..'],
    ['an opaque token', 'polar_at_u_hidden'],
    ['without payload and signature', head],
    ['with no header', `.${body}.${signature}`],
    ['with a header that is no base64url', `!hidden!.${body}.${signature}`],
    ['with a header that is no JSON', `${part('hidden')}.${body}.${signature}`],
    ['with a header that is a list', `${part('["hidden"]')}.${body}.${signature}`],
    ['with a header that is null', `${part('null')}.${body}.${signature}`],
    ['with a header that is text', `${part('"hidden"')}.${body}.${signature}`],
    ['with two parts', `${head}.${body}`],
    ['with four parts', `${head}.${body}.${signature}.hidden`],
    ['with five parts, as JWE', `${head}.${body}.${signature}.hidden.hidden`],
    ['with a signature that is no base64url', `${head}.${body}.!hidden!`],
    [
      'with critical headers that nobody knows',
      signIdToken(key, { header: { alg: 'RS256', crit: ['hidden'], hidden: 1 }, payload }),
    ],
    [
      'with an empty list of critical headers',
      signIdToken(key, { header: { alg: 'RS256', crit: [] }, payload }),
    ],
    ['with a payload that is no JSON', signIdToken(key, { payload: 'hidden' })],
    ['with an empty payload', signIdToken(key, { payload: '' })],
    ['with a payload that breaks off', signIdToken(key, { payload: '{"sub":"hidden' })],
    ['with a payload that is text', signIdToken(key, { payload: '"hidden"' })],
    ['with a payload that is a list', signIdToken(key, { payload: ['hidden'] })],
    ['with a payload that is null', signIdToken(key, { payload: 'null' })],
    ['with a payload that is a number', signIdToken(key, { payload: '7' })],
    ['with a payload that is no UTF-8', notUTF8()],
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['an object', { protected: head, payload: body, signature }],
    ['a list', [head, body, signature]],
    ['bytes', Buffer.from(`${head}.${body}.${signature}`)],
  ];

  function notUTF8(): string {
    const input = `${head}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}`;
    return `${input}.${sign('RSA-SHA256', Buffer.from(input), key.privateKey).toString('base64url')}`;
  }

  it.each(shapes)('(%s) is id_token_malformed, and nothing of it is shown', async (_what, token) => {
    const error = await refusal(token as string);
    expect(error.code).toBe('id_token_malformed');
    const shown = inspect(error, { depth: 9, showHidden: true }) + error.stack;
    for (const secret of ['hidden', head, body, signature]) expect(shown).not.toContain(secret);
  });

  // RFC 7515 section 5.2: no line breaks, whitespace or other additional characters.
  it.each([
    ['with blanks around it', ` ${head}.${body}.${signature} `],
    ['with a line end after it', `${head}.${body}.${signature}\n`],
    ['with a blank in the signature', `${head}.${body}.${signature.slice(0, 9)} ${signature.slice(9)}`],
    ['with padding', `${head}.${body}.${signature}==`],
    ['a signature that ends otherwise, though with the same bytes', sameBytesOf(goodToken())],
  ])('(%s) is id_token_malformed', async (_what, token) => {
    expect((await refusal(token)).code).toBe('id_token_malformed');
  });

  it('of a megabyte is refused all the same', async () => {
    expect((await refusal('a'.repeat(1_000_000))).code).toBe('id_token_malformed');
    expect((await refusal(`${head}.${'a'.repeat(1_000_000)}.${signature}`)).code).toBe('id_token_signature');
  });

  it('of ten megabytes in one part is refused as any other', async () => {
    const [head = '', body = '', signature = ''] = goodToken().split('.');
    const huge = 'A'.repeat(10_000_000);
    for (const parts of [
      [huge, body, signature],
      [head, huge, signature],
      [head, body, huge],
    ])
      expect((await refusal(parts.join('.'))).code).toMatch(/^id_token_(malformed|signature)$/);
  });
});

describe('what a refusal shows', () => {
  it('is nothing of the token, whatever was wrong', async () => {
    const tokens = [
      signIdToken(attackerKey, { payload }),
      signIdToken(key, { header: { alg: 'none' }, payload }),
      ...Object.keys(payload)
        .filter((name) => name !== 'email' && name !== 'sub')
        .map((name) => signIdToken(key, { payload: { ...payload, [name]: 'hidden' } })),
    ];
    for (const token of tokens) {
      const error = await refusal(token);
      const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error);
      for (const secret of ['hidden', accessToken, ...token.split('.')]) expect(shown).not.toContain(secret);
      expect(error.cause).toBeUndefined();
    }
  });
});

describe('the options', () => {
  it.each([
    ['clientID', { clientID: '' }],
    ['clientID', { clientID: undefined }],
    ['server', { server: 'staging' }],
    ['server', { server: { discoveryURL: 'https://id.example/.well-known/openid-configuration' } }],
  ])('of a wrong %s are refused: %j', async (name, wrong) => {
    const attempt = verify(goodToken(), wrong as object);
    await expect(attempt).rejects.toThrow(TypeError);
    await expect(attempt).rejects.toThrow(new RegExp(`^${name}`));
  });

  it('of keys that are none are refused', async () => {
    await expect(verify(goodToken(), { jwks: {} as never })).rejects.toMatchObject({
      code: 'malformed_response',
      field: 'keys',
    });
  });

  it('let clocks differ by 30 seconds, or by what is said', async () => {
    const late = signIdToken(key, { payload: { ...payload, exp: nowSeconds - 29 } });
    const later = signIdToken(key, { payload: { ...payload, exp: nowSeconds - 30 } });
    expect((await verify(late)).sub).toBe('user-1');
    expect((await refusal(later)).code).toBe('id_token_expired');
    expect((await verify(later, { clockToleranceSeconds: 31 })).sub).toBe('user-1');
    expect((await refusal(late, { clockToleranceSeconds: 0 })).code).toBe('id_token_expired');
  });

  it('take the real time when there is no clock', async () => {
    const seconds = Math.floor(Date.now() / 1000);
    const fresh = signIdToken(key, { payload: { ...payload, iat: seconds, exp: seconds + 60 } });
    expect((await verify(fresh, { now: undefined })).sub).toBe('user-1');
    const old = signIdToken(key, { payload: { ...payload, iat: seconds - 3600, exp: seconds - 60 } });
    expect((await refusal(old, { now: undefined })).code).toBe('id_token_expired');
  });

  it('take the fetch that is given', async () => {
    const asked: string[] = [];
    const mine: VerifyIdTokenOptions['fetch'] = async (input) => {
      asked.push(input);
      return Response.json({ keys: [key.jwk] });
    };
    expect(await verify(goodToken(), { fetch: mine })).toEqual(payload);
    expect([asked, server.requests]).toEqual([[`${server.url}/.well-known/jwks.json`], []]);
  });

  it('take the platform’s fetch when there is none', async () => {
    expect(await verify(goodToken(), { fetch: undefined })).toEqual(payload);
    expect(server.requests).toHaveLength(1);
  });

  it('are those of this very server, also where one of its class was given before', async () => {
    class Server {
      readonly #url: string;
      readonly #issuer: string;
      constructor(url: string, issuer: string) {
        this.#url = url;
        this.#issuer = issuer;
      }
      get webURL(): string {
        return this.#url;
      }
      get apiURL(): string {
        return this.#url;
      }
      get issuer(): string {
        return this.#issuer;
      }
    }
    const token = goodToken();
    await verify(token, { server: new Server(server.url, 'https://polar.sh') });
    const other = { server: new Server(server.url, 'https://other.example') };
    expect((await refusal(token, other)).code).toBe('id_token_issuer');
  });

  it('must name a server: what has no JSON is not taken for the default', async () => {
    const keys = [key.jwk as object];
    await verify(goodToken(), { server: undefined, jwks: { keys } });
    for (const none of [() => 'sandbox', Symbol('sandbox')])
      await expect(verify(goodToken(), { server: none as never, jwks: { keys } })).rejects.toThrow(TypeError);
  });

  it('may name another issuer', async () => {
    const token = signIdToken(key, { payload: { ...payload, iss: 'https://id.example/' } });
    const elsewhere = { webURL: server.url, apiURL: server.url, issuer: 'https://id.example/' };
    expect((await verify(token, { server: elsewhere })).iss).toBe('https://id.example/');
    expect((await refusal(token)).code).toBe('id_token_issuer');
  });

  it('are checked: another client, another nonce, another access token', async () => {
    expect((await refusal(goodToken(), { clientID: 'polar_ci_2' })).code).toBe('id_token_audience');
    expect((await refusal(goodToken(), { nonce: 'nonce-2' })).code).toBe('id_token_nonce');
    expect((await refusal(goodToken(), { accessToken: 'polar_at_u_2' })).code).toBe(
      'id_token_access_token_hash',
    );
  });

  it.each([[Number.NaN], ['30'], [-1], [Number.POSITIVE_INFINITY]])(
    'refuse a clock tolerance of %p',
    async (clockToleranceSeconds) => {
      await expect(
        verify(goodToken(), { clockToleranceSeconds: clockToleranceSeconds as number }),
      ).rejects.toThrow(/^clockToleranceSeconds/);
    },
  );
});
