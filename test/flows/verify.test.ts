import { afterEach, describe, expect, it } from '@jest/globals';
import { PolarConfigurationError, PolarStrategy, type VerifiedLogin } from 'passport-polar-sh';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

// biome-ignore lint/complexity/noBannedTypes: any function is what is tested
async function logInWith(verify: Function, strategy = {}) {
  app = await startTestApp({ verify, strategy, callback: { successReturnToOrRedirect: undefined } as never });
  const browser = app.browser();
  const answer = await browser.logIn();
  return { answer, browser, errors: app.errors, emulator: app.emulator };
}
type Done = (error?: unknown, user?: unknown, info?: unknown) => void;

describe('a classic verify callback', () => {
  it('with 4 parameters receives the tokens and the profile', async () => {
    const { answer, emulator } = await logInWith(
      (accessToken: string, refreshToken: string, profile: { id: string }, done: Done) =>
        done(null, { accessToken, refreshToken, id: profile.id }),
    );
    const [{ accessToken, refreshToken } = {}] = emulator.liveTokens();
    expect(answer.body.user).toEqual({
      accessToken,
      refreshToken,
      id: '11111111-1111-4111-8111-111111111111',
    });
  });

  it('with 5 parameters receives the token response too, without the refresh token', async () => {
    const { answer } = await logInWith(
      (_a: string, _r: string, params: object, _profile: object, done: Done) => done(null, { params }),
    );
    expect(answer.body.user.params).toEqual({
      token_type: 'Bearer',
      access_token: expect.stringMatching(/^polar_at_u_/),
      expires_in: 864000,
      scope: 'openid email',
      id_token: expect.any(String),
    });
  });

  it.each([
    [
      '5 parameters',
      (req: { path: string }, _a: string, _r: string, profile: { id: string }, done: Done) =>
        done(null, { path: req.path, id: profile.id }),
    ],
    [
      '6 parameters',
      (
        req: { path: string },
        _a: string,
        _r: string,
        params: { scope: string },
        profile: { id: string },
        done: Done,
      ) =>
        done(null, {
          path: req.path,
          id: profile.id,
          ...(params.scope !== 'openid email' && { wrong: true }),
        }),
    ],
  ])('with passReqToCallback and %s receives the request first', async (_name, verify) => {
    const { answer } = await logInWith(verify, { passReqToCallback: true });
    expect(answer.body.user).toEqual({
      path: '/auth/polar/callback',
      id: '11111111-1111-4111-8111-111111111111',
    });
  });

  it('passes its info to the app', async () => {
    const { answer } = await logInWith((_a: string, _r: string, _p: object, done: Done) =>
      done(null, { id: 1 }, { welcome: 'back' }),
    );
    expect(answer.body.info).toEqual({ welcome: 'back' });
  });

  it('can reject the login with a message, and then nothing is stored', async () => {
    const { answer, browser } = await logInWith((_a: string, _r: string, _p: object, done: Done) =>
      done(null, false, { message: 'not on the list' }),
    );
    expect(answer.headers['location']).toBe('/failed');
    expect((await browser.get('/failed')).body.messages).toEqual(['not on the list']);
    expect((await browser.get('/session')).body).not.toHaveProperty('polar');
    expect((await browser.get('/token')).status).toBe(401);
  });

  it.each([
    [
      'hands an error to done',
      (_a: string, _r: string, _p: object, done: Done) => done(new Error('database down')),
    ],
    [
      'throws',
      (_a: string, _r: string, _p: object, _done: Done) => {
        throw new Error('database down');
      },
    ],
    [
      'rejects',
      async (_a: string, _r: string, _p: object, _done: Done) => {
        throw new Error('database down');
      },
    ],
  ])('that %s reaches the error handler', async (_how, verify) => {
    const { answer, errors } = await logInWith(verify);
    expect([answer.status, answer.body.message]).toEqual([500, 'database down']);
    expect(errors).toHaveLength(1);
  });

  it.each([
    [{}, 6],
    [{}, 7],
    [{}, 3],
    [{ passReqToCallback: true }, 3],
    [{ passReqToCallback: true }, 4],
  ])('with %j and %i parameters is refused at construction', (strategy, length) => {
    const verify = Object.defineProperty(() => {}, 'length', { value: length });
    expect(
      () => new PolarStrategy({ clientID: 'x', callbackURL: '/cb', ...strategy }, verify as never),
    ).toThrow(PolarConfigurationError);
    expect(
      () => new PolarStrategy({ clientID: 'x', callbackURL: '/cb', ...strategy }, verify as never),
    ).toThrow(`has ${length} parameters`);
  });
});

describe('a verify callback with one parameter', () => {
  it('receives tokens, profile, claims and the request', async () => {
    let seen: VerifiedLogin | undefined;
    const { answer } = await logInWith(async (login: VerifiedLogin) => {
      seen = login;
      return { id: login.profile.id };
    });
    expect(answer.body.user).toEqual({ id: '11111111-1111-4111-8111-111111111111' });
    expect(seen?.tokens).toEqual({
      accessToken: expect.stringMatching(/^polar_at_u_/),
      refreshToken: expect.stringMatching(/^polar_rt_u_/),
      expiresAt: expect.any(Number),
      scopes: ['openid', 'email'],
      idToken: expect.any(String),
    });
    expect(seen?.claims).toMatchObject({ iss: 'https://polar.sh', email: 'ada@example.com' });
    expect(seen?.req.path).toBe('/auth/polar/callback');
  });

  it('may be synchronous, and may reject the login', async () => {
    const { answer, browser } = await logInWith(() => false);
    expect(answer.headers['location']).toBe('/failed');
    expect((await browser.get('/me')).body.user).toBeNull();
  });

  it('that returns nothing causes an error that says so', async () => {
    const { answer } = await logInWith(async () => {});
    expect(answer.body).toMatchObject({ code: 'invalid_verify_result', isPolarError: true });
    expect(answer.body.message).toContain('returned undefined');
  });

  it('that rejects reaches the error handler', async () => {
    const { answer } = await logInWith(async () => {
      throw new Error('database down');
    });
    expect([answer.status, answer.body.message]).toEqual([500, 'database down']);
  });

  it.each([undefined, null, 'route'])(
    'that rejects with %p does not fall through to the app',
    async (reason) => {
      const { answer } = await logInWith(async () => Promise.reject(reason));
      expect([answer.status, answer.body.message]).toEqual([
        500,
        expect.stringContaining('instead of an error'),
      ]);
    },
  );
});

it('the strategy refuses a verify callback that is not a function', () => {
  expect(() => new PolarStrategy({ clientID: 'x', callbackURL: '/cb' }, 'verify' as never)).toThrow(
    'must be a function',
  );
});
