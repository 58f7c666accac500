/** The example app as it runs with any OpenID provider, configured only by its environment. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type SpawnedApp, spawnApp } from '../example-app/spawned-app.js';
import { Browser } from '../support/browser.js';
import { securityCases, suiteCases } from './cases.js';
import { honestKeys } from './provider/keys.js';
import { type Provider, type ProviderOptions, startProvider } from './provider/provider.js';

interface Site {
  readonly provider: Provider;
  readonly app: SpawnedApp;
}

async function startSite(
  options: ProviderOptions,
  env: (provider: Provider) => Record<string, string>,
): Promise<Site> {
  const provider = await startProvider(options);
  const app = await spawnApp({
    PORT: '0',
    POLAR_CLIENT_ID: provider.clientID,
    POLAR_CLIENT_SECRET: provider.clientSecret,
    POLAR_DISCOVERY_URL: provider.discoveryURL,
    POLAR_FETCH_USERINFO: '1',
    POLAR_SCOPE: 'openid profile email',
    EXPOSE_TOKEN: '1',
    ...env(provider),
  });
  provider.redirectURIs.push(`${app.url}/auth/polar/callback`);
  return { provider, app };
}

const stopSite = async ({ provider, app }: Site): Promise<void> => {
  await app.stop();
  await provider.close();
};

/** A login as far as it gets; resolves with the app's last response. */
async function logIn(browser: Browser) {
  const start = await browser.get('/auth/polar');
  const to = start.headers['location'];
  return to === undefined ? start : browser.get(await browser.visitPolar(new URL(to)));
}

describe('one process of the example app, configured by discovery,', () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite({}, () => ({}));
  });
  afterAll(() => stopSite(site));
  afterEach(() => site.provider.misbehave({ keys: honestKeys() }));

  it.each([...suiteCases, ...securityCases])(
    'behaves as the case requires: $name',
    async ({ misbehaviour, code, calls }) => {
      const { provider, app } = site;
      provider.misbehave(misbehaviour(provider));
      const browser = new Browser(app.url);
      const answer = await logIn(browser);
      // Metadata and keys may be cached from an earlier case.
      const called = provider.takeCalls().filter((call) => call !== 'discovery' && call !== 'jwks');
      expect(called).toEqual(['authorize', ...calls.filter((call) => call !== 'jwks')]);
      expect(provider.complaints).toEqual([]);
      const me = await browser.get('/me');
      if (code === undefined) {
        expect([answer.status, answer.headers['location']]).toEqual([302, '/']);
        expect(me.body.user).toMatchObject({ id: provider.subject, displayName: 'Ada Lovelace' });
      } else {
        expect([answer.status, answer.body.error?.code, me.status]).toEqual([502, code, 401]);
      }
      expect([...provider.secrets].filter((secret) => answer.text.includes(secret))).toEqual([]);
    },
  );

  it('shows no secret in its log', () => {
    const output = site.app.output();
    expect(output).toContain('id_token_issuer');
    expect([...site.provider.secrets].filter((secret) => output.includes(secret))).toEqual([]);
  });
});

describe('the example app with an issuer that ends in a slash, client_secret_basic, and an id and secret that need form-encoding', () => {
  let site: Site;
  beforeAll(async () => {
    const options: ProviderOptions = {
      issuerPath: '/',
      authMethod: 'client_secret_basic',
      clientID: 'id:&+%= ü',
      clientSecret: 'secret:&+%= ü',
    };
    site = await startSite(options, ({ issuer }) => ({
      POLAR_ISSUER: issuer,
      POLAR_AUTH_METHOD: 'client_secret_basic',
    }));
  });
  afterAll(() => stopSite(site));

  it('refuses wrong metadata, then logs in, refreshes, and ends the login at a wrong id_token', async () => {
    const { provider, app } = site;
    const browser = new Browser(app.url);
    provider.misbehave({ metadata: (honest) => ({ ...honest, issuer: `${provider.issuer}1` }) });
    const refused = await logIn(browser);
    expect([refused.status, refused.body.error.code]).toEqual([502, 'discovery_failed']);
    expect(provider.takeCalls()).toEqual(['discovery']);
    provider.misbehave({ metadata: (honest) => ({ ...honest, token_endpoint: 'http://example.com/token' }) });
    expect((await logIn(browser)).body.error.code).toBe('discovery_failed');
    expect(provider.takeCalls()).toEqual(['discovery']);

    provider.misbehave({});
    expect((await logIn(browser)).headers['location']).toBe('/');
    expect(provider.takeCalls()).toEqual(['discovery', 'authorize', 'token', 'jwks', 'userinfo']);
    expect((await browser.get('/token')).body).toEqual({ accessToken: provider.accessTokens[0] });
    expect((await browser.post('/refresh')).status).toBe(200);
    expect((await browser.get('/token')).body).toEqual({ accessToken: provider.accessTokens[1] });

    provider.misbehave({ claims: (honest) => ({ ...honest, sub: 'another' }) });
    expect((await browser.post('/refresh')).body.error.code).toBe('login_expired');
    expect((await browser.get('/token')).status).toBe(401);
    expect(provider.complaints).toEqual([]);
    expect((await browser.post('/logout')).status).toBe(302);
    expect((await browser.get('/me')).status).toBe(401);
  });
});
