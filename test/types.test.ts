/** What must compile, and what must not: the type checker of the project runs over this file. */
import { describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import passport from 'passport';
import {
  type ClassicVerify,
  type PolarAuthenticateOptions,
  type PolarProfile,
  PolarStrategy,
} from 'passport-polar-sh';

const options = { clientID: 'c', callbackURL: '/cb' };

describe('types', () => {
  it('take every form of verify callback', () => {
    new PolarStrategy(options);
    new PolarStrategy(options, ({ profile }) => profile);
    new PolarStrategy(options, async ({ profile }) => profile);
    new PolarStrategy(options, async () => false);
    const classic: ClassicVerify = (_accessToken, _refreshToken, profile, done) => done(null, profile);
    new PolarStrategy(options, classic);
    new PolarStrategy({ ...options, passReqToCallback: true }, (req, _a, _r, profile, done) => {
      req.path.slice();
      done(null, profile);
    });
    expect(classic).toHaveLength(4);
  });

  it('take the options of one login as they are documented', () => {
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
    // @ts-expect-error misspelt
    passport.authenticate('polar', { subTyp: 'user' });
    // @ts-expect-error parameters of the authorize page have a place of their own
    passport.authenticate('polar', { ui_locales: 'de' });
    expect(given.state).toEqual({ cart: 1 });
  });

  it('know the account that passport.authorize has connected', () => {
    const idOf = (req: Request): string | undefined => (req.account as PolarProfile | undefined)?.id;
    expect(idOf({} as Request)).toBeUndefined();
  });
});
