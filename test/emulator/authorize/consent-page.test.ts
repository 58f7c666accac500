import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ACME, CALLBACK, ENGINES, LocalPolar, type Reply } from '../support/local-polar';

const polar = new LocalPolar({});

/** Presses a button of the page, like a browser without JavaScript. */
function submit(page: Reply, action: string, organizations: readonly string[] = []): Promise<Reply> {
  const path = plain(/<form method="post" action="([^"]+)">/.exec(page.text)?.[1] ?? '');
  const form = /name="consent_form" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  const body = new URLSearchParams({ consent_form: form, action });
  for (const organization of organizations) body.append('organizations', organization);
  return polar.send(path, { method: 'POST', body });
}

function plain(attribute: string): string {
  return attribute.replaceAll('&amp;', '&').replaceAll('&#39;', "'").replaceAll('&lt;', '<');
}

function links(page: Reply): string[] {
  return [...page.text.matchAll(/<a class="person" href="([^"]+)"/g)].map(([, href = '']) => plain(href));
}

describe('the consent page', () => {
  it('shows the app, the user and the scopes', async () => {
    const { status, headers, text } = await polar.authorize({ scope: 'openid email organizations:read' });
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(headers.get('cache-control')).toBe('private, no-store');
    expect(text).toContain('Example app wants to access your Polar account');
    expect(text).toContain('ada@example.com');
    expect(text).toContain('Know who you are');
    expect(text).toContain('Read your email address');
    expect(text).toContain('Read your organizations');
    expect(text).toContain('Analytical Engines');
    expect(text.match(/type="checkbox"/g)).toHaveLength(2);
  });

  it('allows no content except its own style', async () => {
    const { headers, text } = await polar.authorize();
    const policy = headers.get('content-security-policy') ?? '';
    const style = /<style>([\s\S]*)<\/style>/.exec(text)?.[1] ?? '';
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(text).not.toMatch(/<script|javascript:|https?:\/\/(?!localhost)/);
  });

  it('escapes everything that comes from outside', async () => {
    const { clientID } = polar.register({ name: '<img src=x onerror="alert(1)">\'&' });
    const { text } = await polar.authorize({ client_id: clientID, state: '"><script>alert(1)</script>' });
    expect(text).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&#39;&amp; wants to access');
    expect(text).not.toMatch(/<img|<script/);
  });

  it('is not shown for an invalid request', async () => {
    expect((await polar.authorize({ scope: 'openid nope' })).location.get('error')).toBe('invalid_scope');
  });
});

