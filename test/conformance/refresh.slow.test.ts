/** Tokens after the login: refreshed id_tokens are verified, and refused tokens leave nothing behind. */
import { describe, expect, it } from '@jest/globals';
import type { Browser } from '../support/browser.js';
import { answersJSON, answersText, type Behaviour, redirects } from '../support/misbehaving-server.js';
import { signedWith, unsigned, withBadSignature } from './provider/id-token.js';
import {
  type Endpoint,
  type Misbehaviour,
  type Provider,
  type ProviderOptions,
  startProvider,
} from './provider/provider.js';
import {
  closesAfterEach,
  expectLogin,
  expectNoSecrets,
  logIn,
  type RelyingParty,
  startRelyingParty,
  storedText,
} from './relying-party.js';

const opening = closesAfterEach();
let provider: Provider;
let app: RelyingParty;
let browser: Browser;

/** Logs a user in; the tokens are then old enough for the provider to have committed them. */
async function start(options: ProviderOptions = {}): Promise<void> {
  provider = opening(await startProvider(options));
  app = opening(await startRelyingParty(provider));
  browser = app.browser();
  const calls: Endpoint[] = ['discovery', 'authorize', 'token', 'jwks', 'userinfo'];
  await expectLogin(provider, browser, await logIn(browser), calls);
  provider.clock.advance(60);
}

const refresh = async () => (await browser.get('/polar/token?force=1')).body;
const currentToken = async () => (await browser.get('/polar/token')).body;

describe('a refresh token (oidcc-client-test-refresh-token)', () => {
  it('may need form-encoding, rotates, and returns an id_token', async () => {
    await start();
    for (let time = 1; time <= 3; time++) {
      expect(await refresh()).toEqual({ accessToken: provider.accessTokens[time] });
      provider.clock.advance(60);
    }
    expect(await currentToken()).toEqual({ accessToken: provider.accessTokens[3] });
    expect(provider.takeCalls()).toEqual(['token', 'token', 'token']);
    expect(provider.complaints).toEqual([]);
    const { form } = provider.requests.at(-1) ?? {};
    expect(form?.['refresh_token']).toMatch(/^refresh &a\+b%20c= ~-/);
    expect((await browser.get('/me')).body.user.id).toBe(provider.subject);
  });

  it('is used when the access token has expired', async () => {
    await start({ expiresIn: 3600 });
    expect(await currentToken()).toEqual({ accessToken: provider.accessTokens[0] });
    provider.clock.advance(3600);
    expect(await currentToken()).toEqual({ accessToken: provider.accessTokens[1] });
    expect(await currentToken()).toEqual({ accessToken: provider.accessTokens[1] });
    // The cached keys are too old.
    expect(provider.takeCalls()).toEqual(['token', 'jwks']);
  });

  it('is sent with client_secret_basic if the client is registered so', async () => {
    provider = opening(
      await startProvider({
        authMethod: 'client_secret_basic',
        clientID: 'id:&+%= ü',
        clientSecret: 'secret:&+%= ü',
      }),
    );
    app = opening(await startRelyingParty(provider, { tokenEndpointAuthMethod: 'client_secret_basic' }));
    browser = app.browser();
    await logIn(browser);
    expect(await refresh()).toEqual({ accessToken: provider.accessTokens[1] });
    expect(provider.complaints).toEqual([]);
  });

  it.each<[string, Misbehaviour]>([
    ['no nonce', { claims: ({ nonce: _, ...rest }) => rest }],
    ['another iat', { claims: (honest) => ({ ...honest, iat: (honest['iat'] as number) - 5 }) }],
    [
      'an iat from a clock ahead of ours',
      { claims: (honest) => ({ ...honest, iat: (honest['iat'] as number) + 120 }) },
    ],
    ['our client as azp', { claims: (honest) => ({ ...honest, azp: honest['aud'] }) }],
  ])('may bring an id_token with %s', async (_what, misbehaviour) => {
    await start();
    provider.misbehave(misbehaviour);
    expect(await refresh()).toEqual({ accessToken: provider.accessTokens[1] });
  });

  it.each<[string, Misbehaviour, string | undefined]>([
    ['no id_token', { tokenResponse: ({ id_token: _, ...rest }) => rest }, undefined],
    ['no new refresh token', { tokenResponse: ({ refresh_token: _, ...rest }) => rest }, undefined],
  ])('may bring %s', async (_what, misbehaviour) => {
    await start();
    provider.misbehave(misbehaviour);
    expect(await refresh()).toEqual({ accessToken: provider.accessTokens[1] });
  });
});

