import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { requestsTo } from '../support/emulator-requests.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
beforeEach(async () => {
  app = await startTestApp();
});
afterEach(() => app.close());

const callback = '/auth/polar/callback';
const exchanges = () => requestsTo(app.emulator, 'token').length;

/** Delivers a callback that must fail softly: nobody is logged in, the person gets a message, no code is exchanged. */
async function expectFailure(browser: ReturnType<TestApp['browser']>, path: string, message: RegExp) {
  const answer = await browser.get(path);
  expect([answer.status, answer.headers['location']]).toEqual([302, '/failed']);
  const { messages } = (await browser.get('/failed')).body;
  expect(messages.at(-1)).toMatch(message);
  expect((await browser.get('/me')).body.user).toBeNull();
  expect(exchanges()).toBe(0);
}

describe('a callback logs nobody in when it', () => {
  it('is a bare GET', async () => {
    await expectFailure(app.browser(), callback, /response from Polar is missing/);
  });

  it('has an unknown state', async () => {
    const browser = app.browser();
    await browser.startLogin();
    await expectFailure(browser, `${callback}?code=x&state=unknown`, /no longer valid/);
  });

  it('has no state', async () => {
    const browser = app.browser();
    await browser.startLogin();
    await expectFailure(browser, `${callback}?code=x`, /does not belong to a login/);
    await expectFailure(browser, `${callback}?error=access_denied`, /does not belong to a login/);
  });

  it('reaches another browser (login CSRF)', async () => {
    const attacker = app.browser();
    const path = await attacker.visitPolar(await attacker.startLogin());
    const victim = app.browser();
    await victim.startLogin();
    await expectFailure(victim, path, /did not send the cookie/);
    // The attacker's own browser can still finish its login.
    expect((await attacker.get(path)).headers['location']).toBe('/home');
  });

  it('arrives after more than ten minutes', async () => {
    const browser = app.browser();
    const path = await browser.visitPolar(await browser.startLogin());
    app.emulator.advanceTime(601);
    await expectFailure(browser, path, /took too long/);
    await expectFailure(browser, path, /took too long/);
  });

  it.each([
    'code=a&code=b&state=STATE',
    'code=a&state=STATE&state=other',
    'code[]=a&state=STATE',
    'code[x]=a&state=STATE',
    'code=a&state[]=STATE',
    'code=a&error=access_denied&state=STATE',
    'state=STATE',
    'code=&state=STATE',
    'code=%E2%98%83&state=STATE',
    'code=a%0Ab&state=STATE',
    'code=a%00&state=STATE',
    'code=%FF&state=STATE',
    'code=a&state=STATE&iss=x&iss=y',
    `code=${'a'.repeat(5000)}&state=STATE`,
  ])('is malformed: %s', async (query) => {
    const browser = app.browser();
    const state = (await browser.startLogin()).searchParams.get('state') ?? '';
    await expectFailure(
      browser,
      `${callback}?${query.replace('STATE', state)}`,
      /malformed|does not belong to a login/,
    );
  });

  it('says that the person cancelled', async () => {
    app.emulator.consent = 'deny';
    const browser = app.browser();
    await expectFailure(browser, await browser.visitPolar(await browser.startLogin()), /cancelled/);
  });

  it('says that Polar would have to show a page (prompt=none)', async () => {
    const browser = app.browser();
    const state = (await browser.startLogin()).searchParams.get('state');
    await expectFailure(
      browser,
      `${callback}?error=login_required&state=${state}`,
      /log in or give your consent/,
    );
  });
});

it('the callback checks the state before it reports an error', async () => {
  const browser = app.browser();
  await browser.startLogin();
  await expectFailure(
    browser,
    `${callback}?error=server_error&error_description=evil&state=forged`,
    /no longer valid/,
  );
});

it('the callback passes an error of Polar with a valid state to next, and uses up the state', async () => {
  const browser = app.browser();
  const state = (await browser.startLogin()).searchParams.get('state');
  const path = `${callback}?error=invalid_scope&error_description=no%20such%20scope&state=${state}`;
  const answer = await browser.get(path);
  expect(answer.body).toMatchObject({ code: 'authorization_failed', isPolarError: true });
  expect(answer.body.message).toContain('invalid_scope: no such scope');
  // Repeating it changes nothing; a code with this state comes too late, and the login starts again.
  expect((await browser.get(path)).body.code).toBe('authorization_failed');
  const late = await browser.get(`${callback}?code=made-up&state=${state}`);
  expect(late.headers['location']).toContain(app.emulator.url);
  expect(exchanges()).toBe(0);
});

