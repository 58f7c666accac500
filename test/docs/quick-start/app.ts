import express, { type ErrorRequestHandler, type Request, type Response } from 'express';
import session from 'express-session';
import passport from 'passport';
import {
  logout,
  PolarError,
  type PolarProfile,
  PolarStrategy,
  polarTokens,
  requireLogin,
} from 'passport-polar-sh';

const polar = new PolarStrategy({
  clientID: process.env.POLAR_CLIENT_ID!,
  clientSecret: process.env.POLAR_CLIENT_SECRET, // leave out for a public client
  callbackURL: '/auth/polar/callback',
  server: process.env.POLAR_SERVER, // 'production', 'sandbox' or the address of a local Polar
  scope: ['openid', 'email', 'organizations:read'],
}); // no verify callback: req.user is the profile
passport.use(polar);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user as Express.User));

const app = express();
const cookie = { sameSite: 'lax' } as const; // other sites cannot log users out
app.use(session({ secret: process.env.SESSION_SECRET!, resave: false, saveUninitialized: false, cookie }));
app.use(passport.session(), polarTokens(polar));

app.get('/', (req, res) => showHome(req, res));
app.get('/auth/polar', passport.authenticate('polar'));
app.get(
  '/auth/polar/callback',
  passport.authenticate('polar', { successReturnToOrRedirect: '/', failWithError: true }),
);
app.get('/organizations', requireLogin({ loginPath: '/auth/polar' }), async (req, res) => {
  const response = await req.polar.fetch('/v1/organizations/'); // fresh token, one retry after a 401
  res.status(response.status).json(await response.json());
});
app.post('/logout', logout(polar, { redirectTo: '/' })); // revokes at Polar, ends the session

const showFailure: ErrorRequestHandler = (error, req, res, next) => {
  const isForUsers = error instanceof PolarError && error.status !== undefined && error.status < 500;
  if (!isForUsers) return next(error);
  showHome(req, res.status(error.status), error.message); // 'The login with Polar was cancelled.'
};
app.use(showFailure);

function showHome(req: Request, res: Response, message = '') {
  const user = req.user as PolarProfile | undefined;
  const loggedIn = `<p>Hello, ${escapeHTML(user?.displayName ?? '')}. <a href="/organizations">Your organizations</a></p>
    <form method="post" action="/logout"><button>Log out</button></form>`;
  res.send(
    `<p>${escapeHTML(message)}</p> ${user ? loggedIn : '<a href="/auth/polar">Log in with Polar</a>'}`,
  );
}
const escapeHTML = (text: string) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
const port = process.env.PORT ?? 3000;
app.listen(port, (error?: Error) => {
  if (error) throw error; // the port is in use, for example
  console.log(`http://localhost:${port}`);
});
