/** Organizations that enforce SSO, through which no user signs in here. */
import { describe, expect, it } from '@jest/globals';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { ACME, ENGINES, LocalPolar, slugs } from './support/local-polar.js';

const polar = new LocalPolar();

const slugsFor = async (accessToken: string) => slugs(await polar.get('/v1/organizations/', accessToken));
const read = (id: string, accessToken: string) => polar.get(`/v1/organizations/${id}`, accessToken);
const issue = (organization?: string) => polar.issue({ organization });

describe('enforcing SSO', () => {
  it('hides the organization from unlimited tokens and revokes those that are limited to it', async () => {
    const [unlimited, acme, engines] = [issue(), issue('acme'), issue('analytical-engines')];
    polar.emulator.enforceSSO('acme');
    expect(await slugsFor(unlimited)).toEqual(['analytical-engines']);
    expect(await read(ACME, unlimited)).toMatchObject({ status: 404, json: { error: 'ResourceNotFound' } });
    expect((await read(ENGINES, unlimited)).status).toBe(200);
    expect((await polar.userinfo(acme)).status).toBe(401);
    expect(await slugsFor(engines)).toEqual(['analytical-engines']);
  });

  it('keeps a token that came through SSO', async () => {
    polar.emulator.enforceSSO(ACME);
    const throughSSO = issue('acme');
    polar.emulator.enforceSSO(ACME); // is already enforced
    expect(await slugsFor(throughSSO)).toEqual(['acme']);
    expect((await read(ACME, throughSSO)).json).toMatchObject({ sso_enforced: true });
  });

  it('can be undone, and is undone by a reset', async () => {
    const unlimited = issue();
    polar.emulator.enforceSSO('acme');
    polar.emulator.enforceSSO('acme', false);
    expect(await slugsFor(unlimited)).toEqual(['acme', 'analytical-engines']);
    expect((await read(ACME, unlimited)).json).toMatchObject({ sso_enforced: false });
    polar.emulator.enforceSSO('acme');
    polar.emulator.reset();
    expect(await slugsFor(issue())).toEqual(['acme', 'analytical-engines']);
  });

  it('needs an existing organization', () => {
    expect(() => polar.emulator.enforceSSO('nope')).toThrow(
      'Unknown organization nope. Organizations: acme, analytical-engines, compilers.',
    );
  });
});

describe('a login while an organization enforces SSO', () => {
  const error = { error: 'invalid_request', error_description: `Organization ${ACME} is not accessible` };

  it('cannot be limited to that organization', async () => {
    polar.emulator.enforceSSO('acme');
    expect(await polar.authorize({ organizations: ACME })).toMatchObject({ status: 400, json: error });
    expect((await polar.authorize({ organizations: ENGINES })).status).toBe(302);
    const url = polar.emulator.url + polar.authorizePath();
    await expect(polar.emulator.authorize(url, { organizations: ['acme'] })).rejects.toThrow(
      `Organization ${ACME} is not accessible`,
    );
  });

  it('does not offer that organization', async () => {
    polar.emulator.enforceSSO('acme');
    const code = await polar.code({ sub_type: 'organization', prompt: 'consent' });
    const { json } = await polar.exchange(code);
    expect((await polar.introspect(String(json['access_token'])))['organizations']).toEqual([ENGINES]);
    polar.emulator.consent = 'ask';
    const { text } = await polar.authorize({ prompt: 'consent' });
    expect(text).toContain(ENGINES);
    expect(text).not.toContain(ACME);
  });

  it('cannot be limited to that organization through the web grant either', async () => {
    polar.client = polar.register({ grantTypes: ['web'] });
    polar.emulator.enforceSSO('acme');
    const session_token = polar.emulator.createSession('ada@example.com');
    const ask = (sub: string) =>
      polar.token({ grant_type: 'web', session_token, sub_type: 'organization', sub });
    expect(await ask(ACME)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } });
    expect((await ask(ENGINES)).status).toBe(200);
  });
});

it('SSO can be enforced from the start', async () => {
  const emulator = await startPolarEmulator({
    users: [
      { email: 'ada@example.com', organizations: [{ slug: 'acme', ssoEnforced: true }, { slug: 'beta' }] },
    ],
  });
  const { clientID } = emulator.registerClient({ redirectURIs: ['http://localhost/cb'] });
  const visible = async () => {
    const { accessToken } = emulator.issueTokens({ clientID, user: 'ada@example.com' });
    const headers = { authorization: `Bearer ${accessToken}` };
    const response = await fetch(`${emulator.url}/v1/organizations/`, { headers });
    return ((await response.json()) as { items: { slug: string }[] }).items.map(({ slug }) => slug);
  };
  expect(await visible()).toEqual(['beta']);
  emulator.enforceSSO('acme', false);
  expect(await visible()).toEqual(['acme', 'beta']);
  emulator.reset();
  expect(await visible()).toEqual(['beta']);
  await emulator.close();
});
