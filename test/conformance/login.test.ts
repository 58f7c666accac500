/** Logins at a provider that deviates in one way each, configured by discovery and by its addresses. */
import { describe, expect, it } from '@jest/globals';
import { type LoginCase, securityCases, suiteCases } from './cases.js';
import { honestKeys } from './provider/keys.js';
import { type Endpoint, type Provider, type ProviderOptions, startProvider } from './provider/provider.js';
import {
  closesAfterEach,
  expectLogin,
  expectRefusal,
  type KnownBy,
  logIn,
  type RelyingParty,
  startRelyingParty,
} from './relying-party.js';

const opening = closesAfterEach();
let provider: Provider;
let app: RelyingParty;

async function start(options: ProviderOptions = {}, strategy: Parameters<typeof startRelyingParty>[1] = {}) {
  provider = opening(await startProvider(options));
  app = opening(await startRelyingParty(provider, strategy));
  return app.browser();
}

const upToCallback = (by: KnownBy): Endpoint[] =>
  by === 'discovery' ? ['discovery', 'authorize'] : ['authorize'];
const logsIn: readonly Endpoint[] = ['token', 'jwks', 'userinfo'];
const titleOf = ({ name, code }: LoginCase): string =>
  code === undefined ? `succeeds in the case ${name}` : `fails with ${code} in the case ${name}`;

describe.each<KnownBy>(['discovery', 'addresses'])('a login at a provider that is configured by %s', (by) => {
  const run = async ({ misbehaviour, code, calls: callsOfLogin }: LoginCase) => {
    const browser = await start({}, { by });
    provider.misbehave(misbehaviour(provider));
    const outcome = await logIn(browser);
    const calls = [...upToCallback(by), ...callsOfLogin];
    if (code === undefined) await expectLogin(provider, browser, outcome, calls);
    else await expectRefusal(app, provider, browser, outcome, { code, calls });
  };

  for (const each of suiteCases) it(titleOf(each), () => run(each));

  it('requests the scopes and reads their claims (oidcc-client-test-scope-userinfo-claims)', async () => {
    const browser = await start({}, { by, scope: ['openid', 'profile', 'email'] });
    await expectLogin(provider, browser, await logIn(browser), [...upToCallback(by), ...logsIn]);
    const asked = provider.requests.find(({ endpoint }) => endpoint === 'authorize')?.url ?? '';
    expect(new URL(asked, provider.origin).searchParams.get('scope')).toBe('openid profile email');
    expect((await browser.get('/me')).body.user).toMatchObject({
      displayName: 'Ada Lovelace',
      emails: [{ value: 'ada@example.com', verified: true }],
      _json: { name: 'Ada Lovelace', email: 'ada@example.com', iss: provider.issuer },
    });
  });

  it('sends the access token to userinfo in the header (oidcc-client-test-userinfo-bearer-header)', async () => {
    const browser = await start({}, { by });
    await expectLogin(provider, browser, await logIn(browser), [...upToCallback(by), ...logsIn]);
    const { method, headers, url, body } = provider.requests.at(-1) ?? {};
    expect([method, headers?.authorization, body]).toEqual(['GET', `Bearer ${provider.accessTokens[0]}`, '']);
    expect(url).not.toContain('?');
  });

  it('authenticates with client_secret_basic (oidcc-client-test-client-secret-basic)', async () => {
    const browser = await start(
      { authMethod: 'client_secret_basic' },
      { by, tokenEndpointAuthMethod: 'client_secret_basic' },
    );
    await expectLogin(provider, browser, await logIn(browser), [...upToCallback(by), ...logsIn]);
  });

  it('form-encodes id and secret for client_secret_basic (oidcc-client-test-client-secret-basic)', async () => {
    const browser = await start(
      {
        authMethod: 'client_secret_basic',
        clientID: "id:&+%= ü'()*~é",
        clientSecret: 'secret:&+%= ü!$,/?@[]',
      },
      { by, tokenEndpointAuthMethod: 'client_secret_basic' },
    );
    await expectLogin(provider, browser, await logIn(browser), [...upToCallback(by), ...logsIn]);
    const { headers, form } = provider.requests.find(({ endpoint }) => endpoint === 'token') ?? {};
    const pair = Buffer.from(headers?.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
    expect(pair).toBe(
      'id%3A%26%2B%25%3D+%C3%BC%27%28%29*%7E%C3%A9:secret%3A%26%2B%25%3D+%C3%BC%21%24%2C%2F%3F%40%5B%5D',
    );
    expect(Object.keys(form ?? {}).sort()).toEqual(['code', 'code_verifier', 'grant_type', 'redirect_uri']);
  });

  it('survives a rotation of the provider’s keys (oidcc-client-test-signing-key-rotation)', async () => {
    const browser = await start({}, { by });
    await expectLogin(provider, browser, await logIn(browser), [...upToCallback(by), ...logsIn]);
    provider.replaceKeys();
    const next = app.browser();
    await expectLogin(provider, next, await logIn(next), ['authorize', ...logsIn]);
    // The new keys are cached now.
    const last = app.browser();
    await expectLogin(provider, last, await logIn(last), ['authorize', 'token', 'userinfo']);
  });

  for (const each of securityCases) it(titleOf(each), () => run(each));
});

it('logins survive many rotations of keys in a row (oidcc-client-test-signing-key-rotation)', async () => {
  await start();
  for (let rotation = 1; rotation <= 20; rotation++) {
    provider.replaceKeys(honestKeys(rotation % 2));
    expect(await logIn(app.browser())).toEqual({ status: 200, code: undefined });
  }
  expect(provider.complaints).toEqual([]);
});

describe('a trailing slash of the issuer', () => {
  it.each<KnownBy>(['discovery', 'addresses'])(
    'works when the provider is configured by %s (oidcc-client-test)',
    async (by) => {
      const browser = await start({ issuerPath: '/' }, { by });
      await expectLogin(provider, browser, await logIn(browser), [...upToCallback(by), ...logsIn]);
    },
  );

  it.each([
    ['/', 'one slash too few', (issuer: string) => issuer.slice(0, -1)],
    ['', 'one slash too many', (issuer: string) => `${issuer}/`],
  ])(
    'must match: the issuer ends in "%s", and the iss has %s (oidcc-client-test-invalid-iss)',
    async (issuerPath, _what, iss) => {
      const browser = await start({ issuerPath });
      provider.misbehave({ claims: (honest) => ({ ...honest, iss: iss(provider.issuer) }) });
      await expectRefusal(app, provider, browser, await logIn(browser), {
        code: 'id_token_issuer',
        calls: [...upToCallback('discovery'), 'token', 'jwks'],
      });
    },
  );
});
