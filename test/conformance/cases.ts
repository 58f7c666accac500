/**
 * The relying-party tests of the OpenID Foundation's conformance suite (response_type=code, static client) that concern
 * one login: how the provider misbehaves, and what the app has to do. The names are the suite's own.
 */
import {
  forgedWith,
  hs256,
  hs256WithPublicKey,
  signedWith,
  unsigned,
  withBadSignature,
} from './provider/id-token.js';
import { keysWithoutKid, providerKey, rsaKeysWithoutKid } from './provider/keys.js';
import type { Endpoint, Misbehaviour, Provider } from './provider/provider.js';

/** One login at a provider that deviates in one way. */
export interface LoginCase {
  readonly name: string;
  readonly misbehaviour: (provider: Provider) => Misbehaviour;
  /** The package's error code if the login has to be refused. */
  readonly code?: string;
  /** The endpoints that are called after the browser has come back. */
  readonly calls: readonly Endpoint[];
}

const logsIn: readonly Endpoint[] = ['token', 'jwks', 'userinfo'];
// Wrong whatever the keys are.
const withoutKeys: readonly Endpoint[] = ['token', 'jwks'];
// No key fits, so there may be new ones.
const looksForNewKeys: readonly Endpoint[] = ['token', 'jwks', 'jwks'];

const without =
  (name: string) =>
  ({ [name]: _, ...rest }: Readonly<Record<string, unknown>>) =>
    rest;
const seconds = (claims: Readonly<Record<string, unknown>>, name: string): number => claims[name] as number;

const accepted = (
  name: string,
  misbehaviour: (provider: Provider) => Misbehaviour = () => ({}),
  calls = logsIn,
): LoginCase => ({ name, misbehaviour, calls });

const rejected = (
  name: string,
  code: string,
  misbehaviour: (provider: Provider) => Misbehaviour,
  calls = withoutKeys,
): LoginCase => ({ name, code, misbehaviour, calls });

/** Cases with the suite's names. */
export const suiteCases: readonly LoginCase[] = [
  accepted('oidcc-client-test'),
  rejected('oidcc-client-test-invalid-iss', 'id_token_issuer', () => ({
    claims: (honest) => ({ ...honest, iss: `${honest['iss']}1` }),
  })),
  rejected('oidcc-client-test-missing-sub', 'id_token_subject', () => ({ claims: without('sub') })),
  rejected('oidcc-client-test-invalid-aud', 'id_token_audience', () => ({
    claims: (honest) => ({ ...honest, aud: `${honest['aud']}1` }),
  })),
  rejected('oidcc-client-test-missing-aud', 'id_token_audience', () => ({ claims: without('aud') })),
  rejected('oidcc-client-test-missing-iat', 'id_token_issued_at', () => ({ claims: without('iat') })),
  rejected('oidcc-client-test-nonce-invalid', 'id_token_nonce', () => ({
    claims: (honest) => ({ ...honest, nonce: `${honest['nonce']}1` }),
  })),
  accepted('oidcc-client-test-kid-absent-single-jwks', () => ({ keys: keysWithoutKid() })),
  accepted('oidcc-client-test-kid-absent-multiple-jwks', () => {
    const keys = rsaKeysWithoutKid();
    return { keys, signingKey: keys[2] as (typeof keys)[0] };
  }),
  accepted('oidcc-client-test-idtoken-sig-rs256', () => ({ sign: signedWith('RS256') })),
  rejected('oidcc-client-test-idtoken-sig-none', 'id_token_algorithm', () => ({ sign: unsigned }), ['token']),
  rejected(
    'oidcc-client-test-invalid-sig-rs256',
    'id_token_signature',
    () => ({ sign: withBadSignature(signedWith()) }),
    looksForNewKeys,
  ),
  rejected(
    'oidcc-client-test-invalid-sig-hs256',
    'id_token_algorithm',
    ({ clientSecret }) => ({ sign: withBadSignature((claims) => hs256(claims, clientSecret)) }),
    ['token'],
  ),
  rejected(
    'oidcc-client-test-invalid-sig-es256',
    'id_token_algorithm',
    () => {
      const key = providerKey('P-256', 0);
      return {
        keys: [providerKey('RSA', 0), key],
        signingKey: key,
        sign: withBadSignature(signedWith('ES256')),
      };
    },
    ['token'],
  ),
  rejected(
    'oidcc-client-test-userinfo-invalid-sub',
    'userinfo_sub_mismatch',
    () => ({ userinfo: (honest) => ({ ...honest, sub: `${honest['sub']}1` }) }),
    logsIn,
  ),
  accepted('oidcc-client-test-signing-key-rotation-just-before-signing', (provider) => ({
    beforeSigning: () => provider.replaceKeys(),
  })),
];

