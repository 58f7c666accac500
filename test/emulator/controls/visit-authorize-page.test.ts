/** The controls for apps under test: the options of their strategy, and a user who visits the authorize page. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ACME, CALLBACK, ENGINES, LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();
let secret = '';
const authorizeURL = (parameters: Record<string, string> = {}) => {
  const { clientID, clientSecret = '' } = polar.emulator.strategyOptions(CALLBACK);
  secret = clientSecret;
  const query = {
    client_id: clientID,
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid',
    state: 's',
  };
  return `${polar.emulator.webURL}/oauth2/authorize?${new URLSearchParams({ ...query, ...parameters })}`;
};
const codeIn = (path: string) => new URL(path, CALLBACK).searchParams.get('code') ?? '';
const live = () => polar.emulator.liveTokens().at(-1);

async function exchange(path: string, url: string): Promise<void> {
  const body = {
    grant_type: 'authorization_code',
    client_id: new URL(url).searchParams.get('client_id') ?? '',
    client_secret: secret,
    code: codeIn(path),
    redirect_uri: CALLBACK,
  };
  const answer = await fetch(`${polar.emulator.apiURL}/v1/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams(body),
  });
  expect(await answer.json()).toHaveProperty('access_token');
}

describe('strategyOptions', () => {
  it('registers a client for the address and returns all options of the strategy', () => {
    const { emulator } = polar;
    const options = emulator.strategyOptions('https://app.example.com', { name: 'Mine' });
    expect(options).toEqual({
      clientID: expect.stringMatching(/^polar_ci_/),
      clientSecret: expect.stringMatching(/^polar_cs_/),
      callbackURL: 'https://app.example.com/',
      server: emulator.server,
      now: emulator.now,
    });
    expect(emulator.strategyOptions().callbackURL).toBe('http://localhost:3000/auth/polar/callback');
    expect(emulator.strategyOptions().clientID).not.toBe(options.clientID);
  });

  it('leaves the secret out for a public client', () => {
    const { clientSecret } = polar.emulator.strategyOptions(CALLBACK, { tokenEndpointAuthMethod: 'none' });
    expect(clientSecret).toBeUndefined();
  });

  it('refuses addresses that Polar refuses', () => {
    expect(() => polar.emulator.strategyOptions('/callback')).toThrow(/must be an absolute URL/);
    expect(() => polar.emulator.strategyOptions('http://app.example.com/cb')).toThrow(/or http on localhost/);
  });
});

describe.each(['ask', 'auto', 'deny'] as const)('authorize with consent %s', (consent) => {
  beforeEach(() => {
    polar.emulator.consent = consent;
  });

  it('agrees and returns an address with a code that can be exchanged', async () => {
    const url = authorizeURL();
    const path = await polar.emulator.authorize(url);
    expect(path).toMatch(/^\/[^/].*[?&]state=s$/);
    await exchange(path, url);
    expect(live()?.user).toBe('ada@example.com');
    expect(polar.emulator.requests.map(({ endpoint, status }) => [endpoint, status])).toContainEqual([
      'authorize',
      302,
    ]);
    expect(polar.emulator.consent).toBe(consent);
  });

  it('agrees again when the app requests another login', async () => {
    const url = authorizeURL({ prompt: 'login' });
    expect(codeIn(await polar.emulator.authorize(url))).not.toBe('');
  });

  it('can act as another user for one visit', async () => {
    const url = authorizeURL();
    await exchange(await polar.emulator.authorize(url, { user: 'grace@example.com' }), url);
    expect(live()?.user).toBe('grace@example.com');
    expect(polar.emulator.user).toBe('ada@example.com');
    await expect(polar.emulator.authorize(url, { user: 'eve@example.com' })).rejects.toThrow(
      /Unknown user eve@example.com/,
    );
  });

  it('can pick organizations', async () => {
    const url = authorizeURL();
    await exchange(await polar.emulator.authorize(url, { organizations: ['acme', ENGINES] }), url);
    expect(live()?.organizations).toEqual([ACME, ENGINES]);
    const single = authorizeURL({ sub_type: 'organization' });
    await exchange(await polar.emulator.authorize(single), single);
    expect(live()?.organizations).toEqual([ACME]);
  });

  it('can decline', async () => {
    const path = await polar.emulator.authorize(new URL(authorizeURL()), { deny: true });
    expect(path).toContain('error=access_denied');
  });

  it('explains why Polar does not redirect to the app', async () => {
    const { emulator } = polar;
    await expect(emulator.authorize(authorizeURL({ redirect_uri: 'https://evil.example/' }))).rejects.toThrow(
      /returned 400: .*redirect/i,
    );
    await expect(emulator.authorize('https://polar.sh/oauth2/authorize?client_id=x')).rejects.toThrow(
      /redirects to https:\/\/polar.sh\/oauth2\/authorize, not to this local Polar .* `server`/,
    );
    await expect(emulator.authorize(undefined)).rejects.toThrow(
      /Check that the app responded with a redirect/,
    );
    await expect(emulator.authorize(undefined)).rejects.toThrow(
      /Check that the app responded with a redirect/,
    );
    await expect(emulator.authorize('/login')).rejects.toThrow(TypeError);
    await expect(emulator.authorize(authorizeURL(), { organizations: ['acne'] })).rejects.toThrow(
      'Unknown organization acne. Organizations: acme, analytical-engines, compilers.',
    );
    await expect(emulator.authorize(authorizeURL(), { organizations: ['compilers'] })).rejects.toThrow(
      /Organization .* is not accessible/,
    );
    emulator.user = '';
    await expect(emulator.authorize(authorizeURL())).rejects.toThrow(
      'No user is signed in at this local Polar',
    );
    expect(await emulator.authorize(authorizeURL({ prompt: 'none' }))).toContain('error=login_required');
    const path = await emulator.authorize(authorizeURL(), { user: 'grace@example.com' });
    expect(codeIn(path)).toMatch(/^polar_ac_/);
  });
});
