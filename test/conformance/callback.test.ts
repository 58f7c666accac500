/** What comes back from the authorize page, or seems to: none of it is believed before its state, or without its session. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser } from '../support/browser.js';
import {
  Clock,
  type Endpoint,
  type Misbehaviour,
  type Provider,
  startProvider,
} from './provider/provider.js';
import {
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

let provider: Provider;
let app: RelyingParty;
let browser: Browser;
beforeEach(async () => {
  provider = await startProvider({ clock });
  app = await startRelyingParty(provider);
  browser = app.browser();
});
afterEach(async () => {
  await app.close();
  await provider.close();
});

const expectRefused = async (
  outcome: Awaited<ReturnType<typeof deliver>>,
  code: string,
  calls: readonly Endpoint[] = noTokenCall,
  who = browser,
) => expectRefusal(app, provider, who, outcome, { code, calls });

/** A browser that brings an answer with its cookies of login attempts, and with none of a session. */
async function withoutSession(who: Browser, path: string) {
  const { hostname } = new URL(app.url);
  who.agent.jar.setCookie('connect.sid=; Max-Age=0; Path=/', hostname, '/');
  expect((await who.get('/me')).body.user).toBeNull();
  return who.get(path);
}

/** A login up to the answer of the authorize page. */
const answerPath = async (who = browser): Promise<string> => who.visitPolar(await who.startLogin());
const startedState = async (who = browser): Promise<string> =>
  (await who.startLogin()).searchParams.get('state') ?? '';

describe('the issuer in the answer (RFC 9207)', () => {
  it('wrong-iss-in-authorization-response', async () => {
    provider.misbehave({ authorizationResponse: (answer) => answer.set('iss', `${provider.issuer}1`) });
    await expectRefused(await logIn(browser), 'authorization_failed');
  });

  it('wrong-iss-in-error-response', async () => {
    const state = await startedState();
    const path = `${callback}?error=access_denied&state=${state}&iss=https%3A%2F%2Fevil.example`;
    await expectRefused(await deliver(browser, path), 'authorization_failed', onlyStarted);
  });

  it('iss-twice-in-authorization-response', async () => {
    provider.misbehave({ authorizationResponse: (answer) => answer.append('iss', provider.issuer) });
    const path = `${await answerPath()}&iss=${encodeURIComponent(provider.issuer)}`;
    await expectRefused(await deliver(browser, path), 'callback_malformed');
  });

  it('right-iss-in-authorization-response', async () => {
    provider.misbehave({ authorizationResponse: (answer) => answer.set('iss', provider.issuer) });
    await expectLogin(provider, browser, await logIn(browser), loggedIn);
  });

  describe('where the metadata announces it', () => {
    beforeEach(async () => {
      await Promise.all([app.close(), provider.close()]);
      provider = await startProvider({ clock, sendsIssuer: true });
      app = await startRelyingParty(provider);
      browser = app.browser();
    });

    it('logs in with it', async () => {
      await expectLogin(provider, browser, await logIn(browser), loggedIn);
    });

    it.each<[string, Misbehaviour]>([
      ['missing-iss-in-authorization-response', { authorizationResponse: (answer) => answer.delete('iss') }],
      ['empty-iss-in-authorization-response', { authorizationResponse: (answer) => answer.set('iss', '') }],
    ])('%s', async (_name, misbehaviour) => {
      provider.misbehave(misbehaviour);
      await expectRefused(await logIn(browser), 'authorization_failed');
    });

    it('missing-iss-in-error-response', async () => {
      const path = `${callback}?error=access_denied&state=${await startedState()}`;
      await expectRefused(await deliver(browser, path), 'authorization_failed', onlyStarted);
    });
  });
});

