/** Floods of what strangers can send: memory and sessions stay bounded. */
import v8 from 'node:v8';
import vm from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import type { Response as ExpressResponse, Request } from 'express';
import session from 'express-session';
import { PolarBearerStrategy, PolarStrategy, polarTokens, requireScope } from 'passport-polar-sh';
import { requestableScopes } from '../../src/request/requested-by-guards.js';
import { fieldsOf, textOf } from '../support/entry-fields.js';
import { isRowId } from '../support/stored-rows.js';
import { startTestApp } from '../support/test-app.js';

type Json = Record<string, unknown>;
const minute = 60_000;
const megabyte = 1024 * 1024;
const options = { clientID: 'c', clientSecret: 's', callbackURL: 'https://app.example/auth/polar/callback' };

// Tens of thousands of hints for developers would hide the test results.
process.env['NODE_ENV'] = 'production';

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;
async function heapUsed(): Promise<number> {
  await new Promise(setImmediate);
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** How much the heap grows in the last two thirds of a flood, when everything that may be kept is there already. */
async function growthDuring(times: number, batch: number, work: (index: number) => Promise<unknown>) {
  let atFirst = 0;
  for (let index = 0; index < times; index += batch) {
    if (atFirst === 0 && index >= times / 3) atFirst = await heapUsed();
    await Promise.all(Array.from({ length: batch }, (_none, each) => work(index + each)));
  }
  return (await heapUsed()) - atFirst;
}

/** Runs a strategy on a request, as Passport does. */
function authenticate(strategy: PolarStrategy | PolarBearerStrategy, req: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const actions = { success: resolve, fail: resolve, redirect: resolve, error: reject };
    Object.assign(Object.create(strategy), actions).authenticate(req, {});
  });
}

/** A session store that keeps only the last thousand sessions: anything else that grows is ours. */
class ForgetfulStore extends session.Store {
  readonly texts = new Map<string, string>();

  // The middleware of express-session sets it.
  readonly generate = (req: object): void => {
    Object.assign(req, { sessionID: 'sid' });
    this.createSession(req as never, { cookie: { originalMaxAge: null } } as never);
  };

  override get(sid: string, done: (error: unknown, session?: session.SessionData | null) => void): void {
    const text = this.texts.get(sid);
    setImmediate(() => done(null, text === undefined ? null : JSON.parse(text)));
  }

  override set(sid: string, content: unknown, done?: (error?: unknown) => void): void {
    this.texts.delete(sid);
    this.texts.set(sid, JSON.stringify(content));
    if (this.texts.size > 1000) this.texts.delete(this.texts.keys().next().value as string);
    setImmediate(() => done?.());
  }

  override destroy(sid: string, done?: (error?: unknown) => void): void {
    this.texts.delete(sid);
    setImmediate(() => done?.());
  }
}

/** A request with these cookies and a new session. */
function visit(store: ForgetfulStore, originalUrl: string, cookie = '') {
  const sent = new Map<string, unknown>();
  const res = {
    headersSent: false,
    getHeader: (name: string) => sent.get(name.toLowerCase()),
    setHeader: (name: string, value: unknown) => sent.set(name.toLowerCase(), value),
  };
  const headers = { host: 'app.example', cookie };
  const req = { sessionStore: store, originalUrl, headers, socket: {}, res };
  store.generate(req);
  const cookies = (): string[] => [sent.get('set-cookie') ?? []].flat().map(String);
  return { req, cookies };
}

