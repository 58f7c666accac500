/** Logins under way, over a real session store; what becomes of them through a whole app is in flows/tabs. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import session from 'express-session';
import { PolarTransientError } from '../../src/errors.js';
import { type PendingLogin, PendingLogins } from '../../src/passport/pending-logins.js';

const minute = 60_000;
let now: number;
let store: session.MemoryStore;
let pending: PendingLogins;
beforeEach(() => {
  now = Date.parse('2026-08-22T10:00:00Z');
  store = new session.MemoryStore();
  pending = new PendingLogins({ now: () => now, pendingLoginSeconds: 600, timeoutMs: 10_000 });
});

const loginOf = (state: string, more: Partial<PendingLogin> = {}): PendingLogin => ({
  state,
  nonce: 'n',
  codeVerifier: 'v',
  redirectURI: 'https://app.example/cb',
  clientID: 'c',
  server: 's',
  scopes: ['openid'],
  startedAt: now,
  ...more,
});

type Stored = Record<string, unknown> & { polarLogins?: PendingLogin[]; cookie?: { expires: string } };
const sessions = () => (store as unknown as { sessions: Record<string, string> }).sessions;
const stored = (): Stored => JSON.parse(sessions()['sid'] ?? '{}');
const states = (): string[] => (stored().polarLogins ?? []).map(({ state }) => state);

/** A request, with the session as it is in the store now. */
function request(): Request {
  const req = { sessionID: 'sid', sessionStore: store };
  store.createSession(req as never, { cookie: { originalMaxAge: null }, ...stored() } as never);
  return req as unknown as Request;
}

/** Writes the session without asking. */
const write = (changes: Record<string, unknown>): void => {
  sessions()['sid'] = JSON.stringify({ cookie: { originalMaxAge: null }, ...changes });
};

describe('a login under way', () => {
  it('is taken once, and is gone from the store by then', async () => {
    await pending.add(request(), loginOf('a', { returnTo: '/page', startedBy: 'u', appState: [1] }));
    expect(await pending.take(request(), 'a')).toEqual({
      login: loginOf('a', { returnTo: '/page', startedBy: 'u', appState: [1] }),
    });
    expect(stored()).not.toHaveProperty('polarLogins');
    expect(await pending.take(request(), 'a')).toEqual({ problem: 'unknown' });
  });

  it('is another for each state, and of the eleventh on the oldest goes', async () => {
    const names = Array.from({ length: 11 }, (_none, index) => `state-${index}`);
    for (const name of names) await pending.add(request(), loginOf(name));
    expect(states()).toEqual(names.slice(1));
    expect(await pending.take(request(), 'state-0')).toEqual({ problem: 'unknown' });
    await pending.take(request(), 'state-5');
    expect(states()).toEqual(names.slice(1).filter((name) => name !== 'state-5'));
  });

  it('is looked for in the store, since the session of a request may be old', async () => {
    const early = [request(), request(), request()] as const;
    await pending.add(early[0], loginOf('a'));
    await pending.add(early[1], loginOf('b'));
    expect(states()).toEqual(['a', 'b']);
    expect(await pending.take(early[2], 'a')).toMatchObject({ login: { state: 'a' } });
    expect(states()).toEqual(['b']);
  });

  it('is taken from the request where the store has lost the session, which is not brought back', async () => {
    await pending.add(request(), loginOf('a'));
    await pending.add(request(), loginOf('b'));
    const req = request();
    store.destroy('sid');
    expect((await pending.remaining(req)).map(({ state }) => state)).toEqual(['a', 'b']);
    expect(await pending.take(req, 'a')).toMatchObject({ login: { state: 'a' } });
    expect(await pending.take(req, 'a')).toEqual({ problem: 'unknown' });
    expect(sessions()).toEqual({});
    // A new session of the same browser, which has not been saved yet, carries its own along.
    await pending.add(req, loginOf('c'));
    expect(states()).toEqual(['b', 'c']);
  });

  it('is not taken again when a stale write brings it back, and not carried along', async () => {
    await pending.add(request(), loginOf('a'));
    await pending.add(request(), loginOf('b'));
    const before = stored();
    await pending.take(request(), 'a');
    write(before);
    expect((await pending.remaining(request())).map(({ state }) => state)).toEqual(['b']);
    expect(await pending.take(request(), 'a')).toEqual({ problem: 'unknown' });
  });

  it.each([
    [10 * minute - 1, true],
    [10 * minute, false],
    // The clock was set back.
    [-10 * minute + 1, true],
    [-10 * minute, false],
  ])('is good for ten minutes: %i ms', async (ageMs, isGood) => {
    await pending.add(request(), loginOf('a'));
    await pending.add(request(), loginOf('b'));
    now += ageMs;
    expect(await pending.remaining(request())).toHaveLength(isGood ? 2 : 0);
    expect(await pending.take(request(), 'a')).toEqual(
      isGood ? { login: loginOf('a', { startedAt: now - ageMs }) } : { problem: 'expired' },
    );
    expect(states()).toEqual(isGood ? ['b'] : []);
  });

  it('is carried into another session, or nothing is', () => {
    const { session: other } = request();
    pending.carryInto(other as never, [loginOf('a')]);
    expect(other).toMatchObject({ polarLogins: [{ state: 'a' }] });
    pending.carryInto(other as never, []);
    expect(other).not.toHaveProperty('polarLogins');
  });
});

