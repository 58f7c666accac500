import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PolarResponseError, PolarTransientError } from '../../src/errors.js';
import { createHttp } from '../../src/http/http.js';
import { importKeys, type KeySet, remoteKeySet } from '../../src/id-token/key-set.js';
import {
  answersJSON,
  answersText,
  type MisbehavingServer,
  redirects,
  startMisbehavingServer,
} from '../support/misbehaving-server.js';
import { ecKey, ed25519Key, rsaKey } from '../support/sign-id-token.js';

const one = rsaKey('one');
const two = rsaKey('two');
const kids = (keys: readonly { kid: string | undefined }[] | undefined) => keys?.map(({ kid }) => kid);

describe('the keys of a JWKS document', () => {
  it('are those for RS256 in order, with and without a kid', async () => {
    const { kid: _kid, ...kidless } = two.jwk;
    const keys = await importKeys({
      keys: [one.jwk, kidless, { ...two.jwk, use: 'sig', alg: 'RS256', key_ops: ['verify'] }],
    });
    expect(kids(keys)).toEqual(['one', undefined, 'two']);
  });

  it('may be an empty list', async () => {
    expect(await importKeys({ keys: [] })).toEqual([]);
  });

  const { n, e } = one.jwk as { n: string; e: string };
  it.each<[string, unknown]>([
    ['for encryption', { ...one.jwk, use: 'enc' }],
    ['with an unknown use', { ...one.jwk, use: 'tls' }],
    ['for RS512', { ...one.jwk, alg: 'RS512' }],
    ['for PS256', { ...one.jwk, alg: 'PS256' }],
    ['for RSA-OAEP', { ...one.jwk, alg: 'RSA-OAEP-256' }],
    ['for signing only', { ...one.jwk, key_ops: ['sign'] }],
    ['whose operations are not a list', { ...one.jwk, key_ops: 'verify' }],
    ['of another kind with the numbers of an RSA key', { ...one.jwk, kty: 'EC' }],
    ['that is symmetric', { kty: 'oct', k: Buffer.alloc(32).toString('base64url'), alg: 'RS256' }],
    ['of the curve P-256', ecKey('ec').jwk],
    ['of the curve Ed25519', ed25519Key('ed').jwk],
    ['of the curve secp256k1', { kty: 'EC', crv: 'secp256k1', x: 'AQ', y: 'AQ' }],
    ['of 1024 bits', rsaKey('short', 1024).jwk],
    ['of a future kind', { kty: 'AKP', alg: 'ML-DSA-65', pub: 'AQ' }],
    ['without a modulus', { kty: 'RSA', e }],
    ['without an exponent', { kty: 'RSA', n }],
    ['whose modulus is a number', { kty: 'RSA', n: 7, e }],
    ['whose modulus is not base64url', { kty: 'RSA', n: '!'.repeat(400), e }],
    ['whose modulus is empty', { kty: 'RSA', n: '', e }],
    ['that is empty', {}],
    ['that is null', null],
    ['that is a string', 'RSA'],
    ['that is a list', [one.jwk]],
  ])('leave out a key %s, and no other one', async (_what, jwk) => {
    expect(kids(await importKeys({ keys: [jwk, two.jwk] }))).toEqual(['two']);
  });

  const short = Buffer.from(rsaKey('short', 1024).jwk.n ?? '', 'base64url');
  it('leave out a key of 1024 bits behind 1024 zeros, and no other one', async () => {
    const padded = Buffer.concat([Buffer.alloc(128), short]).toString('base64url');
    expect(kids(await importKeys({ keys: [{ kty: 'RSA', n: padded, e }, two.jwk] }))).toEqual(['two']);
  });

  it('are public even if the document contains a private one', async () => {
    const jwk = one.privateKey.export({ format: 'jwk' });
    const [key] = await importKeys({ keys: [jwk] });
    expect(key?.key).toMatchObject({ type: 'public' });
  });

  it.each(['n', 'e'] as const)('leave out a key whose %s is not a string', async (field) => {
    expect(await importKeys({ keys: [{ ...one.jwk, [field]: [one.jwk[field]] }] })).toEqual([]);
  });

  it('have no kid if that is not a string', async () => {
    expect(kids(await importKeys({ keys: [{ ...one.jwk, kid: 7 }] }))).toEqual([undefined]);
  });

  it.each([
    [undefined],
    [null],
    ['keys'],
    [7],
    [[]],
    [{}],
    [{ keys: null }],
    [{ keys: {} }],
    [{ keys: 'x' }],
  ])('cannot be read from %j', async (document) => {
    const error = await importKeys(document).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PolarResponseError);
    expect(error).toMatchObject({ code: 'malformed_response', field: 'keys' });
    expect((error as Error).message).toBe('The key set (JWKS) has no keys array.');
  });
});