it('the callback refuses a response that names another issuer (RFC 9207)', async () => {
  const browser = app.browser();
  const path = await browser.visitPolar(await browser.startLogin());
  const answer = await browser.get(`${path}&iss=https%3A%2F%2Fevil.example`);
  expect([answer.status, answer.body.code]).toEqual([403, 'authorization_failed']);
  expect(exchanges()).toBe(0);
  const second = await browser.visitPolar(await browser.startLogin());
  expect((await browser.get(`${second}&iss=https%3A%2F%2Fpolar.sh`)).headers['location']).toBe('/home');
});

it('a repeated callback leads the logged-in browser to the same page and exchanges nothing', async () => {
  const browser = app.browser();
  const path = await browser.visitPolar(await browser.startLogin('/auth/polar?return_to=/page'));
  const first = await browser.get(path);
  expect([first.status, first.headers['location']]).toEqual([302, '/page']);
  const token = await browser.token();
  const again = await browser.get(path);
  expect([again.status, again.headers['location'], again.headers['set-cookie']]).toEqual([
    302,
    '/page',
    undefined,
  ]);
  expect(await browser.token()).toBe(token);
  expect(exchanges()).toBe(1);
});

it('the callback marks its login attempt as used before it exchanges the code', async () => {
  await app.close();
  const versions: number[] = [];
  app = await startTestApp({
    strategy: {
      fetch: async (url, init) => {
        const rows = Object.values(app.store['sessions' as never] as Record<string, string>);
        if (url.endsWith('/token')) versions.push(...rows.map((text) => JSON.parse(text).polar.version));
        return fetch(url, init);
      },
    },
  });
  await app.browser().logIn();
  expect(versions).toEqual([2]);
});

it('the callback exchanges one code when it is replayed in parallel', async () => {
  const browser = app.browser();
  const path = await browser.visitPolar(await browser.startLogin());
  const answers = await Promise.all(Array.from({ length: 8 }, () => browser.get(path)));
  const locations = answers.map(({ headers }) => headers['location'] as string);
  expect(locations.filter((location) => location === '/home')).toHaveLength(1);
  // Nobody knows which response the browser shows, so one of the others restarts the login.
  expect(locations.filter((location) => location.startsWith(app.emulator.url))).toHaveLength(1);
  expect(locations.filter((location) => location === '/failed')).toHaveLength(6);
  expect(exchanges()).toBe(1);
});

it('the callback passes the refusal of a code to next, without the code in the error', async () => {
  const browser = app.browser();
  const state = (await browser.startLogin()).searchParams.get('state');
  const code = 'polar_ac_made_up_by_somebody';
  const answer = await browser.get(`${callback}?code=${code}&state=${state}`);
  expect(answer.body).toMatchObject({ code: 'invalid_grant', isPolarError: true });
  expect(inspect(app.errors, { depth: 10 })).not.toContain(code);
  expect((await browser.get('/me')).body.user).toBeNull();
});

it('the login routes survive paths that no URL parser accepts', async () => {
  const browser = app.browser();
  for (const path of ['/auth/polar?%', '/auth/polar//..%2f?x=%zz', `${callback}?%E0%A4%A&state=%`]) {
    expect((await browser.get(path)).status).toBeLessThan(500);
  }
});

describe('a login fails with a status and a code when Polar', () => {
  it.each([
    ['is rate limiting', { status: 429, retryAfterSeconds: 60 }, 'rate_limited', 503],
    ['is down', { status: 502 }, 'server_error', 503],
    ['resets the connection twice', 'reset-before', 'network_error', 503],
    ['sends HTML', 'html', 'malformed_response', 502],
    ['sends garbage', 'garbage', 'malformed_response', 502],
    ['sends 10 MiB', 'huge-body', 'response_too_large', 502],
    ['breaks off in the middle', 'half-body', 'network_error', 503],
    [
      'redirects',
      { status: 302, headers: { location: 'https://evil.example/' } },
      'unexpected_redirect',
      502,
    ],
  ] as const)('%s', async (_what, fault, code, status) => {
    app.emulator.fail('token', fault, fault === 'reset-before' ? 2 : 1);
    const browser = app.browser();
    const answer = await browser.logIn();
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect((await browser.get('/me')).body.user).toBeNull();
  });

  it('never responds', async () => {
    await app.close();
    app = await startTestApp({ strategy: { timeoutMs: 2000 } });
    app.emulator.fail('token', 'hang');
    expect((await app.browser().logIn()).body.code).toBe('timeout');
  });

  it('cannot deliver its keys', async () => {
    app.emulator.fail('jwks', { status: 500 });
    expect((await app.browser().logIn()).body.code).toBe('server_error');
    expect((await app.browser().logIn()).headers['location']).toBe('/home');
  });
});