describe('a session that is new', () => {
  const keptFor = (): number =>
    Math.round((Date.parse(stored().cookie?.expires ?? '') - Date.now()) / minute);

  it('is kept for as long as its logins are good, while it holds nothing else', async () => {
    await pending.add(request(), loginOf('a'));
    expect(keptFor()).toBe(10);
  });

  it('is kept as the app wants it once it holds more, or is no longer new', async () => {
    const req = request();
    Object.assign(req.session, { cart: 1 });
    await pending.add(req, loginOf('a'));
    expect(keptFor()).toBeNaN();
    write({ polarLogins: [] });
    await pending.add(request(), loginOf('b'));
    expect(keptFor()).toBeNaN();
  });
});

describe('what is in a session', () => {
  it.each([[undefined], [null], ['text'], [7], [{}], [{ 0: 1, length: 1 }]])(
    'is no list: %j',
    async (list) => {
      write({ polarLogins: list });
      expect(await pending.remaining(request())).toEqual([]);
    },
  );

  const texts = ['state', 'nonce', 'codeVerifier', 'redirectURI', 'clientID', 'server'];
  it.each<[string, unknown]>([
    ...texts.flatMap((field) =>
      [undefined, null, '', 7, ['a']].map((value): [string, unknown] => [field, value]),
    ),
    ...[undefined, null, '0', []].map((value): [string, unknown] => ['startedAt', value]),
    ...[undefined, null, 'openid', {}].map((value): [string, unknown] => ['scopes', value]),
    ...[null, 7, []].flatMap((value): [string, unknown][] => [
      ['returnTo', value],
      ['startedBy', value],
    ]),
  ])('is no login with %s: %j', async (field, value) => {
    write({ polarLogins: [{ ...loginOf('a'), [field]: value }, loginOf('b')] });
    expect(await pending.remaining(request())).toEqual([loginOf('b')]);
  });

  it.each([[null], [undefined], ['text'], [7], [[]]])('is no login but %j', async (item) => {
    write({ polarLogins: [item, loginOf('b')] });
    expect(await pending.remaining(request())).toEqual([loginOf('b')]);
  });
});

describe('a store', () => {
  type Get = (sid: string, callback: (error: unknown, session?: never) => void) => void;
  const asks = (get: Get): void => void Object.assign(store, { get });

  it('that cannot answer is an error', async () => {
    const error = new Error('down');
    const req = request();
    asks((_sid, callback) => callback(error));
    await expect(pending.add(req, loginOf('a'))).rejects.toBe(error);
    await expect(pending.take(req, 'a')).rejects.toBe(error);
  });

  it('that reports a missing session as ENOENT has none', async () => {
    const req = request();
    asks((_sid, callback) => callback(Object.assign(new Error('none'), { code: 'ENOENT' })));
    expect(await pending.take(req, 'a')).toEqual({ problem: 'unknown' });
  });

  it('that is silent costs one time-out, also those who queue behind; who comes later is asked for again', async () => {
    let asked = 0;
    const req = request();
    pending = new PendingLogins({ now: () => now, pendingLoginSeconds: 600, timeoutMs: 50 });
    asks(() => void asked++);
    const attempts = [1, 2, 3].map(() => pending.remaining(req).catch((error: unknown) => error));
    for (const error of await Promise.all(attempts)) {
      expect(error).toBeInstanceOf(PolarTransientError);
      expect(error).toMatchObject({ code: 'timeout' });
    }
    expect(asked).toBe(1);
    await expect(pending.remaining(req)).rejects.toMatchObject({ code: 'timeout' });
    expect(asked).toBe(2);
  });

  it('that fails once fails one request, and not those behind it', async () => {
    let asked = 0;
    const req = request();
    asks((_sid, callback) => (asked++ === 0 ? callback(new Error('down')) : callback(null)));
    const results = await Promise.allSettled([pending.remaining(req), pending.remaining(req)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});