/** Cases from the FAPI 2.0 and OAuth security profiles, and further attacks. */
export const securityCases: readonly LoginCase[] = [
  rejected('id-token-missing', 'id_token_missing', () => ({ tokenResponse: without('id_token') }), ['token']),
  rejected('id-token-is-no-jwt', 'id_token_malformed', () => ({ sign: () => 'not.a-jwt' }), ['token']),
  rejected('missing-iss', 'id_token_issuer', () => ({ claims: without('iss') })),
  rejected('empty-sub', 'id_token_subject', () => ({ claims: (honest) => ({ ...honest, sub: '' }) })),
  rejected('missing-nonce', 'id_token_nonce', () => ({ claims: without('nonce') })),
  rejected('null-nonce', 'id_token_nonce', () => ({ claims: (honest) => ({ ...honest, nonce: null }) })),
  rejected('expired-exp', 'id_token_expired', () => ({
    claims: (honest) => ({ ...honest, exp: seconds(honest, 'iat') - 300 }),
  })),
  rejected('missing-exp', 'id_token_expired', () => ({ claims: without('exp') })),
  rejected('iat-is-week-in-past', 'id_token_issued_at', () => ({
    claims: (honest) => ({ ...honest, iat: seconds(honest, 'iat') - 7 * 86_400 }),
  })),
  rejected('iat-is-in-the-future', 'id_token_issued_at', () => ({
    claims: (honest) => ({
      ...honest,
      iat: seconds(honest, 'iat') + 3600,
      exp: seconds(honest, 'exp') + 3600,
    }),
  })),
  rejected('extra-aud-without-azp', 'id_token_authorized_party', () => ({
    claims: (honest) => ({ ...honest, aud: [honest['aud'], 'another-client'] }),
  })),
  rejected('azp-of-another-client', 'id_token_authorized_party', () => ({
    claims: (honest) => ({ ...honest, azp: 'another-client' }),
  })),
  rejected('extra-aud-with-azp-of-another-client', 'id_token_authorized_party', () => ({
    claims: (honest) => ({ ...honest, aud: [honest['aud'], 'another-client'], azp: 'another-client' }),
  })),
  rejected('wrong-at-hash', 'id_token_access_token_hash', () => ({
    claims: (honest) => ({ ...honest, at_hash: `${honest['at_hash']}`.split('').reverse().join('') }),
  })),
  rejected('hs256-with-the-public-key', 'id_token_algorithm', () => ({ sign: hs256WithPublicKey }), [
    'token',
  ]),
  rejected(
    'key-in-the-header',
    'id_token_signature',
    () => ({ sign: forgedWith(providerKey('RSA', 50), { jwk: providerKey('RSA', 50).jwk }) }),
    looksForNewKeys,
  ),
  // A client that used it would call userinfo once more, which the trace would show.
  rejected(
    'key-set-in-the-header',
    'id_token_signature',
    ({ origin }) => ({ sign: forgedWith(providerKey('RSA', 50), { jku: `${origin}/userinfo` }) }),
    looksForNewKeys,
  ),
  rejected(
    'key-for-encryption',
    'id_token_signature',
    () => {
      const key = providerKey('RSA', 100, { use: 'enc' });
      return { keys: [providerKey('RSA', 0), key], signingKey: key };
    },
    looksForNewKeys,
  ),
  rejected(
    'no-keys',
    'id_token_signature',
    () => ({ keys: [], signingKey: providerKey('RSA', 0) }),
    looksForNewKeys,
  ),
  rejected(
    'token-type-of-another-kind',
    'malformed_response',
    () => ({ tokenResponse: (honest) => ({ ...honest, token_type: 'DPoP' }) }),
    ['token'],
  ),
  rejected('token-type-missing', 'malformed_response', () => ({ tokenResponse: without('token_type') }), [
    'token',
  ]),
  rejected('access-token-missing', 'malformed_response', () => ({ tokenResponse: without('access_token') }), [
    'token',
  ]),
  rejected(
    'access-token-that-breaks-a-header',
    'malformed_response',
    () => ({ tokenResponse: (honest) => ({ ...honest, access_token: `${honest['access_token']}\r\nx: y` }) }),
    ['token'],
  ),
  rejected('userinfo-missing-sub', 'malformed_response', () => ({ userinfo: without('sub') }), logsIn),
  accepted('aud-is-a-list', () => ({ claims: (honest) => ({ ...honest, aud: [honest['aud']] }) })),
  accepted('extra-aud-with-our-azp', () => ({
    claims: (honest) => ({ ...honest, aud: [honest['aud'], 'another-client'], azp: honest['aud'] }),
  })),
  accepted('at-hash-missing', () => ({ claims: without('at_hash') })),
  accepted('token-type-case-insensitivity', () => ({
    tokenResponse: (honest) => ({ ...honest, token_type: 'bEARER' }),
  })),
  accepted('refresh-token-missing', () => ({ tokenResponse: without('refresh_token') })),
  accepted('unknown-fields', () => ({
    claims: (honest) => ({ ...honest, custom: { deep: [1] } }),
    tokenResponse: (honest) => ({ ...honest, custom: 1, scope: null, expires_in: null }),
    metadata: (honest) => ({ ...honest, custom: [1] }),
  })),
];
