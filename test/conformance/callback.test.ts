/** Responses of the authorize page, real or forged: none is believed without its state and its attempt. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser } from '../support/browser.js';
import {
  Clock,
  type Endpoint,
  type Misbehaviour,
  type Provider,
  startProvider,
} from './provider/provider.js';
import {
  closesAfterEach,
  deliver,
  expectLogin,
  expectNoSecrets,
  expectRefusal,
  logIn,
  type RelyingParty,
  startRelyingParty,
} from './relying-party.js';

const clock = new Clock();
const callback = '/auth/polar/callback';
const noTokenCall: readonly Endpoint[] = ['discovery', 'authorize'];
const onlyStarted: readonly Endpoint[] = ['discovery'];
const loggedIn: readonly Endpoint[] = ['discovery', 'authorize', 'token', 'jwks', 'userinfo'];

const opening = closesAfterEach();
let provider: Provider;
let app: RelyingParty;
let browser: Browser;
beforeEach(async () => {
  provider = opening(await startProvider({ clock }));
  app = opening(await startRelyingParty(provider));
  browser = app.browser();
});

const expectRefused = async (
  outcome: Awaited<ReturnType<typeof deliver>>,
  code: string,
  calls: readonly Endpoint[] = noTokenCall,
  who = browser,
) => expectRefusal(app, provider, who, outcome, { code, calls });

/** A browser that delivers a response with its attempt cookies, and without a session. */
async function withoutSession(who: Browser, path: string) {
  const { hostname } = new URL(app.url);
  who.agent.jar.setCookie('connect.sid=; Max-Age=0; Path=/', hostname, '/');
  expect((await who.get('/me')).body.user).toBeNull();
  return who.get(path);
}

/** A login up to the response of the authorize page. */
const answerPath = async (who = browser): Promise<string> => who.visitPolar(await who.startLogin());
const startedState = async (who = browser): Promise<string> =>
  (await who.startLogin()).searchParams.get('state') ?? '';

describe('the issuer in the response (RFC 9207)', () => {
  it('is refused if it is wrong (wrong-iss-in-authorization-response)', async () => {
    provider.misbehave({ authorizationResponse: (answer) => answer.set('iss', `${provider.issuer}1`) });
    await expectRefused(await logIn(browser), 'authorization_failed');
  });

  it('is refused if it is wrong in an error (wrong-iss-in-error-response)', async () => {
    const state = await startedState();
    const path = `${callback}?error=access_denied&state=${state}&iss=https%3A%2F%2Fevil.example`;
    await expectRefused(await deliver(browser, path), 'authorization_failed', onlyStarted);
  });

  it('is refused if it comes twice (iss-twice-in-authorization-response)', async () => {
    provider.misbehave({ authorizationResponse: (answer) => answer.append('iss', provider.issuer) });
    const path = `${await answerPath()}&iss=${encodeURIComponent(provider.issuer)}`;
    await expectRefused(await deliver(browser, path), 'callback_malformed');
  });

  it('is accepted if it is right (right-iss-in-authorization-response)', async () => {
    provider.misbehave({ authorizationResponse: (answer) => answer.set('iss', provider.issuer) });
    await expectLogin(provider, browser, await logIn(browser), loggedIn);
  });

  describe('that the metadata announce', () => {
    beforeEach(async () => {
      provider = opening(await startProvider({ clock, sendsIssuer: true }));
      app = opening(await startRelyingParty(provider));
      browser = app.browser();
    });

    it('is accepted', async () => {
      await expectLogin(provider, browser, await logIn(browser), loggedIn);
    });

    it.each<[string, Misbehaviour]>([
      [
        'missing (missing-iss-in-authorization-response)',
        { authorizationResponse: (answer) => answer.delete('iss') },
      ],
      [
        'empty (empty-iss-in-authorization-response)',
        { authorizationResponse: (answer) => answer.set('iss', '') },
      ],
    ])('is refused if it is %s', async (_name, misbehaviour) => {
      provider.misbehave(misbehaviour);
      await expectRefused(await logIn(browser), 'authorization_failed');
    });

    it('is refused if it is missing in an error (missing-iss-in-error-response)', async () => {
      const path = `${callback}?error=access_denied&state=${await startedState()}`;
      await expectRefused(await deliver(browser, path), 'authorization_failed', onlyStarted);
    });
  });
});

