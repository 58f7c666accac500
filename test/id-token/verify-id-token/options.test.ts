import { describe, expect, it } from '@jest/globals';
import { PolarConfigurationError } from '../../../src/errors.js';
import type { VerifyIdTokenOptions } from '../../../src/id-token/verify-id-token.js';
import { signIdToken } from '../../support/sign-id-token.js';
import { goodToken, KeyServer, key, nowSeconds, payload } from './key-server.js';

const polar = new KeyServer();

describe('the options of verifyIdToken', () => {
  it.each([
    ['clientID', { clientID: '' }],
    ['clientID', { clientID: undefined }],
    ['server', { server: 'staging' }],
    ['server', { server: { discoveryURL: 'https://id.example/.well-known/openid-configuration' } }],
  ])('are refused with a wrong %s: %j', async (name, wrong) => {
    const attempt = polar.verify(goodToken(), wrong as object);
    await expect(attempt).rejects.toThrow(PolarConfigurationError);
    await expect(attempt).rejects.toThrow(new RegExp(`^${name}`));
  });

  it('are refused with malformed keys', async () => {
    await expect(polar.verify(goodToken(), { jwks: {} as never })).rejects.toMatchObject({
      code: 'malformed_response',
      field: 'keys',
    });
  });

  it('allow clocks to differ by 30 seconds or by clockToleranceSeconds', async () => {
    const late = signIdToken(key, { payload: { ...payload, exp: nowSeconds - 29 } });
    const later = signIdToken(key, { payload: { ...payload, exp: nowSeconds - 30 } });
    expect((await polar.verify(late)).sub).toBe('user-1');
    expect((await polar.refusal(later)).code).toBe('id_token_expired');
    expect((await polar.verify(later, { clockToleranceSeconds: 31 })).sub).toBe('user-1');
    expect((await polar.refusal(late, { clockToleranceSeconds: 0 })).code).toBe('id_token_expired');
  });

  it('default to the real time', async () => {
    const seconds = Math.floor(Date.now() / 1000);
    const fresh = signIdToken(key, { payload: { ...payload, iat: seconds, exp: seconds + 60 } });
    expect((await polar.verify(fresh, { now: undefined })).sub).toBe('user-1');
    const old = signIdToken(key, { payload: { ...payload, iat: seconds - 3600, exp: seconds - 60 } });
    expect((await polar.refusal(old, { now: undefined })).code).toBe('id_token_expired');
  });

  it('can replace fetch', async () => {
    const asked: string[] = [];
    const mine: VerifyIdTokenOptions['fetch'] = async (input) => {
      asked.push(input);
      return Response.json({ keys: [key.jwk] });
    };
    expect(await polar.verify(goodToken(), { fetch: mine })).toEqual(payload);
    expect([asked, polar.server.requests]).toEqual([[`${polar.server.url}/.well-known/jwks.json`], []]);
  });

  it('default to the platform’s fetch', async () => {
    expect(await polar.verify(goodToken(), { fetch: undefined })).toEqual(payload);
    expect(polar.server.requests).toHaveLength(1);
  });

  it('are read anew for each server object of a class', async () => {
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
    await polar.verify(token, { server: new Server(polar.server.url, 'https://polar.sh') });
    const other = { server: new Server(polar.server.url, 'https://other.example') };
    expect((await polar.refusal(token, other)).code).toBe('id_token_issuer');
  });

  it('are refused with a server that has no JSON, instead of the default server', async () => {
    const keys = [key.jwk as object];
    await polar.verify(goodToken(), { server: undefined, jwks: { keys } });
    for (const none of [() => 'sandbox', Symbol('sandbox')])
      await expect(polar.verify(goodToken(), { server: none as never, jwks: { keys } })).rejects.toThrow(
        PolarConfigurationError,
      );
  });

  it('can name another issuer', async () => {
    const token = signIdToken(key, { payload: { ...payload, iss: 'https://id.example/' } });
    const elsewhere = { webURL: polar.server.url, apiURL: polar.server.url, issuer: 'https://id.example/' };
    expect((await polar.verify(token, { server: elsewhere })).iss).toBe('https://id.example/');
    expect((await polar.refusal(token)).code).toBe('id_token_issuer');
  });

  it('apply to the client, the nonce and the access token', async () => {
    expect((await polar.refusal(goodToken(), { clientID: 'polar_ci_2' })).code).toBe('id_token_audience');
    expect((await polar.refusal(goodToken(), { nonce: 'nonce-2' })).code).toBe('id_token_nonce');
    expect((await polar.refusal(goodToken(), { accessToken: 'polar_at_u_2' })).code).toBe(
      'id_token_access_token_hash',
    );
  });

  it.each([[Number.NaN], ['30'], [-1], [Number.POSITIVE_INFINITY]])(
    'are refused with a clock tolerance of %p',
    async (clockToleranceSeconds) => {
      await expect(
        polar.verify(goodToken(), { clockToleranceSeconds: clockToleranceSeconds as number }),
      ).rejects.toThrow(/^clockToleranceSeconds/);
    },
  );
});