describe('the remote key set', () => {
  let server: MisbehavingServer;
  let now: number;
  let keySet: KeySet;

  beforeEach(async () => {
    now = Date.parse('2026-08-22T10:00:00Z');
    server = await startMisbehavingServer(answersJSON({ keys: [one.jwk] }));
    keySet = remoteKeySet({
      jwksURI: async () => `${server.url}/.well-known/jwks.json`,
      http: createHttp({ fetch: (input, init) => fetch(input, init), timeoutMs: 10_000 }),
      now: () => now,
    });
  });

  afterEach(() => server.close());

  it('is fetched on first use, once for simultaneous callers', async () => {
    expect(server.requests).toHaveLength(0);
    const all = await Promise.all(Array.from({ length: 20 }, () => keySet.keys()));
    expect(new Set(all).size).toBe(1);
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /.well-known/jwks.json',
    ]);
  });

  it('is cached for ten minutes and no longer', async () => {
    await keySet.keys();
    server.behave(answersJSON({ keys: [two.jwk] }));
    now += 10 * 60 * 1000 - 1;
    expect(kids(await keySet.keys())).toEqual(['one']);
    now += 1;
    expect(kids(await keySet.keys())).toEqual(['two']);
    expect(server.requests).toHaveLength(2);
  });

  it('is fetched again if the clock was set back', async () => {
    await keySet.keys();
    now -= 10 * 60 * 1000;
    await keySet.keys();
    expect(server.requests).toHaveLength(2);
  });

  it('is replaced by a refetch for all later callers', async () => {
    await keySet.keys();
    server.behave(answersJSON({ keys: [two.jwk] }));
    expect(kids(await keySet.refetch())).toEqual(['two']);
    expect(kids(await keySet.keys())).toEqual(['two']);
    expect(server.requests).toHaveLength(2);
  });

  it('is refetched once for simultaneous callers', async () => {
    await keySet.keys();
    const all = await Promise.all(Array.from({ length: 20 }, () => keySet.refetch()));
    expect(all.map(kids)).toEqual(Array(20).fill(['one']));
    expect(server.requests).toHaveLength(2);
  });

  it('can be refetched again after many simultaneous refetches', async () => {
    await keySet.keys();
    await Promise.all(Array.from({ length: 100 }, () => keySet.refetch()));
    expect(kids(await keySet.refetch())).toEqual(['one']);
  });

  it('is refetched thirty times at most in a minute', async () => {
    await keySet.keys();
    const answers: unknown[] = [];
    for (let time = 0; time < 33; time++) answers.push(kids(await keySet.refetch()));
    expect(answers).toEqual([...Array(30).fill(['one']), undefined, undefined, undefined]);
    now += 60_000 - 1;
    expect(await keySet.refetch()).toBeUndefined();
    now += 1;
    expect(kids(await keySet.refetch())).toEqual(['one']);
    expect(server.requests).toHaveLength(32);
  });

  it('allows one more refetch as soon as the oldest one is a minute old', async () => {
    await keySet.keys();
    for (let time = 0; time < 30; time++) {
      await keySet.refetch();
      now += 1000;
    }
    expect(await keySet.refetch()).toBeUndefined();
    now += 30_000;
    expect(await keySet.refetch()).toBeDefined();
    expect(await keySet.refetch()).toBeUndefined();
  });

  it('is refetched without a limit while it changes', async () => {
    await keySet.keys();
    for (let time = 0; time < 40; time++) {
      const published = time % 2 === 0 ? two : one;
      server.behave(answersJSON({ keys: [published.jwk] }));
      expect(kids(await keySet.refetch())).toEqual([published.jwk.kid]);
    }
  });

  it('counts failed refetches as well', async () => {
    server.behave(answersText('', 500));
    for (let time = 0; time < 30; time++) await keySet.refetch().catch(() => {});
    expect(await keySet.refetch()).toBeUndefined();
    expect(server.requests).toHaveLength(30);
  });

  it('is fetched again after a failure', async () => {
    server.behave(answersText('', 503), answersJSON({ keys: [one.jwk] }));
    const first = await Promise.allSettled([keySet.keys(), keySet.keys()]);
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(server.requests).toHaveLength(1);
    expect(kids(await keySet.keys())).toEqual(['one']);
  });

  it.each([
    ['503', answersText('', 503), PolarTransientError, 'server_error'],
    ['429', answersText('', 429), PolarTransientError, 'rate_limited'],
    ['404', answersJSON({}, 404), PolarResponseError, 'malformed_response'],
    ['400 with keys', answersJSON({ keys: [one.jwk] }, 400), PolarResponseError, 'malformed_response'],
    ['404 with keys', answersJSON({ keys: [one.jwk] }, 404), PolarResponseError, 'malformed_response'],
    ['a redirect', redirects('https://evil.example/'), PolarResponseError, 'unexpected_redirect'],
    ['HTML', answersText('<p>'), PolarResponseError, 'malformed_response'],
    ['no list of keys', answersJSON({}), PolarResponseError, 'malformed_response'],
    [
      'too many keys',
      answersJSON({ keys: Array(1000).fill(one.jwk) }),
      PolarResponseError,
      'response_too_large',
    ],
  ])('rejects when the server sends %s', async (_what, behaviour, kind, code) => {
    server.behave(behaviour);
    const error = await keySet.keys().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ code });
  });

  it('says what came instead of the keys', async () => {
    server.behave(answersJSON({}, 404));
    await expect(keySet.keys()).rejects.toThrow(
      "Polar's keys could not be fetched: status 404. Check the server option.",
    );
  });
});
