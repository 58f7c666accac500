import type { Express, Request } from 'express';
import { Passport } from 'passport';
import {
  logout,
  PolarStrategy,
  type PolarStrategyOptions,
  polarTokens,
} from 'passport-polar-sh';

/** Adds “Log in with Polar” to an Express app that has sessions. */
export function logInWithPolar(
  app: Express,
  options: PolarStrategyOptions,
): PolarStrategy {
  const polar = new PolarStrategy(options);
  const passport = new Passport();
  passport.use(polar);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user: Express.User, done) => done(null, user));
  app.use(passport.session(), polarTokens(polar));

  app.get('/auth/polar', (req, res, next) => {
    const { sub_type, prompt } = req.query;
    passport.authenticate('polar', {
      // The user picks one organization; the tokens work for no other.
      subType: sub_type === 'organization' ? sub_type : undefined,
      // The user signs in at Polar again, perhaps with another account.
      prompt: prompt === 'login' ? prompt : undefined,
    })(req, res, next);
  });
  app.get(
    '/auth/polar/callback',
    passport.authenticate('polar', {
      successReturnToOrRedirect: '/',
      failWithError: true,
    }),
  );
  // Also revokes the tokens at Polar.
  app.post('/logout', logout(polar, { redirectTo: '/' }));
  return polar;
}

/** Calls the Polar API with a fresh access token, and once more after a 401. */
export async function callPolar(req: Request, path: string): Promise<unknown> {
  const response = await req.polar.fetch(path);
  const { ok, status } = response;
  if (ok) return response.json();
  await response.body?.cancel();
  throw Object.assign(new Error(`The Polar API responded with ${status}.`), {
    code: 'polar_api_error',
    status: status < 500 ? status : 502,
  });
}
