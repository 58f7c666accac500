import { describe, expect, it } from '@jest/globals';
import { PolarResponseError, PolarTransientError } from '../../../src/errors.js';
import { importKeys } from '../../../src/id-token/key-set.js';
import { verifyWithKeys } from '../../../src/id-token/verify-id-token.js';
import { answersJSON, answersText, startMisbehavingServer } from '../../support/misbehaving-server.js';
import { signIdToken } from '../../support/sign-id-token.js';
import { attackerKey, goodToken, KeyServer, key, nowSeconds, otherKey, payload } from './key-server.js';

const polar = new KeyServer();

describe('verifyIdToken, after a rotation of keys,', () => {
  it('accepts a token of a new key after one refetch', async () => {
    await polar.verify(goodToken());
    polar.publish(otherKey.jwk);
    expect(await polar.verify(signIdToken(otherKey, { payload }))).toEqual(payload);
    expect(polar.server.requests).toHaveLength(2);
    expect((await polar.refusal(goodToken())).code).toBe('id_token_signature'); // withdrawn
  });

  it('accepts a token of a new key with a kid after one refetch', async () => {
    polar.publish({ ...key.jwk, kid: 'old' });
    await polar.verify(signIdToken(key, { header: { alg: 'RS256', kid: 'old' }, payload }));
    polar.publish({ ...key.jwk, kid: 'old' }, { ...otherKey.jwk, kid: 'new' });
    await polar.verify(signIdToken(otherKey, { header: { alg: 'RS256', kid: 'new' }, payload }));
    expect(polar.server.requests).toHaveLength(2);
  });

  it('accepts new keys twice in a row', async () => {
    await polar.verify(goodToken());
    for (const next of [otherKey, attackerKey]) {
      polar.publish(next.jwk);
      await polar.verify(signIdToken(next, { payload }));
    }
    expect(polar.server.requests).toHaveLength(3);
  });
});

describe('the keys for verifyIdToken', () => {
  it('are fetched once for many valid tokens', async () => {
    await Promise.all(Array.from({ length: 50 }, () => polar.verify(goodToken())));
    await polar.verify(goodToken());
    expect(polar.server.requests).toHaveLength(1);
  });

  it('are refetched a limited number of times for consecutive bad tokens', async () => {
    const bad = signIdToken(attackerKey, { payload });
    for (let time = 0; time < 100; time++) await polar.refusal(bad);
    expect(polar.server.requests).toHaveLength(31); // the first request and thirty more
    expect(await polar.verify(goodToken())).toEqual(payload);
    expect(polar.server.requests).toHaveLength(31);
  });

  it('are refetched together for simultaneous bad tokens', async () => {
    const bad = signIdToken(attackerKey, { payload });
    await polar.refusal(bad); // warms the cache, and refetches once
    const before = polar.server.requests.length;
    await Promise.all(Array.from({ length: 100 }, () => polar.refusal(bad)));
    expect(before).toBe(2);
    expect(polar.server.requests.length).toBeLessThanOrEqual(31);
  });

  it('are not refetched for a valid signature with invalid claims', async () => {
    await polar.verify(goodToken());
    for (let time = 0; time < 5; time++)
      await polar.refusal(signIdToken(key, { payload: { ...payload, nonce: 'x' } }));
    expect(polar.server.requests).toHaveLength(1);
  });

  it('are cached for each server', async () => {
    await polar.verify(goodToken());
    const sandbox = await startMisbehavingServer(answersJSON({ keys: [otherKey.jwk] }));
    try {
      const elsewhere = { server: { webURL: sandbox.url, apiURL: sandbox.url } };
      expect((await polar.refusal(goodToken(), elsewhere)).code).toBe('id_token_signature');
      expect(await polar.verify(signIdToken(otherKey, { payload }), elsewhere)).toEqual(payload);
    } finally {
      await sandbox.close();
    }
  });

  it('cause an error of Polar, not of the token, if they are unavailable', async () => {
    polar.server.behave(answersText('', 503));
    const busy = await polar.verify(goodToken()).catch((error: unknown) => error);
    expect(busy).toBeInstanceOf(PolarTransientError);
    polar.server.behave(answersText('<p>'));
    const nonsense = await polar.verify(goodToken()).catch((error: unknown) => error);
    expect(nonsense).toBeInstanceOf(PolarResponseError);
    polar.publish(key.jwk);
    expect(await polar.verify(goodToken())).toEqual(payload);
  });
});

describe('verifyIdToken, for a key that cannot be used,', () => {
  it('tries the next key', async () => {
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
