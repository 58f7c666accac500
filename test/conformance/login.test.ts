/** One login each, at a provider that departs from what is right in one way; known by discovery, and by its addresses. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { type LoginCase, securityCases, suiteCases } from './cases.js';
import { honestKeys } from './provider/keys.js';
import { type Endpoint, type Provider, type ProviderOptions, startProvider } from './provider/provider.js';
import {
  expectLogin,
  expectRefusal,
  type KnownBy,
  logIn,
  type RelyingParty,
  startRelyingParty,
} from './relying-party.js';

let provider: Provider;
let app: RelyingParty;
afterEach(async () => {
  await app.close();
  await provider.close();
});

async function start(options: ProviderOptions = {}, strategy: Parameters<typeof startRelyingParty>[1] = {}) {
  provider = await startProvider(options);
  app = await startRelyingParty(provider, strategy);
  return app.browser();
}

const upToCallback = (by: KnownBy): Endpoint[] =>
  by === 'discovery' ? ['discovery', 'authorize'] : ['authorize'];
const logsIn: readonly Endpoint[] = ['token', 'jwks', 'userinfo'];

describe.each<KnownBy>(['discovery', 'addresses'])('with the provider known by %s', (by) => {
  const run = async ({ misbehaviour, code, calls: callsOfLogin }: LoginCase) => {
    const browser = await start({}, { by });
    provider.misbehave(misbehaviour(provider));
    const outcome = await logIn(browser);
    const calls = [...upToCallback(by), ...callsOfLogin];
    if (code === undefined) await expectLogin(provider, browser, outcome, calls);
    else await expectRefusal(app, provider, browser, outcome, { code, calls });
  };

  for (const each of suiteCases) it(each.name, () => run(each));

  it('oidcc-client-test-scope-userinfo-claims', async () => {
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

  it('oidcc-client-test-userinfo-bearer-header', async () => {
    const browser = await start({}, { by });
    await expectLogin(provider, browser, await logIn(browser), [...upToCallback(by), ...logsIn]);
    const { method, headers, url, body } = provider.requests.at(-1) ?? {};
    expect([method, headers?.authorization, body]).toEqual(['GET', `Bearer ${provider.accessTokens[0]}`, '']);
    expect(url).not.toContain('?');
  });

  it('oidcc-client-test-client-secret-basic', async () => {
    const browser = await start(
      { authMethod: 'client_secret_basic' },
      { by, tokenEndpointAuthMethod: 'client_secret_basic' },
    );
    await expectLogin(provider, browser, await logIn(browser), [...upToCallback(by), ...logsIn]);
  });

  it('oidcc-client-test-client-secret-basic, id and secret form-encoded', async () => {
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

  it('oidcc-client-test-signing-key-rotation', async () => {
    const browser = await start({}, { by });
    await expectLogin(provider, browser, await logIn(browser), [...upToCallback(by), ...logsIn]);
    provider.replaceKeys();
    const next = app.browser();
    await expectLogin(provider, next, await logIn(next), ['authorize', ...logsIn]);
    // The new keys are known now.
    const last = app.browser();
    await expectLogin(provider, last, await logIn(last), ['authorize', 'token', 'userinfo']);
  });

  for (const each of securityCases) it(each.name, () => run(each));
});

it('oidcc-client-test-signing-key-rotation, many times in a row', async () => {
  await start();
  for (let rotation = 1; rotation <= 20; rotation++) {
    provider.replaceKeys(honestKeys(rotation % 2));
    expect(await logIn(app.browser())).toEqual({ status: 200, code: undefined });
  }
  expect(provider.complaints).toEqual([]);
});

describe('an issuer that ends in a slash', () => {
  it.each<KnownBy>(['discovery', 'addresses'])('oidcc-client-test, known by %s', async (by) => {
    const browser = await start({ issuerPath: '/' }, { by });
    await expectLogin(provider, browser, await logIn(browser), [...upToCallback(by), ...logsIn]);
  });

  it.each([
    ['/', 'a slash too few', (issuer: string) => issuer.slice(0, -1)],
    ['', 'a slash too many', (issuer: string) => `${issuer}/`],
  ])('oidcc-client-test-invalid-iss: ends in "%s", %s', async (issuerPath, _what, iss) => {
    const browser = await start({ issuerPath });
    provider.misbehave({ claims: (honest) => ({ ...honest, iss: iss(provider.issuer) }) });
    await expectRefusal(app, provider, browser, await logIn(browser), {
      code: 'id_token_issuer',
      calls: [...upToCallback('discovery'), 'token', 'jwks'],
    });
  });
});
