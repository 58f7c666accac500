// Starts the built app as `node dist/main.js` does, beside a local Polar, and logs in.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get as httpGet } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { browserAt, logInAt } from './log-in.cjs';

const polar = await startPolarEmulator();
const port = await freePort();
const origin = `http://127.0.0.1:${port}`;
const classicPort = await freePort();
const classicOrigin = `http://127.0.0.1:${classicPort}`;
const { clientID, clientSecret } = polar.registerClient({
  redirectURIs: [`${origin}/auth/polar/callback`, `${classicOrigin}/auth/classic/callback`],
});
Object.assign(process.env, {
  PORT: String(port),
  SESSION_SECRET: 'only a test',
  POLAR_CLIENT_ID: clientID,
  POLAR_CLIENT_SECRET: clientSecret,
  POLAR_SERVER: polar.url,
});
await import('./dist/main.js');
while (!(await fetch(origin).catch(() => undefined))) await setTimeout(50);

// Nobody is logged in. A page goes to log in; fetch says of itself that it opens none.
const [page] = await once(httpGet(`${origin}/me`, { headers: { accept: 'text/html' } }), 'response');
assert.deepEqual([page.statusCode, page.headers.location], [303, '/auth/polar?return_to=%2Fme']);
page.resume();
assert.equal((await fetch(`${origin}/me`)).status, 401);
assert.equal((await fetch(`${origin}/api/me`)).status, 401);

const { start, get } = await logInAt(origin, polar);
// AuthGuard's own options are none of Polar's business.
assert.deepEqual(
  [...new URL(start).searchParams.keys()].filter((name) => /property|session/.test(name)),
  [],
);

const [token] = polar.liveTokens();
const api = await fetch(`${origin}/api/me`, { headers: { authorization: `Bearer ${token.accessToken}` } });
assert.deepEqual(await api.json(), { id: JSON.parse((await get('/me')).text).id });

// Somebody who was sent to log in by a page comes back to it.
const another = browserAt(origin);
const toPolar = await another(`/auth/polar?${new URLSearchParams({ return_to: '/me?tab=2' })}`);
const back = await another(await polar.authorize(toPolar.headers.get('location')));
assert.equal(back.headers.get('location'), '/me?tab=2');

// A login that a person cancels: the sentence for the person, and its status.
const again = await get('/auth/polar');
const denied = await get(await polar.authorize(again.headers.get('location'), { deny: true }));
assert.deepEqual(
  [denied.status, JSON.parse(denied.text).message],
  [401, 'The login with Polar was cancelled.'],
);

// A failure that is not the person's: its message is in Nest's log only.
const failing = await get('/auth/polar');
polar.fail('token', { status: 502 });
const { write } = process.stderr;
let logged = '';
process.stderr.write = (text) => {
  logged += text;
  return true;
};
const failed = await get(await polar.authorize(failing.headers.get('location')));
process.stderr.write = write;
assert.deepEqual(
  [failed.status, JSON.parse(failed.text)],
  [503, { code: 'server_error', message: 'Something went wrong' }],
);
assert.match(logged, /ERROR.*PolarErrors.*502/s);

// callbackArity: a validate with the arguments of Passport's classic callback.
const { PolarClassicLogin } = await import('./dist/polar-classic-login.js');
const classic = new PolarClassicLogin();
const user = await new Promise((resolve, reject) => {
  const app = express();
  app.use(session({ secret: 'only a test', resave: false, saveUninitialized: false }));
  app.use(passport.session());
  app.get('/auth/classic', passport.authenticate('polar-classic'));
  app.get(
    '/auth/classic/callback',
    passport.authenticate('polar-classic', { session: false }),
    (req, res) => {
      resolve(req.user);
      res.end();
    },
  );
  app.use((error, _req, _res, _next) => reject(error));
  app.listen(classicPort, '127.0.0.1', async () => {
    const visit = browserAt(classicOrigin);
    const begun = await visit('/auth/classic');
    await visit(await polar.authorize(begun.headers.get('location')));
  });
});
assert.equal(classic.name, 'polar-classic');
assert.equal(user.email, 'ada@example.com');
process.exit();

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
