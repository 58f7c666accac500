import { Router } from 'express';
import passport from 'passport';
import type { PolarProfile } from 'passport-polar-sh';

declare module 'express-session' {
  interface SessionData {
    newUser?: PolarProfile;
  }
}

/** A login that is complete only when the user has accepted the terms. */
export const loginWithTerms = Router();
loginWithTerms.get('/auth/polar', passport.authenticate('polar'));
loginWithTerms.get('/auth/polar/callback', (req, res, next) => {
  const finish: passport.AuthenticateCallback = (error, user) => {
    if (error || !user) return next(error);
    // A new session id prevents session fixation.
    req.session.regenerate((failed) => {
      if (failed) return next(failed);
      req.session.newUser = user as PolarProfile;
      res.redirect('/terms');
    });
  };
  passport.authenticate('polar', { failWithError: true }, finish)(req, res, next);
});
loginWithTerms.post('/terms', (req, res, next) => {
  const { newUser } = req.session;
  if (!newUser) return res.redirect('/auth/polar');
  req.login(newUser as Express.User, (error) => (error ? next(error) : res.redirect('/')));
});
