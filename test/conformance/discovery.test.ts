/** Configuration by the metadata document: no request is sent before the document has been checked. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser } from '../support/browser.js';
import { type Misbehaviour, type Provider, startProvider } from './provider/provider.js';
import {
  closesAfterEach,
  expectLogin,
  expectRefusal,
  logIn,
  type RelyingParty,
  startRelyingParty,
} from './relying-party.js';

const opening = closesAfterEach();
let provider: Provider;
let app: RelyingParty;
let browser: Browser;
beforeEach(async () => {
  provider = opening(await startProvider());
});

async function start(strategy: Parameters<typeof startRelyingParty>[1] = {}): Promise<void> {
  app = opening(await startRelyingParty(provider, strategy));
  browser = app.browser();
}

/** The login fails at its start: no redirect, and no request except for the metadata. */
async function expectRefusedAtStart(misbehaviour: Misbehaviour, code = 'discovery_failed'): Promise<void> {
  provider.misbehave(misbehaviour);
  const outcome = await logIn(browser);
  await expectRefusal(app, provider, browser, outcome, { code, calls: ['discovery'] });
  expect(provider.requests.map(({ method, body }) => `${method} ${body}`)).toEqual(['GET ']);
}

const loggedIn = ['discovery', 'authorize', 'token', 'jwks', 'userinfo'] as const;
const named = (issuer: string): Misbehaviour => ({ metadata: (honest) => ({ ...honest, issuer }) });

it('a login uses the jwks_uri of the metadata (oidcc-client-test-discovery-jwks-uri-keys)', async () => {
  await start();
  await expectLogin(provider, browser, await logIn(browser), loggedIn);
  const asked = provider.requests.find(({ endpoint }) => endpoint === 'jwks');
  expect(asked?.url).toMatch(/^\/jwks-[0-9a-f]{12}$/);
});

describe('the issuer of the metadata', () => {
  it('is refused if it does not match the address (oidcc-client-test-discovery-issuer-mismatch)', async () => {
    await start();
    await expectRefusedAtStart(named('https://wrong.example'));
  });

  it.each([
    ['one more character', (issuer: string) => `${issuer}1`],
    ['one more path segment', (issuer: string) => `${issuer}/tenant`],
    ['two more slashes', (issuer: string) => `${issuer}//`],
    ['a scheme in upper case', (issuer: string) => issuer.replace('http:', 'HTTP:')],
    ['no value', () => ''],
  ])('is refused if it has %s (oidcc-client-test-discovery-issuer-mismatch)', async (_what, wrong) => {
    await start();
    await expectRefusedAtStart(named(wrong(provider.issuer)));
  });

  it('is fetched again at the next login after a mismatch', async () => {
    await start();
    await expectRefusedAtStart(named('https://wrong.example'));
    provider.misbehave({});
    await expectLogin(provider, browser, await logIn(browser), loggedIn);
  });

  it('may differ from the address if it is pinned, as for Polar', async () => {
    await start({ server: { discoveryURL: provider.discoveryURL, issuer: 'https://polar.sh' } });
    provider.misbehave({
      ...named('https://polar.sh'),
      claims: (honest) => ({ ...honest, iss: 'https://polar.sh' }),
    });
    await expectLogin(provider, browser, await logIn(browser), loggedIn);
  });

  it('must be the pinned one even if it matches the address', async () => {
    await start({ server: { discoveryURL: provider.discoveryURL, issuer: 'https://polar.sh' } });
    await expectRefusedAtStart({});
  });

  it('is the only issuer whose id_tokens are accepted, pinned or not', async () => {
    await start({ server: { discoveryURL: provider.discoveryURL, issuer: 'https://polar.sh' } });
    provider.misbehave(named('https://polar.sh'));
    await expectRefusal(app, provider, browser, await logIn(browser), {
      code: 'id_token_issuer',
      calls: ['discovery', 'authorize', 'token', 'jwks'],
    });
  });
});

describe('the endpoints of the metadata', () => {
  const fields = ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint'];
  const addresses = ['http://192.0.2.1/x', 'http://example.com/x', 'http://127.0.0.1.example.com/x'];

  it.each(fields.flatMap((field) => addresses.map((address) => [field, address])))(
    'must use https: %s %s',
    async (field, address) => {
      await start();
      await expectRefusedAtStart({ metadata: (honest) => ({ ...honest, [field as string]: address }) });
    },
  );

  it.each([
    'http://[::ffff:192.0.2.1]/x',
    'http://localhost.example.com/x',
    'http://127.0.0.1@example.com/x',
    'https://user:password@example.com/x',
    'javascript:alert(1)',
    'data:application/json,{}',
    'file:///etc/passwd',
    '//example.com/x',
    '/relative',
    ' ',
    7,
    null,
    ['https://example.com/x'],
  ])('must be addresses to which a secret may be sent: %j', async (address) => {
    await start();
    await expectRefusedAtStart({ metadata: (honest) => ({ ...honest, token_endpoint: address }) });
  });

  it('must use https even if none of them does', async () => {
    await start();
    await expectRefusedAtStart({
      metadata: (honest) => ({
        ...honest,
        ...Object.fromEntries(fields.map((field) => [field, 'http://example.com/x'])),
      }),
    });
  });

  it('keep their own query, to which the request is added', async () => {
    await start();
    provider.misbehave({
      metadata: (honest) => ({
        ...honest,
        authorization_endpoint: `${honest['authorization_endpoint']}?tenant=a%26b`,
        token_endpoint: `${honest['token_endpoint']}?tenant=7`,
      }),
    });
    await expectLogin(provider, browser, await logIn(browser), loggedIn);
    expect(provider.requests.find(({ endpoint }) => endpoint === 'authorize')?.url).toContain(
      'tenant=a%26b&',
    );
    expect(provider.requests.find(({ endpoint }) => endpoint === 'token')?.url).toBe('/token?tenant=7');
  });
});
