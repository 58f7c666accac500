/** What must compile, and what must not: the type checker of the project runs over this file. */
import { describe, expect, it, jest } from '@jest/globals';
import express, { type Request, type RequestHandler } from 'express';
import passport from 'passport';
import OAuth2Strategy from 'passport-oauth2';
import {
  type ClassicVerify,
  type ClassicVerifyWithParams,
  disconnect,
  logout,
  type PolarAuthenticateOptions,
  PolarBearerStrategy,
  type PolarProfile,
  PolarStrategy,
  type PolarVerify,
  polarTokens,
  requireLogin,
  requireOrganization,
  requireScope,
  type VerifyDone,
  type WithRequest,
} from 'passport-polar-sh';

const options = { clientID: 'c', callbackURL: '/cb' };
const withRequest = { ...options, passReqToCallback: true } as const;
const bearer = { clientID: 'c', clientSecret: 's' };

describe('the types', () => {
  it('accept every form of verify callback', () => {
    new PolarStrategy(options);
    new PolarStrategy(options, ({ profile }) => profile);
    new PolarStrategy(options, async ({ profile }) => (profile.id === 'x' ? { id: profile.id } : false));
    new PolarStrategy(options, async () => false);
    const modern: PolarVerify = async ({ profile }) => profile;
    new PolarStrategy(options, modern);
    const classic: ClassicVerify = (_accessToken, _refreshToken, profile, done) => done(null, profile);
    new PolarStrategy(options, classic);
    const asyncClassic: ClassicVerify = async (_accessToken, _refreshToken, profile, done) => {
      done(null, profile);
    };
    new PolarStrategy(options, asyncClassic);
    const withParams: ClassicVerifyWithParams = (_a, _r, _params, profile, done) => done(null, profile);
    new PolarStrategy(options, withParams);
    new PolarStrategy(options, ((_a, _r, profile, done) => done(null, profile)) satisfies ClassicVerify);
    new PolarStrategy(options, async (_a: string, _r: string, profile: PolarProfile, done: VerifyDone) => {
      done(null, profile);
    });
    new PolarStrategy(withRequest, (req, _a, _r, profile, done) => {
      req.path.slice();
      done(null, profile);
    });
    const requestAndParams: WithRequest<ClassicVerifyWithParams> = (req, _a, _r, _params, profile, done) =>
      done(null, { ...profile, path: req.path });
    new PolarStrategy(withRequest, requestAndParams);
    // Wrappers and mocks whose parameters are untyped.
    new PolarStrategy(options, jest.fn());
    new PolarStrategy(options, (...args: unknown[]) => ({ count: args.length }));
    expect(classic).toHaveLength(4);
  });

  it('refuse a verify callback that returns neither a user nor false', () => {
    // @ts-expect-error
    new PolarStrategy(options, async () => {});
    // @ts-expect-error
    new PolarStrategy(options, () => {});
    // @ts-expect-error
    new PolarStrategy(options, () => null);
    // @ts-expect-error
    new PolarStrategy(options, async () => null);
    // @ts-expect-error
    new PolarStrategy(options, async () => undefined);
    // @ts-expect-error
    new PolarStrategy(options, async ({ profile }) => void profile.id);
    // @ts-expect-error
    new PolarStrategy(options, async ({ profile }) => (profile.emails ? profile : null));
    // @ts-expect-error
    new PolarStrategy(withRequest, async () => {});
    // @ts-expect-error
    const modern: PolarVerify = async () => {};
    new PolarBearerStrategy(bearer, async ({ introspection }) => ({ id: introspection.subject }));
    new PolarBearerStrategy(bearer, () => false);
    // @ts-expect-error
    new PolarBearerStrategy(bearer, async () => {});
    // @ts-expect-error
    new PolarBearerStrategy(bearer, () => null);
    // @ts-expect-error
    new PolarBearerStrategy(bearer, async ({ introspection }) => (introspection.active ? { id: 1 } : null));
    expect(modern).toHaveLength(0);
  });

  it('refuse a classic verify callback without done', () => {
    const noDone = async (_access: string, _refresh: string, profile: PolarProfile) => profile;
    const requestOnly = (_req: Request, _access: string, _refresh: string, profile: PolarProfile) => profile;
    const refused = [
      // @ts-expect-error
      () => new PolarStrategy(options, noDone),
      // @ts-expect-error
      () => new PolarStrategy(withRequest, requestOnly),
    ];
    for (const construct of refused) expect(construct).toThrow('The verify callback has');
  });

  it('keep the strategy a class to extend and to test with instanceof', () => {
    const classic: ClassicVerify = (_accessToken, _refreshToken, profile, done) => done(null, profile);
    class WithModern extends PolarStrategy {
      constructor() {
        super(options, async ({ profile }) => profile);
      }
      override authorizationParams(): Record<string, string> {
        return { ui_locales: 'de' };
      }
    }
    class WithClassic extends PolarStrategy {
      constructor() {
        super(options, classic);
      }
    }
    class WithRequestFirst extends PolarStrategy {
      constructor() {
        super(withRequest, (req, _a, _r, profile, done) => done(null, { ...profile, path: req.path }));
      }
    }
    class AsItIs extends PolarStrategy {}
    const made: unknown[] = [new WithModern(), new WithClassic(), new WithRequestFirst()];
    made.push(new AsItIs(options, ({ profile }) => profile));
    for (const each of made) {
      const isOne = each instanceof PolarStrategy && each.client !== undefined;
      expect([isOne, each instanceof OAuth2Strategy]).toEqual([true, true]);
    }
    expect(PolarStrategy.name).toBe('PolarStrategy');
    const parameters: ConstructorParameters<typeof PolarStrategy> = [options, ({ profile }) => profile];
    expect(new PolarStrategy(...parameters) satisfies InstanceType<typeof PolarStrategy>).toBeDefined();
  });

  it('accept the documented options of one login', () => {
    const given: PolarAuthenticateOptions = {
      scope: ['openid', 'orders:read'] as const,
      state: { cart: 1 },
      authorizationParams: { ui_locales: 'de' },
    };
    passport.authenticate('polar', given);
    passport.authenticate('polar', {
      scope: ['openid'] as const,
      appState: { cart: 1 },
      successRedirect: '/',
    });
    passport.authenticate('polar', { authorizationParams: { ui_locales: 'de' } }, () => {});
    passport.authorize('polar', { scope: ['openid'] as const, failureRedirect: '/' });
    passport.authenticate('polar-bearer', { session: false, organizations: ['id'], scope: 'orders:read' });
    passport.authorize('polar', { appState: { cart: 1 }, prompt: 'consent', authorizationParams: {} });
    // @ts-expect-error misspelt
    passport.authorize('polar', { subTyp: 'user' });
    // @ts-expect-error misspelt
    passport.authenticate('polar', { subTyp: 'user' });
    // @ts-expect-error parameters of the authorize page have a place of their own
    passport.authenticate('polar', { ui_locales: 'de' });
    // @ts-expect-error the strategy sets it itself
    passport.authenticate('polar', { authorizationParams: { state: 'mine' } });
    // @ts-expect-error so that no login loses its protection
    passport.authenticate('polar', { authorizationParams: { ui_locales: 'de', code_challenge: 'x' } });
    // @ts-expect-error
    const nonce: PolarAuthenticateOptions = { authorizationParams: { nonce: 'mine' } };
    // @ts-expect-error it has an option of its own
    const redirect: PolarAuthenticateOptions = { authorizationParams: { redirect_uri: '/cb' } };
    expect([nonce, redirect]).toHaveLength(2);
    expect(given.state).toEqual({ cart: 1 });
  });

  it('let a route keep the types that it gets from its path', () => {
    const loginPath = '/auth/polar';
    const polar = new PolarStrategy(options);
    const found: string[] = [];
    express().get(
      '/orgs/:org',
      polarTokens(polar),
      requireLogin({ loginPath }),
      requireScope('orders:read', { loginPath }),
      requireOrganization((req) => req.params['org'], { loginPath }),
      disconnect(polar),
      logout(polar),
      (req, res) => {
        found.push(req.params.org);
        // @ts-expect-error the path has no such parameter
        res.json(req.params.other);
      },
    );
    const handlers: RequestHandler[] = [polarTokens(polar), requireLogin({ loginPath }), logout(polar)];
    const typed: RequestHandler<{ org: string }, { ok: boolean }, never, { page?: string }> = (req, res) =>
      void res.json({ ok: req.query.page === '1' });
    express()
      .get('/orgs', ...handlers)
      .get('/typed/:org', requireLogin({ loginPath }), typed);
    expect(found).toEqual([]);
  });

  it('leave the options of other strategies alone', () => {
    interface GoogleOptions extends passport.AuthenticateOptions {
      accessType?: 'offline';
    }
    const google: GoogleOptions = { prompt: 'select_account', scope: ['email'], accessType: 'offline' };
    passport.authenticate('google', google);
    passport.authorize('google', google);
    passport.authenticate(['local', 'polar'], { failureRedirect: '/', failureMessage: true });
    // @ts-expect-error ours are none of passport's
    const plain: passport.AuthenticateOptions = { appState: { cart: 1 } };
    expect(plain).toBeDefined();
  });

  it('include the account that passport.authorize has connected, and the state of a login', () => {
    const idOf = (req: Request): string | undefined => (req.account as PolarProfile | undefined)?.id;
    const accountOf = (req: Request): Express.User | undefined => req.account;
    const stateOf = (req: Request): unknown => req.authInfo?.state;
    const scopesOf = (req: Request): readonly string[] => req.polar.scopes;
    // @ts-expect-error it may be missing
    const certain = (req: Request): Express.User => req.account;
    expect([idOf({} as Request), accountOf({} as Request), stateOf({} as Request)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([scopesOf, certain]).toHaveLength(2);
  });
});
