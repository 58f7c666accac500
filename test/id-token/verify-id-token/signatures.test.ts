import { sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { JWK } from 'jose';
import { assemble, ecKey, flipByte, hs256, rsaKey, signIdToken } from '../../support/sign-id-token.js';
import { attackerKey, goodToken, KeyServer, key, payload } from './key-server.js';

const polar = new KeyServer();

describe('verifyIdToken, for the algorithm of an id_token,', () => {
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const der = key.publicKey.export({ type: 'spki', format: 'der' });
  const { n = '' } = key.jwk;

  const forged: [string, string][] = [
    [
      'alg none with an empty signature',
      assemble({ header: { alg: 'none' }, payload }, () => Buffer.alloc(0)),
    ],
    ['alg None', assemble({ header: { alg: 'None' }, payload }, () => Buffer.alloc(0))],
    ['alg none with a valid RS256 signature', signIdToken(key, { header: { alg: 'none' }, payload })],
    [
      'HS256 with the public key in PEM as the secret',
      assemble({ header: { alg: 'HS256' }, payload }, hs256(pem)),
    ],
    [
      'HS256 with the public key in DER as the secret',
      assemble({ header: { alg: 'HS256' }, payload }, hs256(der)),
    ],
    [
      'HS256 with the modulus as the secret',
      assemble({ header: { alg: 'HS256' }, payload }, hs256(Buffer.from(n, 'base64url'))),
    ],
    [
      'HS256 with the JWK as the secret',
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
    ['rs256 in lower case', signIdToken(key, { header: { alg: 'rs256' }, payload })],
    ['RS256 with a blank', signIdToken(key, { header: { alg: 'RS256 ' }, payload })],
    ['an alg that is a list', signIdToken(key, { header: { alg: ['RS256'] }, payload })],
    ['an alg of null', signIdToken(key, { header: { alg: null }, payload })],
    ['a missing alg', signIdToken(key, { header: { typ: 'JWT' }, payload })],
  ];

  it.each(forged)('refuses %s, without reading the keys', async (_what, token) => {
    expect((await polar.refusal(token)).code).toBe('id_token_algorithm');
    expect(polar.server.requests).toEqual([]);
  });

  it('refuses ES256 although such a key is published', async () => {
    const ec = ecKey();
    polar.publish(ec.jwk, key.jwk);
    const token = assemble({ header: { alg: 'ES256' }, payload }, (input) =>
      sign('sha256', Buffer.from(input), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
    );
    expect((await polar.refusal(token)).code).toBe('id_token_algorithm');
  });

  it('refuses a signature by another algorithm under a header with RS256', async () => {
    for (const hash of ['RSA-SHA512', 'RSA-SHA1']) {
      const token = assemble({ payload }, (input) => sign(hash, Buffer.from(input), key.privateKey));
      expect((await polar.refusal(token)).code).toBe('id_token_signature');
    }
    const pss = assemble({ payload }, (input) =>
      sign('sha256', Buffer.from(input), { key: key.privateKey, padding: 6 }),
    );
    expect((await polar.refusal(pss)).code).toBe('id_token_signature');
    expect((await polar.refusal(assemble({ payload }, hs256(pem)))).code).toBe('id_token_signature');
  });
});

describe('verifyIdToken, for the signature of an id_token,', () => {
  it('refuses one by another key', async () => {
    expect((await polar.refusal(signIdToken(attackerKey, { payload }))).code).toBe('id_token_signature');
  });

  it('never uses a key that the token brings along', async () => {
    const header = {
      alg: 'RS256',
      jwk: attackerKey.jwk,
      jku: `${polar.server.url}/mine`,
      x5u: `${polar.server.url}/mine`,
    };
    expect((await polar.refusal(signIdToken(attackerKey, { header, payload }))).code).toBe(
      'id_token_signature',
    );
    expect(polar.server.requests.every(({ url }) => url === '/.well-known/jwks.json')).toBe(true);
  });

  it('refuses one with any byte changed', async () => {
    const token = goodToken();
    for (const index of [0, 1, 127, 128, 255])
      expect((await polar.refusal(flipByte(token, 2, index))).code).toBe('id_token_signature');
  });

  it('refuses one with all bytes changed, with none, with too few or with too many', async () => {
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
      expect((await polar.refusal(token)).code).toBe('id_token_signature');
    }
  });

  it('refuses one for a changed payload, another payload or another header', async () => {
    const token = goodToken();
    for (const index of [1, 40, 100])
      expect((await polar.refusal(flipByte(token, 1, index))).code).toBe('id_token_signature');
    const [head, , signature] = token.split('.');
    const body = Buffer.from(JSON.stringify({ ...payload, sub: 'admin' })).toString('base64url');
    expect((await polar.refusal(`${head}.${body}.${signature}`)).code).toBe('id_token_signature');
    const header = Buffer.from(JSON.stringify({ alg: 'RS256' })).toString('base64url');
    expect((await polar.refusal(`${header}.${token.split('.').slice(1).join('.')}`)).code).toBe(
      'id_token_signature',
    );
  });

  it('does not use a key with another kid', async () => {
    const token = signIdToken(key, { header: { alg: 'RS256', kid: 'mine' }, payload });
    expect((await polar.refusal(token, { jwks: { keys: [{ ...key.jwk, kid: 'theirs' }] } })).code).toBe(
      'id_token_signature',
    );
  });

  it.each([[[]], [[ecKey().jwk]], [[{ ...key.jwk, use: 'enc' }]], [[rsaKey(undefined, 1024).jwk]]])(
    'refuses one for which there is no key',
    async (keys: JWK[]) => {
      expect((await polar.refusal(goodToken(), { jwks: { keys } })).code).toBe('id_token_signature');
    },
  );

  it('refuses one by a key of 1024 bits', async () => {
    const weak = rsaKey(undefined, 1024);
    expect((await polar.refusal(signIdToken(weak, { payload }), { jwks: { keys: [weak.jwk] } })).code).toBe(
      'id_token_signature',
    );
  });
});