describe('the state', () => {
  it('is required (missing-state)', async () => {
    provider.misbehave({ authorizationResponse: (answer) => answer.delete('state') });
    await expectRefused(await logIn(browser), 'state_missing');
  });

  it('must be that of a login attempt (wrong-state)', async () => {
    provider.misbehave({
      authorizationResponse: (answer) => answer.set('state', `${answer.get('state')}1`),
    });
    await expectRefused(await logIn(browser), 'attempt_unknown');
  });

  it('is refused if it comes twice (state-twice)', async () => {
    const path = await answerPath();
    await expectRefused(await deliver(browser, `${path}&state=other`), 'callback_malformed');
  });

  it('may come again in the same browser, without another exchange (reused-state)', async () => {
    const path = await answerPath();
    await expectLogin(provider, browser, await deliver(browser, path), loggedIn);
    const { length } = provider.accessTokens;
    // It has succeeded already: nothing is exchanged again, even with a code that still works.
    expect(await deliver(browser, path)).toEqual({ status: 200, code: undefined });
    const state = new URL(path, app.url).searchParams.get('state');
    const fresh = new URL(await answerPath(), app.url).searchParams.get('code');
    expect((await deliver(browser, `${callback}?code=${fresh}&state=${state}`)).status).toBe(200);
    expect(provider.takeCalls()).toEqual(['authorize']);
    expect(provider.accessTokens).toHaveLength(length);
  });

  it('restarts the login once, with a new state, if its session is gone (reused-state)', async () => {
    const path = await answerPath();
    await expectLogin(provider, browser, await deliver(browser, path), loggedIn);
    const again = await withoutSession(browser, path);
    expect(again.status).toBe(302);
    const restarted = new URL(again.headers['location'] as string);
    expect(restarted.origin + restarted.pathname).toBe(`${provider.origin}/authorize`);
    const used = new URL(path, app.url).searchParams.get('state');
    expect(restarted.searchParams.get('state')).not.toBe(used);
    expect((await withoutSession(browser, path)).body.code).toBe('attempt_used');
    expect(provider.takeCalls()).toEqual([]);
    await expectLogin(provider, browser, await deliver(browser, await browser.visitPolar(restarted)), [
      'authorize',
      'token',
      'userinfo',
    ]);
  });

  it('is refused in another browser (reused-state)', async () => {
    const path = await answerPath();
    await expectLogin(provider, browser, await deliver(browser, path), loggedIn);
    const thief = app.browser();
    for (let time = 0; time < 3; time++)
      expect(await deliver(thief, path)).toEqual({ status: 403, code: 'attempt_cookie_missing' });
    expect((await thief.get('/me')).body.user).toBeNull();
    expect(provider.takeCalls()).toEqual([]);
  });

  it('is refused after a failed login that was restarted once (reused-state)', async () => {
    const path = await answerPath();
    provider.misbehave({ claims: (honest) => ({ ...honest, nonce: 'another' }) });
    await expectRefused(await deliver(browser, path), 'id_token_nonce', loggedIn.slice(0, -1));
    provider.misbehave({});
    // Its code is spent. The user may try once more at the provider; the response is never accepted again.
    expect((await deliver(browser, path)).status).toBe(302);
    await expectRefused(await deliver(browser, path), 'attempt_used', []);
  });

  it('is refused once the attempt has expired (old-state)', async () => {
    const path = await answerPath();
    clock.advance(601);
    await expectRefused(await deliver(browser, path), 'attempt_expired');
    await expectRefused(await deliver(browser, path), 'attempt_expired', []);
  });
});

describe('an error in the response', () => {
  it.each([
    ['access_denied', 'access_denied'],
    ['login_required', 'login_required'],
    ['server_error', 'authorization_failed'],
    ['invalid_scope', 'authorization_failed'],
    ['__proto__', 'authorization_failed'],
  ])('is believed with a valid state: %s (error-response)', async (error, code) => {
    const path = `${callback}?error=${error}&error_description=because&state=${await startedState()}`;
    await expectRefused(await deliver(browser, path), code, onlyStarted);
    // The same response has the same result; a code under its state is no longer accepted.
    await expectRefused(await deliver(browser, path), code, []);
    const state = new URL(path, app.url).searchParams.get('state');
    const code2 = new URL(await answerPath(), app.url).searchParams.get('code');
    provider.takeCalls();
    expect((await deliver(browser, `${callback}?code=${code2}&state=${state}`)).status).toBe(302);
    await expectRefused(
      await deliver(browser, `${callback}?code=${code2}&state=${state}`),
      'attempt_used',
      [],
    );
  });

  it.each([
    ['&state=forged', 'attempt_unknown'],
    ['&state=', 'state_missing'],
    ['', 'state_missing'],
  ])('is not believed without a valid state: "%s" (error-response)', async (state, code) => {
    const started = await startedState();
    const path = `${callback}?error=server_error&error_description=evil${state}`;
    await expectRefused(await deliver(browser, path), code, onlyStarted);
    expect(app.errors).toEqual([]);
    // It has not ended the login that is under way.
    const end = await deliver(browser, `${callback}?error=access_denied&state=${started}`);
    expect(end.code).toBe('access_denied');
  });

  it('is refused together with a code (error-response)', async () => {
    provider.misbehave({ authorizationResponse: (answer) => answer.set('error', 'server_error') });
    await expectRefused(await logIn(browser), 'callback_malformed');
  });
});