describe('the button Allow', () => {
  it('sends the code to the app and skips the page for the next login', async () => {
    const reply = await submit(await polar.authorize({ nonce: 'n' }), 'allow');
    expect(reply.status).toBe(302);
    expect(reply.headers.get('location')).toMatch(`${CALLBACK}?code=polar_ac_`);
    expect(reply.location.get('state')).toBe('st-1');
    expect((await polar.exchange(reply.location.get('code') ?? '')).status).toBe(200);
    expect((await polar.authorize()).status).toBe(302);
  });

  it('does not skip the page for more scopes, a prompt, another app or another user', async () => {
    await submit(await polar.authorize(), 'allow');
    expect((await polar.authorize({ scope: 'openid' })).status).toBe(302);
    expect((await polar.authorize({ scope: 'openid email organizations:read' })).status).toBe(200);
    expect((await polar.authorize({ prompt: 'consent' })).status).toBe(200);
    expect((await polar.authorize({ prompt: 'none' })).status).toBe(200);
    expect((await polar.authorize({ client_id: polar.register().clientID })).status).toBe(200);
    polar.emulator.user = 'grace@example.com';
    expect((await polar.authorize()).status).toBe(200);
  });

  it('remembers the last consent, not the largest', async () => {
    await submit(await polar.authorize({ scope: 'openid email' }), 'allow');
    await submit(await polar.authorize({ scope: 'openid', prompt: 'consent' }), 'allow');
    expect((await polar.authorize({ scope: 'openid email' })).status).toBe(200);
  });

  it('limits the token to the chosen organizations', async () => {
    const reply = await submit(await polar.authorize(), 'allow', [ENGINES, ACME]);
    const { json } = await polar.exchange(reply.location.get('code') ?? '');
    const { organizations } = (await polar.introspect(String(json['access_token']))) as {
      organizations: string[];
    };
    expect(organizations).toEqual([ENGINES, ACME]);
  });

  it('needs exactly one organization with sub_type=organization', async () => {
    const page = await polar.authorize({ sub_type: 'organization' });
    expect(page.text.match(/type="radio" name="organizations" value="[^"]+" required/g)).toHaveLength(2);
    const missing = await submit(page, 'allow');
    expect(missing.status).toBe(400);
    expect(missing.json).toEqual({
      error: 'invalid_request',
      error_description: 'sub_type=organization requires selecting an organization',
    });
    const reply = await submit(await polar.authorize({ sub_type: 'organization' }), 'allow', [ENGINES]);
    const { json } = await polar.exchange(reply.location.get('code') ?? '');
    expect((await polar.introspect(String(json['access_token'])))['organizations']).toEqual([ENGINES]);
  });

  it('adds the chosen organizations to those of the request, which the page does not show', async () => {
    const limitsAfter = async (picked: readonly string[], request: Record<string, string>) => {
      const page = await polar.authorize({ prompt: 'consent', ...request });
      expect(page.text).not.toContain(' checked');
      const { json } = await polar.exchange((await submit(page, 'allow', picked)).location.get('code') ?? '');
      return (await polar.introspect(String(json['access_token'])))['organizations'];
    };
    expect(await limitsAfter([], { organizations: ENGINES })).toEqual([ENGINES]);
    // Of two, the first by its id, whichever was chosen.
    const single = { sub_type: 'organization' };
    expect(await limitsAfter([ENGINES], { ...single, organizations: ACME })).toEqual([ACME]);
    expect(await limitsAfter([ACME], { ...single, organizations: ENGINES })).toEqual([ACME]);
    const foreign = ACME.replace('0', '9');
    const page = await polar.authorize({ ...single, prompt: 'consent', organizations: foreign });
    expect(await submit(page, 'allow', [ACME])).toMatchObject({
      status: 400,
      json: { error_description: `Organization ${foreign} is not accessible` },
    });
  });

  it('comes with the only organization preselected, or with a notice when there is none', async () => {
    polar.emulator.enforceSSO('acme');
    const { text } = await polar.authorize({ sub_type: 'organization' });
    expect(text).toContain(`value="${ENGINES}" required checked`);
    polar.emulator.user = 'katherine@example.com';
    expect((await polar.authorize()).text).not.toContain('fieldset>');
    expect((await polar.authorize({ sub_type: 'organization' })).text).toContain('you do not belong to any');
  });
});

describe('the button Cancel', () => {
  it('sends access_denied with the state and remembers nothing', async () => {
    const reply = await submit(await polar.authorize(), 'deny');
    expect(reply.status).toBe(302);
    expect(reply.headers.get('location')).toBe(
      `${CALLBACK}?error=access_denied&error_description=The+resource+owner+or+authorization+server+denied+the+request&state=st-1`,
    );
    expect((await polar.authorize()).status).toBe(200);
  });
});

describe('the form of the consent page', () => {
  it('works only for the request for which it was shown, and twice with the same result', async () => {
    const page = await polar.authorize();
    const path = polar.authorizePath().replace('authorize', 'consent');
    const form = /name="consent_form" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
    const swapped = await polar.post(`${path}&organizations=${ACME}`, {
      consent_form: form,
      action: 'allow',
    });
    expect(swapped.status).toBe(400);
    expect((await polar.post(path, { action: 'allow' })).status).toBe(400);
    const [first, second] = [
      await polar.post(path, { consent_form: form, action: 'allow' }),
      await polar.post(path, { consent_form: form, action: 'allow' }),
    ];
    expect(first.status).toBe(302);
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
  });

  it('is validated like the request, but its errors have no state', async () => {
    const [first, second] = [await polar.authorize({ nonce: 'n' }), await polar.authorize({ nonce: 'n' })];
    expect((await submit(first, 'allow')).location.get('code')).toMatch(/^polar_ac_/);
    const late = await submit(second, 'allow');
    expect(late.status).toBe(302);
    expect(Object.fromEntries(late.location)).toEqual({
      error: 'invalid_request',
      error_description: 'Replay attack',
    });
  });
});

describe('another account', () => {
  it('can be chosen on the page and stays signed in in that browser', async () => {
    const [toGrace = ''] = links(await polar.authorize());
    const page = await polar.send(toGrace);
    expect(page.text).toContain('Signed in as <strong>Grace Hopper</strong>');
    const reply = await submit(page, 'allow');
    const { json } = await polar.exchange(reply.location.get('code') ?? '');
    expect((await polar.userinfo(String(json['access_token']))).json['email']).toBe('grace@example.com');

    const cookie = reply.headers.get('set-cookie')?.split(';')[0] ?? '';
    const again = await polar.send(polar.authorizePath({ prompt: 'consent' }), { headers: { cookie } });
    expect(again.text).toContain('Grace Hopper</strong>');
    expect((await polar.authorize({ prompt: 'consent' })).text).toContain('Ada Lovelace</strong>');
    polar.emulator.user = 'katherine@example.com';
    const overridden = await polar.send(polar.authorizePath({ prompt: 'consent' }), { headers: { cookie } });
    expect(overridden.text).toContain('Katherine Johnson</strong>');
  });

  it('can be chosen on a sign-in page first with prompt=login', async () => {
    await submit(await polar.authorize(), 'allow');
    const page = await polar.authorize({ prompt: 'login' });
    expect(page.text).toContain('Sign in to Polar');
    const [toAda = ''] = links(page);
    const reply = await submit(await polar.send(toAda), 'allow');
    expect(reply.location.get('code')).toMatch(/^polar_ac_/);
  });
});

it('the sign-in page comes first when nobody is signed in', async () => {
  polar.emulator.user = '';
  expect(polar.emulator.user).toBe('');
  const page = await polar.authorize();
  expect(links(page)).toHaveLength(4);
  const reply = await submit(await polar.send(links(page)[1] ?? ''), 'allow');
  await polar.exchange(reply.location.get('code') ?? '');
  expect(polar.emulator.liveTokens()).toMatchObject([{ user: 'grace@example.com' }]);
});

it('the sign-in page leads to the consent page even after a grant, since Polar then adds a prompt', async () => {
  polar.emulator.user = '';
  const signIn = async (changes: Readonly<Record<string, string>> = {}) => {
    const [link = ''] = links(await polar.authorize(changes));
    return { page: await polar.send(link), prompt: new URL(link, CALLBACK).searchParams.get('prompt') };
  };
  const { page, prompt } = await signIn();
  expect(prompt).toBe('undefined');
  expect((await submit(page, 'allow')).location.has('code')).toBe(true);
  expect((await signIn()).page.text).toContain('wants to access your Polar account');
  expect((await signIn({ prompt: 'login' })).prompt).toBe('consent');
});

it('the consent page is not shown for Polar’s own apps', async () => {
  const { clientID } = polar.register({ firstParty: true });
  expect((await polar.authorize({ client_id: clientID })).status).toBe(302);
});

it('the front page shows the address and the users of the emulator', async () => {
  const { status, text } = await polar.get('/');
  expect(status).toBe(200);
  expect(text).toContain(polar.emulator.url);
  expect(text).toContain('Ada Lovelace (signed in)');
});
