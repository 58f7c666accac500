import express, { type ErrorRequestHandler } from 'express';
import session from 'express-session';
import { Passport } from 'passport';
import {
  PolarError,
  PolarStrategy,
  type PolarStrategyOptions,
  polarTokens,
  requireLogin,
  requireOrganization,
} from 'passport-polar-sh';

export function createApp(polarOptions: PolarStrategyOptions) {
  const polar = new PolarStrategy({ ...polarOptions, scope: ['openid', 'email', 'organizations:read'] });
  const passport = new Passport();
  passport.use(polar);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user, done) => done(null, user as Express.User));

  const app = express();
  app.use(session({ secret: 'from the environment', resave: false, saveUninitialized: false }));
  app.use(passport.session(), polarTokens(polar));

  const loginPath = '/auth/polar';
  app.get(loginPath, passport.authenticate('polar'));
  app.get(
    '/auth/polar/callback',
    passport.authenticate('polar', { successReturnToOrRedirect: '/', failWithError: true }),
  );
  // Always shows Polar's page, where people pick one organization.
  app.get(
    '/auth/polar/organization',
    passport.authenticate('polar', { subType: 'organization', prompt: 'consent', returnTo: '/' }),
  );

  app.get('/', requireLogin({ loginPath }), async (req, res) => {
    const { organizations, isLimited } = await req.polar.organizations();
    res.json({ connectedTo: organizations.map(({ name }) => name), isLimited });
  });
  app.get(
    '/orgs/:org',
    requireOrganization((req) => req.params.org, { loginPath }),
    async (req, res) => {
      const response = await req.polar.fetch(`/v1/organizations/${req.params.org}`);
      res.json(await response.json());
    },
  );

  const showFailure: ErrorRequestHandler = (error, _req, res, next) => {
    // No access to the organization, a cancelled choice: the message is for the user.
    const isForUsers = error instanceof PolarError && error.status !== undefined && error.status < 500;
    if (!isForUsers) return next(error);
    const message = error.message.replaceAll('<', '&lt;');
    const page = `<p>${message}</p><p><a href="/auth/polar/organization">Change organization</a></p>`;
    res.status(error.status).send(page);
  };
  app.use(showFailure);
  return app;
}