describe('a response to another login', () => {
  it('is refused in a browser that has started nothing (login-csrf)', async () => {
    const path = await answerPath(app.browser());
    await expectRefused(await deliver(browser, path), 'attempt_cookie_missing');
  });

  it('is refused in a browser that has started its own login (login-csrf)', async () => {
    const path = await answerPath(app.browser());
    await browser.startLogin();
    await expectRefused(await deliver(browser, path), 'attempt_cookie_missing');
  });

  it('is refused with its code under our own state (code-injection)', async () => {
    const stolen = new URL(await answerPath(app.browser()), app.url).searchParams.get('code');
    const path = `${callback}?code=${stolen}&state=${await startedState()}`;
    await expectRefused(await deliver(browser, path), 'invalid_grant', [...noTokenCall, 'token']);
  });

  it('is refused without a state (code-without-state)', async () => {
    await expectRefused(await deliver(browser, `${callback}?code=made-up`), 'state_missing', []);
  });
});

describe('two providers in one app', () => {
  let attacker: Provider;
  let both: RelyingParty;
  let victim: Browser;
  beforeEach(async () => {
    attacker = opening(await startProvider({ clock }));
    both = opening(await startRelyingParty([provider, attacker]));
    victim = both.browser();
  });

  const expectNobody = async (code: string, outcome: Awaited<ReturnType<typeof deliver>>) => {
    expect([outcome.code, outcome.status]).toEqual([code, 403]);
    expect((await victim.get('/me')).body.user).toBeNull();
    for (const each of [provider, attacker]) {
      expect(each.takeCalls()).not.toContain('token');
      expectNoSecrets(each, both.errors);
    }
  };

  it('both log users in', async () => {
    await expectLogin(provider, victim, await logIn(victim, 'polar'), loggedIn);
    await expectLogin(attacker, victim, await logIn(victim, 'polar2'), loggedIn);
  });

  it('do not confuse the honest provider’s response with a login at the attacker (mix-up)', async () => {
    // The attacker redirects the browser to the honest provider, with the same parameters except for the client.
    const started = await victim.startLogin('/auth/polar2');
    const honest = new URL(`${provider.origin}/authorize?${started.searchParams}`);
    honest.searchParams.set('redirect_uri', `${both.url}${callback}`);
    await expectNobody('attempt_unknown', await deliver(victim, await victim.visitPolar(honest)));
  });

  it('do not confuse the honest provider’s response at the attacker’s callback address, with iss (mix-up)', async () => {
    provider.misbehave({ authorizationResponse: (answer) => answer.set('iss', provider.issuer) });
    provider.redirectURIs.push(`${both.url}/auth/polar2/callback`);
    const started = await victim.startLogin('/auth/polar2');
    const honest = new URL(`${provider.origin}/authorize?${started.searchParams}`);
    await expectNobody('authorization_failed', await deliver(victim, await victim.visitPolar(honest)));
  });

  it('do not accept the attacker’s code under a state of the honest provider (mix-up)', async () => {
    const path = await victim.visitPolar(await victim.startLogin('/auth/polar2'));
    const code = new URL(path, both.url).searchParams.get('code');
    const state = (await victim.startLogin('/auth/polar')).searchParams.get('state');
    await expectNobody('attempt_unknown', await deliver(victim, path.replace('polar2', 'polar')));
    const outcome = await deliver(victim, `${callback}?code=${code}&state=${state}`);
    expect(outcome.code).toBe('invalid_grant');
    expect((await victim.get('/me')).body.user).toBeNull();
    expect(provider.takeCalls()).toEqual(['token']);
    expectNoSecrets(provider, both.errors);
  });
});
