/** Floods of what strangers can send: memory and sessions keep their bounds. */
import v8 from 'node:v8';
import vm from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import type { Response as ExpressResponse, Request } from 'express';
import session from 'express-session';
import { PolarBearerStrategy, PolarStrategy, polarTokens } from 'passport-polar-sh';
import { wantedScopes, wantScopes } from '../../src/wanted-scopes.js';
import { startTestApp } from '../support/test-app.js';

type Json = Record<string, unknown>;
const minute = 60_000;
const megabyte = 1024 * 1024;
const options = { clientID: 'c', clientSecret: 's', callbackURL: 'https://app.example/auth/polar/callback' };

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;
async function heapUsed(): Promise<number> {
  await new Promise(setImmediate);
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** By how much the heap grows in the last two thirds of a flood, when all that may be kept is there already. */
async function growthDuring(times: number, batch: number, work: (index: number) => Promise<unknown>) {
  let atFirst = 0;
  for (let index = 0; index < times; index += batch) {
    if (atFirst === 0 && index >= times / 3) atFirst = await heapUsed();
    await Promise.all(Array.from({ length: batch }, (_none, each) => work(index + each)));
  }
  return (await heapUsed()) - atFirst;
}

/** A strategy handling a request, as Passport has it do. */
function authenticate(strategy: PolarStrategy | PolarBearerStrategy, req: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const actions = { success: resolve, fail: resolve, redirect: resolve, error: reject };
    Object.assign(Object.create(strategy), actions).authenticate(req, {});
  });
}

describe('a flood of', () => {
  it('100,000 login starts in one session leaves ten of them there', async () => {
    const polar = new PolarStrategy(options);
    const store = new session.MemoryStore();
    const stored = () => (store as unknown as { sessions: Record<string, string> }).sessions['sid'] ?? '{}';
    const start = (): Promise<unknown> => {
      const url = '/auth/polar?return_to=/page';
      const req = { sessionID: 'sid', sessionStore: store, originalUrl: url, headers: {}, socket: {} };
      store.createSession(req as never, { cookie: { originalMaxAge: null }, ...JSON.parse(stored()) });
      return authenticate(polar, req);
    };
    const growth = await growthDuring(100_000, 100, start);
    expect(JSON.parse(stored()).polarLogins).toHaveLength(10);
    expect(stored().length).toBeLessThan(10_000);
    expect(growth).toBeLessThan(8 * megabyte);
  }, 300_000);

  it('cancelled logins leaves nothing, and what is remembered of them is bounded', async () => {
    const polar = new PolarStrategy(options);
    const store = new session.MemoryStore();
    const visit = async (sessionID: string, query: string): Promise<unknown> => {
      const originalUrl = query === '' ? '/auth/polar' : `/auth/polar/callback?${query}`;
      const req = { sessionID, sessionStore: store, originalUrl, headers: {}, socket: {} };
      const { sessions } = store as unknown as { sessions: Record<string, string> };
      store.createSession(req as never, JSON.parse(sessions[sessionID] ?? '{"cookie":{}}'));
      return authenticate(polar, req);
    };
    const growth = await growthDuring(45_000, 100, async (index) => {
      const sessionID = `session ${index % 100}`;
      const state = new URL(String(await visit(sessionID, ''))).searchParams.get('state');
      expect(await visit(sessionID, `error=access_denied&state=${state}`)).toMatchObject({
        code: 'access_denied',
      });
    });
    expect(growth).toBeLessThan(4 * megabyte);
  }, 300_000);

  const bearers = { clientID: 'c', clientSecret: 's', unknownTokensPerMinute: 1_000_000 };
  const bad = (index: number) => ({
    originalUrl: '/',
    headers: { authorization: `Bearer polar_at_u_bad-${index}` },
  });

  it('100,000 bad bearer tokens is forgotten but for the last of them', async () => {
    let now = 0;
    let asked = 0;
    const fetch = async (): Promise<Response> => {
      asked++;
      return Response.json({ active: false });
    };
    const bearer = new PolarBearerStrategy({ ...bearers, fetch, now: () => now });
    const ask = (index: number): Promise<unknown> => authenticate(bearer, bad(index));
    // Each twice: a "no" is remembered only for a token that was met before.
    const growth = await growthDuring(100_000, 100, async (index) => {
      await ask(index);
      if (index % 100 === 99) now += 200;
      if (index >= 1000) await ask(index - 1000);
    });
    expect(growth).toBeLessThan(8 * megabyte);
    now += minute;
    asked = 0;
    await ask(0);
    expect(asked).toBe(1);
  }, 300_000);

  it('100,000 bad bearer tokens beyond the budget leaves nothing but when the last of them were met', async () => {
    let asked = 0;
    const fetch = async (): Promise<Response> => {
      asked++;
      return Response.json({ active: false });
    };
    const bearer = new PolarBearerStrategy({
      ...bearers,
      unknownTokensPerMinute: 10,
      fetch,
      now: () => 1_000_000,
    });
    const growth = await growthDuring(100_000, 100, (index) =>
      authenticate(bearer, bad(index)).catch((error) => expect(error.code).toBe('rate_limited')),
    );
    expect(asked).toBe(10);
    expect(growth).toBeLessThan(4 * megabyte);
  }, 300_000);

  it('logins that a process meets is forgotten but for the last 10,000', async () => {
    const login = await loggedInSession();
    let looks = 0;
    const get = (_sid: string, done: (error: null) => void): void => {
      looks++;
      done(null);
    };
    const store = { get, set() {}, constructor: { name: 'MemoryStore' } };
    const middleware = polarTokens(
      new PolarStrategy({ ...options, clientID: login.clientID, server: login.server }),
    );
    const use = async (index: number): Promise<unknown> => {
      const loginId = String(index).padStart(32, '0');
      const { user } = login.session['passport'] as Json;
      const found = { ...login.session, polar: { ...(login.session['polar'] as Json), loginId } };
      Object.assign(found, { cookie: { originalMaxAge: null }, regenerate() {}, save() {} });
      const req = { session: found, sessionID: 's', sessionStore: store, user, isAuthenticated: () => true };
      middleware(req as never, {} as ExpressResponse, () => {});
      return (req as unknown as Request).polar.getAccessToken();
    };
    expect(await growthDuring(60_000, 100, use)).toBeLessThan(8 * megabyte);
    looks = 0;
    await use(59_999);
    expect(looks).toBe(0);
    await use(0);
    expect(looks).toBeGreaterThan(0);
  }, 300_000);

  it('scopes that pages want leaves 200 in the session', () => {
    const kept: Json = {};
    for (let index = 0; index < 1000; index++) wantScopes(kept, 'polar', [`scope-${index}`], 1);
    expect(wantedScopes(kept, 'polar', 1)).toHaveLength(200);
  });
});

/** The session of somebody who has just logged in. */
async function loggedInSession() {
  const logged = await startTestApp();
  try {
    const browser = logged.browser();
    await browser.logIn();
    const found = (await browser.get('/session')).body as Json;
    return { session: found, clientID: logged.client.clientID, server: logged.emulator.server };
  } finally {
    await logged.close();
  }
}