describe('a flood of', () => {
  it('45,000 login starts leaves no session, one row each in the store, and nothing in this process', async () => {
    const polar = new PolarStrategy(options);
    const store = new ForgetfulStore();
    const start = async (): Promise<void> => {
      const { req, cookies } = visit(store, '/auth/polar?return_to=/page');
      expect(await authenticate(polar, req)).toMatch(/^https:\/\/polar\.sh\/oauth2\/authorize\?/);
      expect(cookies()).toHaveLength(1);
    };
    const growth = await growthDuring(45_000, 100, start);
    expect(store.texts.size).toBe(1000);
    expect([...store.texts.keys()].filter((sid) => !isRowId(sid))).toEqual([]);
    for (const text of store.texts.values()) expect(text.length).toBeLessThan(3000);
    expect(growth).toBeLessThan(4 * megabyte);
  }, 300_000);

  it('login starts in one browser leaves only the last twenty cookies', async () => {
    const polar = new PolarStrategy(options);
    const store = new ForgetfulStore();
    // As a browser keeps them: the oldest first, without expired ones.
    const jar = new Map<string, string>();
    const started: string[] = [];
    for (let time = 0; time < 200; time++) {
      const header = [...jar].map((pair) => pair.join('=')).join('; ');
      const { req, cookies } = visit(store, '/auth/polar', header);
      await authenticate(polar, req);
      for (const each of cookies()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(each) ?? [];
        if (/; Max-Age=0;/.test(each)) jar.delete(name);
        else {
          jar.set(name, value);
          started.push(name);
        }
      }
      expect(jar.size).toBeLessThanOrEqual(20);
    }
    expect([...jar.keys()]).toEqual(started.slice(-20));
  });

  it('cancelled logins leaves only rows that expire, and the memory stays bounded', async () => {
    const polar = new PolarStrategy(options);
    const store = new ForgetfulStore();
    const cancel = async (): Promise<void> => {
      const { req, cookies } = visit(store, '/auth/polar');
      const state = new URL(String(await authenticate(polar, req))).searchParams.get('state');
      const [cookie] = cookies()[0]?.split(';') ?? [];
      const path = `/auth/polar/callback?error=access_denied&state=${state}`;
      expect(await authenticate(polar, visit(store, path, cookie).req)).toMatchObject({
        code: 'access_denied',
      });
    };
    const growth = await growthDuring(36_000, 100, cancel);
    expect([...store.texts.keys()].filter((sid) => !isRowId(sid))).toEqual([]);
    expect(growth).toBeLessThan(4 * megabyte);
  }, 300_000);

  it('callbacks of logins that nobody started leaves nothing at all', async () => {
    const polar = new PolarStrategy(options);
    const store = new ForgetfulStore();
    const growth = await growthDuring(45_000, 100, async (index) => {
      const cookie = `__Host-polar-${String(index).padStart(10, '0')}=made-up`;
      const path = `/auth/polar/callback?code=made-up&state=made-up-${index}`;
      expect(await authenticate(polar, visit(store, path, cookie).req)).toMatchObject({
        code: 'attempt_unknown',
      });
    });
    expect(store.texts.size).toBe(0);
    expect(growth).toBeLessThan(4 * megabyte);
  }, 300_000);

  const bearers = { clientID: 'c', clientSecret: 's', unknownTokensPerMinute: 1_000_000 };
  const bad = (index: number) => ({
    originalUrl: '/',
    headers: { authorization: `Bearer polar_at_u_bad-${index}` },
  });

  it('100,000 bad bearer tokens is forgotten except for the last of them', async () => {
    let now = 0;
    let asked = 0;
    const fetch = async (): Promise<Response> => {
      asked++;
      return Response.json({ active: false });
    };
    const bearer = new PolarBearerStrategy({ ...bearers, fetch, now: () => now });
    const ask = (index: number): Promise<unknown> => authenticate(bearer, bad(index));
    // Each twice: a refusal is cached only for a token that was seen before.
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

  it('100,000 bad bearer tokens beyond the budget leaves only the times of the last of them', async () => {
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

  it('logins in one process is forgotten except for the last 10,000', async () => {
    const login = await loggedInSession();
    const entry = fieldsOf(login.session['polar']);
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
      const found = { ...login.session, polar: textOf({ ...entry, loginId }) };
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

  it('scopes in guards leaves 1000 of them, for which logins may ask', () => {
    const scopes = Array.from({ length: 5000 }, (_none, index) => `scope-${index}:read`);
    for (const scope of scopes) requireScope(scope as never, { loginPath: '/auth/polar' });
    expect(requestableScopes(scopes.join(' '))).toEqual(scopes.slice(0, 1000));
  });

  it('scopes in the address of a login leaves none that no guard names', async () => {
    const polar = new PolarStrategy(options);
    const asked = Array.from({ length: 500 }, (_none, index) => `made-up-${index}`).join('%20');
    const { req } = visit(new ForgetfulStore(), `/auth/polar?scope=${asked}`);
    const url = new URL(String(await authenticate(polar, req)));
    expect(url.searchParams.get('scope')).toBe('openid email');
  });
});

/** The session of somebody who has just logged in. */
async function loggedInSession() {
  const logged = await startTestApp();
  try {
    const browser = await logged.loggedInBrowser();
    const found = (await browser.get('/session')).body as Json;
    return { session: found, clientID: logged.client.clientID, server: logged.emulator.server };
  } finally {
    await logged.close();
  }
}
