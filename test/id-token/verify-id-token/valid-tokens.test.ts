import { describe, expect, it } from '@jest/globals';
import { ecKey, ed25519Key, rsaKey, signIdToken } from '../../support/sign-id-token.js';
import { attackerKey, goodToken, KeyServer, key, otherKey, payload } from './key-server.js';

const polar = new KeyServer();

describe('verifyIdToken, for a valid id_token,', () => {
  it('returns its claims', async () => {
    expect(await polar.verify(goodToken())).toEqual(payload);
    expect(polar.server.requests.map(({ url }) => url)).toEqual(['/.well-known/jwks.json']);
  });

  it('accepts it with keys from the caller', async () => {
    expect(await polar.verify(goodToken(), { jwks: { keys: [otherKey.jwk, key.jwk] } })).toEqual(payload);
    expect(polar.server.requests).toEqual([]);
  });

  it.each([1, 2, 3, 6])(
    'accepts it without a kid, as Polar sends it, whichever of %i keys has signed it',
    async (count) => {
      const keys = Array.from({ length: count }, (_, index) =>
        index === 0 ? key : index === 1 ? otherKey : attackerKey,
      );
      for (const place of keys.keys()) {
        const rotated = [...keys.slice(place), ...keys.slice(0, place)].map(({ jwk }) => jwk);
        expect(await polar.verify(goodToken(), { jwks: { keys: rotated } })).toEqual(payload);
      }
    },
  );

  it('accepts it without a kid even if the keys have one', async () => {
    expect(
      await polar.verify(goodToken(), {
        jwks: {
          keys: [
            { ...otherKey.jwk, kid: 'a' },
            { ...key.jwk, kid: 'b' },
          ],
        },
      }),
    ).toEqual(payload);
  });

  it('accepts it with a kid if its key has the same kid or none', async () => {
    const token = signIdToken(key, { header: { alg: 'RS256', kid: 'b' }, payload });
    expect(
      await polar.verify(token, {
        jwks: {
          keys: [
            { ...otherKey.jwk, kid: 'b' },
            { ...key.jwk, kid: 'b' },
          ],
        },
      }),
    ).toEqual(payload);
    expect(await polar.verify(token, { jwks: { keys: [key.jwk] } })).toEqual(payload);
  });

  it('ignores a kid that is not a string', async () => {
    const token = signIdToken(key, { header: { alg: 'RS256', kid: 7 }, payload });
    expect(await polar.verify(token, { jwks: { keys: [{ ...key.jwk, kid: 'b' }] } })).toEqual(payload);
  });

  it('finds its key among keys of all kinds', async () => {
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
    polar.publish(...others, otherKey.jwk, { ...key.jwk, use: 'sig', alg: 'RS256' });
    expect(await polar.verify(goodToken())).toEqual(payload);
  });

  it('accepts it without a nonce and an access token only if there is none to compare', async () => {
    const { nonce: _nonce, ...rest } = payload;
    const token = signIdToken(key, { payload: rest });
    expect(await polar.verify(token, { nonce: undefined, accessToken: undefined })).toEqual(rest);
    expect((await polar.refusal(token)).code).toBe('id_token_nonce');
  });

  it('finds its key beside a weak key that looks long', async () => {
    const modulus = Buffer.concat([
      Buffer.alloc(128),
      Buffer.from(rsaKey(undefined, 1024).jwk.n ?? '', 'base64url'),
    ]);
    polar.publish({ kty: 'RSA', e: 'AQAB', n: modulus.toString('base64url') }, key.jwk);
    expect(await polar.verify(goodToken())).toEqual(payload);
  });
});
