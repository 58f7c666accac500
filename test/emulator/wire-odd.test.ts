import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { type WireCase, WireReplay } from './support/wire-replay';
import { expectJSON } from './support/wire-template';

interface OddCase extends Pick<WireCase, 'name' | 'request'> {
  readonly real: WireCase['response'];
}

const { cases } = JSON.parse(readFileSync(join(__dirname, 'polar-wire-odd.json'), 'utf8')) as {
  cases: readonly OddCase[];
};

const CALLBACK = 'http://localhost:4000/auth/polar/callback';
const STRANGER = '99999999-9999-4999-8999-999999999999';

/** The scopes of a case's access token, where they are not `openid email`. */
const TOKENS: Readonly<Record<string, { readonly scope: string; readonly organization?: string }>> = {
  'organizations.version_next': { scope: 'organizations:read' },
  'organizations.page_9': { scope: 'organizations:read' },
  'organizations.get_one': { scope: 'organizations:read' },
  'organizations.org_scoped': { scope: 'organizations:read', organization: 'analytical-engines' },
};

/** The nonce of the login whose id_token a case inspects. */
const NONCES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'idtoken.claims_no_nonce': {},
  'idtoken.claims_empty_nonce': { nonce: '' },
};

describe('the emulator', () => {
  let polar: PolarEmulator;
  let replay: WireReplay;
  let client: ReturnType<PolarEmulator['registerClient']>;

  beforeEach(async () => {
    const organizations = [{ slug: 'analytical-engines' }, { slug: 'bletchley-park' }];
    polar = await startPolarEmulator({
      consent: 'auto',
      // The version that was Polar's default when this was recorded.
      defaultAPIVersion: '2026-04',
      users: [{ email: 'ada@example.com', organizations }],
    });
    client = polar.registerClient({ redirectURIs: [CALLBACK] });
    replay = new WireReplay(polar);
    replay.bind('<a.id>', client.clientID);
    replay.bind('<polar_cs>', client.clientSecret ?? '');
    replay.bind('<polar_crt>', client.registrationAccessToken);
    replay.bind('<uuid>', STRANGER);
  });
  afterEach(() => polar.close());

  it('knows all recorded cases of odd requests', () => {
    const names = cases.map(({ name }) => name);
    expect(names).toHaveLength(25);
    expect(names).toEqual(expect.arrayContaining(Object.keys({ ...TOKENS, ...NONCES })));
  });

  const recorded = cases.filter(({ name }) => !Object.hasOwn(NONCES, name));
  it.each(recorded.map((oddCase) => [oddCase.name, oddCase] as const))(
    'responds to the odd request %s as recorded',
    async (name, oddCase) => {
      const { accessToken } = polar.issueTokens({
        clientID: client.clientID,
        user: polar.user,
        ...(TOKENS[name] ?? { scope: 'openid email' }),
      });
      replay.bind('<polar_at_u>', accessToken);
      await bindOrganizations();
      if (name === 'registration.userinfo_after_delete') await deleteClient();
      await replay.replay({ ...oddCase, response: responseOf(oddCase) });
    },
  );

  it.each(cases.filter(({ name }) => Object.hasOwn(NONCES, name)).map((each) => [each.name, each] as const))(
    'responds to the odd request %s as recorded',
    async (name, { real }) => {
      const [header = '', payload = ''] = (await logIn(NONCES[name] ?? {})).split('.');
      const claims = [header, payload].map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
      expectJSON(claims, real.body, new Map([['<a.id>', client.clientID]]));
      expect(claims[1]?.nonce).toBe(NONCES[name]?.['nonce'] ?? null);
    },
  );

  async function bindOrganizations(): Promise<void> {
    const { accessToken } = polar.issueTokens({
      clientID: client.clientID,
      user: polar.user,
      scope: 'organizations:read',
    });
    const response = await fetch(`${polar.url}/v1/organizations/`, {
      headers: { authorization: `Bearer ${accessToken}` },
    });
    const { items } = (await response.json()) as { items: { id: string }[] };
    for (const [index, { id }] of items.entries()) replay.bind(`<org${index}>`, id);
  }

  async function deleteClient(): Promise<void> {
    const headers = { authorization: `Bearer ${client.registrationAccessToken}` };
    const { status } = await fetch(client.registrationClientURI, { method: 'DELETE', headers });
    expect(status).toBe(204);
  }

  async function logIn(parameters: Readonly<Record<string, string>>): Promise<string> {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: client.clientID,
      redirect_uri: CALLBACK,
      scope: 'openid email',
      ...parameters,
    });
    const { headers } = await fetch(`${polar.url}/oauth2/authorize?${query}`, { redirect: 'manual' });
    const code = new URL(headers.get('location') ?? '').searchParams.get('code') ?? '';
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: CALLBACK,
      client_id: client.clientID,
      client_secret: client.clientSecret ?? '',
    });
    const response = await fetch(`${polar.url}/v1/oauth2/token`, { method: 'POST', body });
    return ((await response.json()) as { id_token: string }).id_token;
  }
});

function responseOf({ request, real }: OddCase): WireCase['response'] {
  const body = JSON.parse(
    JSON.stringify(real.body).replace('"client_id_issued_at":0', '"client_id_issued_at":"<number>"'),
  ) as unknown;
  return { ...real, body, isErrorPage: request.path.startsWith('/oauth2/') && real.status === 400 };
}