describe('the state', () => {
  it('missing-state', async () => {
    provider.misbehave({ authorizationResponse: (answer) => answer.delete('state') });
    await expectRefused(await logIn(browser), 'state_missing');
  });

  it('wrong-state', async () => {
    provider.misbehave({
      authorizationResponse: (answer) => answer.set('state', `${answer.get('state')}1`),
    });
    await expectRefused(await logIn(browser), 'attempt_unknown');
  });

  it('state-twice', async () => {
    const path = await answerPath();
    await expectRefused(await deliver(browser, `${path}&state=other`), 'callback_malformed');
  });

  it('reused-state', async () => {
    const path = await answerPath();
    await expectLogin(provider, browser, await deliver(browser, path), loggedIn);
    const { length } = provider.accessTokens;
    // It has succeeded already, and nothing is exchanged again: with a code that is still good, too.
    expect(await deliver(browser, path)).toEqual({ status: 200, code: undefined });
    const state = new URL(path, app.url).searchParams.get('state');
    const fresh = new URL(await answerPath(), app.url).searchParams.get('code');
    expect((await deliver(browser, `${callback}?code=${fresh}&state=${state}`)).status).toBe(200);
    expect(provider.takeCalls()).toEqual(['authorize']);
    expect(provider.accessTokens).toHaveLength(length);
  });

  it('reused-state where its session is gone: the login starts once more, with a state of its own, and only once', async () => {
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

  it('reused-state in another browser', async () => {
    const path = await answerPath();
    await expectLogin(provider, browser, await deliver(browser, path), loggedIn);
    const thief = app.browser();
    for (let time = 0; time < 3; time++)
      expect(await deliver(thief, path)).toEqual({ status: 403, code: 'attempt_cookie_missing' });
    expect((await thief.get('/me')).body.user).toBeNull();
    expect(provider.takeCalls()).toEqual([]);
  });

  it('reused-state after a login that was refused', async () => {
    const path = await answerPath();
    provider.misbehave({ claims: (honest) => ({ ...honest, nonce: 'another' }) });
    await expectRefused(await deliver(browser, path), 'id_token_nonce', loggedIn.slice(0, -1));
    provider.misbehave({});
    // Its code is spent. The person may try once more, at Polar; the response itself is never taken again.
    expect((await deliver(browser, path)).status).toBe(302);
    await expectRefused(await deliver(browser, path), 'attempt_used', []);
  });

  it('old-state', async () => {
    const path = await answerPath();
    clock.advance(601);
    await expectRefused(await deliver(browser, path), 'attempt_expired');
    await expectRefused(await deliver(browser, path), 'attempt_expired', []);
  });
});

describe('an error in the answer', () => {
  it.each([
    ['access_denied', 'access_denied'],
    ['login_required', 'login_required'],
    ['server_error', 'authorization_failed'],
    ['invalid_scope', 'authorization_failed'],
    ['__proto__', 'authorization_failed'],
  ])('error-response with a valid state: %s', async (error, code) => {
    const path = `${callback}?error=${error}&error_description=because&state=${await startedState()}`;
    await expectRefused(await deliver(browser, path), code, onlyStarted);
    // The same again says the same; a code under its state is not taken any more.
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
  ])('error-response without a valid state: "%s"', async (state, code) => {
    const started = await startedState();
    const path = `${callback}?error=server_error&error_description=evil${state}`;
    await expectRefused(await deliver(browser, path), code, onlyStarted);
    expect(app.errors).toEqual([]);
    // The login that is under way has not been ended by it.
    const end = await deliver(browser, `${callback}?error=access_denied&state=${started}`);
    expect(end.code).toBe('access_denied');
  });

  it('error-response with a code', async () => {
    provider.misbehave({ authorizationResponse: (answer) => answer.set('error', 'server_error') });
    await expectRefused(await logIn(browser), 'callback_malformed');
  });
});

describe('an answer that belongs to somebody else', () => {
  it('login-csrf: delivered to a browser that started nothing', async () => {
    const path = await answerPath(app.browser());
    await expectRefused(await deliver(browser, path), 'attempt_cookie_missing');
  });

  it('login-csrf: delivered to a browser that started a login of its own', async () => {
    const path = await answerPath(app.browser());
    await browser.startLogin();
    await expectRefused(await deliver(browser, path), 'attempt_cookie_missing');
  });

  it('code-injection: the code of another person under a state of our own', async () => {
    const stolen = new URL(await answerPath(app.browser()), app.url).searchParams.get('code');
    const path = `${callback}?code=${stolen}&state=${await startedState()}`;
    await expectRefused(await deliver(browser, path), 'invalid_grant', [...noTokenCall, 'token']);
  });

  it('code-without-state: nothing was ever started', async () => {
    await expectRefused(await deliver(browser, `${callback}?code=made-up`), 'state_missing', []);
  });
});

describe('two providers in one app', () => {
  let attacker: Provider;
  let both: RelyingParty;
  let victim: Browser;
  beforeEach(async () => {
    attacker = await startProvider({ clock });
    both = await startRelyingParty([provider, attacker]);
    victim = both.browser();
  });
  afterEach(async () => {
    await both.close();
    await attacker.close();
  });

  const expectNobody = async (code: string, outcome: Awaited<ReturnType<typeof deliver>>) => {
    expect([outcome.code, outcome.status]).toEqual([code, 403]);
    expect((await victim.get('/me')).body.user).toBeNull();
    for (const each of [provider, attacker]) {
      expect(each.takeCalls()).not.toContain('token');
      expectNoSecrets(each, both.errors);
    }
  };

  it('log in at either', async () => {
    await expectLogin(provider, victim, await logIn(victim, 'polar'), loggedIn);
    await expectLogin(attacker, victim, await logIn(victim, 'polar2'), loggedIn);
  });

  it('mix-up: the honest provider’s answer to a login that was started at the attacker', async () => {
    // The attacker sends the browser on to the honest provider, with the parameters it was given but for the client.
    const started = await victim.startLogin('/auth/polar2');
    const honest = new URL(`${provider.origin}/authorize?${started.searchParams}`);
    honest.searchParams.set('redirect_uri', `${both.url}${callback}`);
    await expectNobody('attempt_unknown', await deliver(victim, await victim.visitPolar(honest)));
  });

  it('mix-up: the same, brought back to the attacker’s callback address, with iss', async () => {
    provider.misbehave({ authorizationResponse: (answer) => answer.set('iss', provider.issuer) });
    provider.redirectURIs.push(`${both.url}/auth/polar2/callback`);
    const started = await victim.startLogin('/auth/polar2');
    const honest = new URL(`${provider.origin}/authorize?${started.searchParams}`);
    await expectNobody('authorization_failed', await deliver(victim, await victim.visitPolar(honest)));
  });

  it('mix-up: a code of the attacker’s under a state of the honest provider', async () => {
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