describe('a login whose refreshed tokens are wrong', () => {
  const refusals: readonly (readonly [name: string, code: string, misbehaviour: Misbehaviour])[] = [
    [
      'an invalid issuer (oidcc-client-test-refresh-token-invalid-issuer)',
      'id_token_issuer',
      { claims: (honest) => ({ ...honest, iss: `${honest['iss']}1` }) },
    ],
    [
      'an invalid sub (oidcc-client-test-refresh-token-invalid-sub)',
      'id_token_subject',
      { claims: (honest) => ({ ...honest, sub: `${honest['sub']}1` }) },
    ],
    ['another audience', 'id_token_audience', { claims: (honest) => ({ ...honest, aud: 'another-client' }) }],
    [
      'another azp',
      'id_token_authorized_party',
      { claims: (honest) => ({ ...honest, azp: 'another-client' }) },
    ],
    ['another nonce', 'id_token_nonce', { claims: (honest) => ({ ...honest, nonce: 'another' }) }],
    [
      'an exp in the past',
      'id_token_expired',
      { claims: (honest) => ({ ...honest, exp: (honest['iat'] as number) - 60 }) },
    ],
    [
      'a wrong at_hash',
      'id_token_access_token_hash',
      { claims: (honest) => ({ ...honest, at_hash: 'another' }) },
    ],
    ['no signature', 'id_token_algorithm', { sign: unsigned }],
    ['a bad signature', 'id_token_signature', { sign: withBadSignature(signedWith()) }],
  ];

  it.each(refusals)('ends, and keeps none of the tokens: %s (%s)', async (_name, code, misbehaviour) => {
    await start();
    provider.misbehave(misbehaviour);
    // The old tokens are dead, and the new ones may be another user's: nothing is left of the login.
    expect(await refresh()).toEqual({ code: 'login_expired' });
    expect(app.errors.at(-1)).toMatchObject({ status: 401, cause: { code } });
    expect(provider.takeCalls()).toEqual(code === 'id_token_signature' ? ['token', 'jwks'] : ['token']);
    await expectOver();
  });

  it.each(refusals)(
    'ends even after the old tokens have expired: %s (%s)',
    async (_name, code, misbehaviour) => {
      await start({ expiresIn: 3600 });
      provider.clock.advance(3600);
      provider.misbehave(misbehaviour);
      expect(await currentToken()).toEqual({ code: 'login_expired' });
      expect(app.errors.at(-1)).toMatchObject({ status: 401, cause: { code } });
      provider.takeCalls();
      await expectOver();
    },
  );

  it('is in doubt if only the token_type is wrong', async () => {
    await start();
    provider.misbehave({ tokenResponse: (honest) => ({ ...honest, token_type: 'DPoP' }) });
    expect(await refresh()).toEqual({ code: 'malformed_response' });
    expect(provider.takeCalls()).toEqual(['token']);
    expectNothingKept();
    // The old access token has not expired, as far as the app knows.
    expect(await currentToken()).toEqual({ accessToken: provider.accessTokens[0] });
    expect(provider.takeCalls()).toEqual([]);
    // The provider has rotated the refresh token, so this login is over.
    provider.misbehave({});
    expect(await refresh()).toEqual({ code: 'login_expired' });
    expect(provider.accessTokens).toHaveLength(2);
    expectNothingKept();
  });

  /** The provider gets no more requests about this login, and its old token is not returned, even if it has not expired. */
  async function expectOver(): Promise<void> {
    provider.misbehave({});
    for (let time = 0; time < 2; time++) {
      expect((await browser.get('/polar/token')).status).toBe(401);
      expect((await browser.get('/polar/token?force=1')).status).toBe(401);
    }
    expect(provider.takeCalls()).toEqual([]);
    expect(provider.accessTokens).toHaveLength(2);
    expect((await browser.get('/me')).body.user.id).toBe(provider.subject);
    expectNothingKept();
  }

  function expectNothingKept(): void {
    const refused = provider.accessTokens[1] as string;
    expect(storedText(app)).toContain(provider.accessTokens[0]);
    expect(storedText(app)).not.toContain(refused);
    expect(provider.complaints).toEqual([]);
    expectNoSecrets(provider, app.errors);
  }
});

describe('a login whose refresh gets a malformed response', () => {
  it.each<[string, Behaviour, string]>([
    ['HTML', answersText('<p>'), 'malformed_response'],
    ['nothing', answersText('', 200, { 'content-type': 'application/json' }), 'malformed_response'],
    ['a redirect', redirects('/token', 307), 'unexpected_redirect'],
    ['503', answersText('', 503), 'server_error'],
    [
      'an echo of the request',
      (res, request) =>
        answersJSON({ error: request.body, error_description: request.body }, 400)(res, request),
      'oauth_error',
    ],
  ])('is kept: %s', async (_what, behaviour, code) => {
    await start();
    provider.misbehave({ answers: { token: behaviour } });
    expect(await refresh()).toEqual({ code });
    expect(provider.takeCalls()).toEqual(['token']);
    expectNoSecrets(provider, app.errors);
    provider.misbehave({});
    expect(await refresh()).toEqual({ accessToken: provider.accessTokens[1] });
  });
});
