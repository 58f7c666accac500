/** The text of a request line names no other host, whatever a URL parser makes of it. */
import { request as send } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { requireLogin } from 'passport-polar-sh';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

/** An app in which every page starts a login, with a redirect URI completed from the request. */
async function startGuardedApp(): Promise<void> {
  app = await startTestApp({
    strategy: { callbackURL: '/auth/polar/callback' },
    routes: (server, { passport }) => server.use(passport.authenticate('polar')),
  });
}

/** Sends a request target unchanged, which fetch and supertest would normalize. */
function get(target: string, headers: Record<string, string> = {}) {
  const { hostname, port } = new URL(app.url);
  interface Answer {
    status: number | undefined;
    location: string | undefined;
    redirectURI: string | null;
    text: string;
  }
  return new Promise<Answer>((resolve, reject) => {
    const sent = send({ host: hostname, port, path: target, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => {
        const { location } = answer.headers;
        const redirectURI = location ? new URL(location, app.url).searchParams.get('redirect_uri') : null;
        resolve({ status: answer.statusCode, location, redirectURI, text });
      });
    });
    sent.on('error', reject).end();
  });
}

const targets = [
  '//evil.example/page',
  '/\\evil.example/page',
  '///evil.example/page',
  '/%2F/evil.example/',
  '/.//evil.example/page',
  '/..//evil.example/',
  '//user:pass@evil.example/',
  '//evil.example:443/',
  '//[::1]/',
  '//[/x',
  '/%5Cevil.example/',
  'http://evil.example/page',
  'https://evil.example/page',
  '//',
  '/',
];

describe('a login that is started at', () => {
  it.each(targets)('%s returns to the host of the request', async (target) => {
    await startGuardedApp();
    const { host } = new URL(app.url);
    const { redirectURI, status } = await get(target, { host });
    expect([status, redirectURI]).toEqual([302, `http://${host}/auth/polar/callback`]);
  });
});

describe.each(['', '/shop'])('a guard behind a proxy that strips %j', (proxyPrefix) => {
  const start = async (): Promise<void> => {
    app = await startTestApp({
      strategy: proxyPrefix === '' ? {} : { proxyPrefix },
      routes: (server) => server.use(requireLogin({ loginPath: '/auth/polar' })),
    });
  };
  const accept = 'text/html';

  it.each(['/page?x=1', 'http://evil.example/page?x=1'])('returns to the page of %s', async (target) => {
    await start();
    const page = encodeURIComponent(`${proxyPrefix}/page?x=1`);
    const { location } = await get(target, { accept });
    expect(location).toBe(`${proxyPrefix}/auth/polar?return_to=${page}`);
  });

  it.each(['/auth/polar', 'http://evil.example/auth/polar'])(
    'finds that it guards the login itself at %s',
    async (target) => {
      await start();
      expect((await get(target, { accept })).text).toContain('login_loop');
    },
  );
});

describe('a callback at', () => {
  it.each(targets)('%s is handled like any other, and no error contains its code', async (target) => {
    await startGuardedApp();
    const { status, text } = await get(`${target}?code=secret-code&state=s`);
    // Nobody has started a login with this state.
    expect(status).toBe(403);
    expect(text + JSON.stringify(app.errors.map((error) => ({ ...(error as object) })))).not.toContain(
      'secret-code',
    );
  });
});
