/** Login attempts over storages of every kind; flows/login-attempts.test.ts has them in a whole app. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import type { LoginAttempt } from '../../src/attempts/login-attempt.js';
import { LoginAttempts, type RepeatedAttempt, type TakenAttempt } from '../../src/attempts/login-attempts.js';
import { GuardedStorage } from '../../src/storage/guarded-storage.js';
import type { PolarStorage, StoredRow } from '../../src/storage/polar-storage.js';

const minute = 60_000;
const place = { secure: false, sameSite: 'lax', partitioned: false, domain: undefined } as const;
let now: number;
let rows: Map<string, StoredRow>;
let cookies: Record<string, string>;
beforeEach(() => {
  now = Date.parse('2026-11-27T10:00:00Z');
  rows = new Map();
  cookies = {};
});

const process = (): LoginAttempts => new LoginAttempts({ now: () => now, loginAttemptSeconds: 600 });
/** Rows that all processes share; a test can replace any method. */
const storage = (more: Partial<PolarStorage> = {}): GuardedStorage =>
  new GuardedStorage(
    {
      read: async ({ id }) => rows.get(id),
      async write({ id }, row) {
        const found = rows.get(id);
        if (
          found &&
          (found.version > row.version || (found.version === row.version && found.value !== row.value))
        )
          return false;
        rows.set(id, row);
        return true;
      },
      remove: async () => {},
      ...more,
    },
    500,
  );
const attempt = (more: Partial<LoginAttempt> = {}): LoginAttempt => ({
  redirectURI: 'http://localhost:3000/cb',
  scopes: ['openid'],
  extra: {},
  clientID: 'c',
  server: 's',
  nonce: 'n',
  codeVerifier: 'v',
  ...more,
});
/** A request of a browser with these cookies, which stores the cookies that it is sent. */
function request(sent = cookies): Request {
  const headers: Record<string, unknown> = {};
  const res = {
    headersSent: false,
    getHeader: (name: string) => headers[name],
    setHeader(name: string, values: string[]) {
      headers[name] = values;
      for (const value of values) {
        const [pair = ''] = value.split(';');
        const [cookie = '', text = ''] = pair.split('=');
        if (value.includes('Max-Age=0')) delete cookies[cookie];
        else cookies[cookie] = text;
      }
    },
  };
  const cookie = Object.entries(sent)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ');
  return { headers: { cookie }, res } as never;
}
const add = (state: string, more: Partial<LoginAttempt> = {}, where = [storage()]) =>
  process().add(request(), where, state, attempt(more), place);
const take = (state: string, who = process(), where = [storage()], req = request()) =>
  who.take(req, where, state, ({ clientID }) => clientID === 'c');
const taken = async (state: string, ...rest: [LoginAttempts?, GuardedStorage[]?]) =>
  (await take(state, ...rest)) as TakenAttempt;
const repeated = async (state: string, ...rest: [LoginAttempts?, GuardedStorage[]?]) =>
  (await take(state, ...rest)) as RepeatedAttempt;

describe('a login attempt', () => {
  it('is taken once, and then holds neither nonce nor verifier', async () => {
    await add('a', { returnTo: '/page', appState: [1] });
    expect((await taken('a')).attempt).toEqual(attempt({ returnTo: '/page', appState: [1] }));
    const again = await repeated('a');
    expect(again.repeated).toMatchObject({ returnTo: '/page', appState: [1], takenBy: expect.any(String) });
    expect(again.repeated).not.toHaveProperty('nonce');
    expect(again.repeated).not.toHaveProperty('codeVerifier');
  });

  it('is not taken by a strategy for another client', async () => {
    await add('a', { clientID: 'other' });
    expect(await take('a')).toMatchObject({ problem: 'unknown' });
    expect(await process().take(request(), [storage()], 'a', () => true)).toMatchObject({
      attempt: attempt({ clientID: 'other' }),
    });
  });

  it('is restarted once', async () => {
    await add('a');
    await take('a');
    const [one, other] = [await repeated('a'), await repeated('a')];
    expect(await one.restart()).toBe(true);
    expect(await other.restart()).toBe(false);
    expect(await (await repeated('a')).restart()).toBe(false);
  });

  it.each([
    [10 * minute - 1, true],
    [10 * minute, false],
    // The clock was set back.
    [-10 * minute + 1, true],
    [-10 * minute, false],
  ])('lasts ten minutes (checked after %i ms)', async (ageMs, isGood) => {
    await add('a');
    now += ageMs;
    expect(await take('a')).toEqual(
      isGood ? expect.objectContaining({ attempt: attempt() }) : { problem: 'expired' },
    );
  });

  it('is not changed by a request without its cookie', async () => {
    await add('a');
    const before = [...rows];
    for (const sent of [{}, { other: 'x' }, mapValues(() => 'wrong')])
      expect(await take('a', process(), [storage()], request(sent))).toHaveProperty('problem');
    expect([...rows]).toEqual(before);
    expect(await taken('a')).toHaveProperty('attempt');
  });

  it.each<[string, (row: StoredRow) => StoredRow | undefined]>([
    ['is missing', () => undefined],
    ['is text', (row) => ({ ...row, value: 'text' })],
    ['is a record of tokens', (row) => ({ ...row, value: 'a.b.c.d.e' })],
    ['is null', (row) => ({ ...row, value: 'null' })],
    ['has a later start', (row) => changed(row, { startedAt: now + 1 })],
    ['has another cookie', (row) => changed(row, { cookie: 'theme' })],
    ['has another seal', (row) => changed(row, { sealed: 'x.y.z' })],
    ['has no seal', (row) => changed(row, { sealed: undefined })],
  ])('is not taken if its row %s', async (_what, change) => {
    await add('a');
    const [[id, row] = ['', { version: 1, value: '' }]] = rows;
    const bad = change(row);
    if (bad) rows.set(id, bad);
    else rows.delete(id);
    expect(await take('a')).toHaveProperty('problem');
  });

  it('cannot take the place of another attempt', async () => {
    await add('a', { returnTo: '/a' });
    const [[idA, rowA]] = [...rows] as [[string, StoredRow]];
    await add('b', { returnTo: '/b' });
    const idB = [...rows.keys()].find((id) => id !== idA) as string;
    rows.set(idB, rowA);
    expect(await take('b')).toHaveProperty('problem');
  });
});

const mapValues = (change: (value: string) => string) =>
  Object.fromEntries(Object.entries(cookies).map(([name, value]) => [name, change(value)]));
const changed = (row: StoredRow, change: object): StoredRow => ({
  ...row,
  value: JSON.stringify({ ...JSON.parse(row.value), ...change }),
});

describe('two requests that take one attempt at once', () => {
  it('succeed once in one process, even if the storage accepts both writes', async () => {
    const yes = [storage({ atomic: false, write: async ({ id }, row) => Boolean(rows.set(id, row)) })];
    await add('a', {}, yes);
    const here = process();
    const all = await Promise.all(Array.from({ length: 5 }, () => take('a', here, yes)));
    expect(all.filter((each) => 'attempt' in each)).toHaveLength(1);
    const restarted = await Promise.all(all.map((each) => 'restart' in each && each.restart()));
    expect(restarted.filter(Boolean)).toHaveLength(1);
  });

  it('succeed once in two processes, by compare-and-set', async () => {
    await add('a');
    const all = await Promise.all([take('a'), take('a')]);
    expect(all.filter((each) => 'attempt' in each)).toHaveLength(1);
    expect(await (all.find((each) => 'attempt' in each) as TakenAttempt).isOurs()).toBe(true);
  });

  it('leave the attempt to the last writer in a storage without compare-and-set, and the other process notices', async () => {
    const yes = [storage({ atomic: false, write: async ({ id }, row) => Boolean(rows.set(id, row)) })];
    await add('a', {}, yes);
    const all = await Promise.all([taken('a', process(), yes), taken('a', process(), yes)]);
    const ours = await Promise.all(all.map((each) => each.isOurs()));
    expect(ours.sort()).toEqual([false, true]);
  });

  it('do not block each other when the first write fails', async () => {
    let fails = true;
    const { write } = plain();
    const where = [
      storage({
        async write(key, row, options) {
          if (fails && row.version > 1) throw new Error('down');
          return write(key, row, options);
        },
      }),
    ];
    await add('a', {}, where);
    const here = process();
    await expect(take('a', here, where)).rejects.toMatchObject({ code: 'server_error' });
    fails = false;
    expect(await take('a', here, where)).toHaveProperty('attempt');
  });
});

const plain = (): PolarStorage => ({
  read: async ({ id }) => rows.get(id),
  write: async ({ id }, row) => Boolean(rows.set(id, row)),
  remove: async () => {},
});

describe('the storage of login attempts', () => {
  it('is read again when it shows a row a moment later, for a browser with the cookie', async () => {
    await add('a');
    const visibleAt = performance.now() + 400;
    const late = [
      storage({ read: async ({ id }) => (performance.now() < visibleAt ? undefined : rows.get(id)) }),
    ];
    expect(await take('a', process(), late, request({}))).toEqual({ problem: 'unknown' });
    expect(await take('a', process(), late)).toHaveProperty('attempt');
  });

  it('leaves an attempt with the process that took it when reads lag', async () => {
    const before = new Map<string, StoredRow>();
    const lagging = [storage({ atomic: false, read: async ({ id }) => before.get(id) })];
    await add('a', {}, lagging);
    for (const [id, row] of rows) before.set(id, row);
    expect(await (await taken('a', process(), lagging)).isOurs()).toBe(true);
  });

  it('passes attempts on to the next storage while it is down, and they are found there later', async () => {
    const own = new Map<string, StoredRow>();
    let isDown = true;
    const failing = storage({
      read: async ({ id }) => {
        if (isDown) throw new Error('down');
        return own.get(id);
      },
      write: async () => {
        throw new Error('down');
      },
    });
    await add('a', {}, [failing, storage()]);
    expect(rows.size).toBe(1);
    isDown = false;
    expect(await take('a', process(), [failing, storage()])).toHaveProperty('attempt');
  });

  it.each<[string, Partial<PolarStorage>, string]>([
    ['fails', { read: async () => Promise.reject(new Error('secret words')) }, 'server_error'],
    ['does not respond', { read: () => new Promise(() => {}) }, 'timeout'],
  ])('gives no verdict while it %s, but an error that asks to try again', async (_what, more, code) => {
    await add('a');
    await expect(take('a', process(), [storage(more)])).rejects.toMatchObject({ code, status: 503 });
    expect(await take('a')).toHaveProperty('attempt');
  });
});

describe('a browser with more than twenty attempt cookies', () => {
  it('loses the oldest of them, and no cookies of others', async () => {
    cookies['connect.sid'] = 'x';
    cookies['polar-theme'] = 'dark';
    for (let index = 0; index < 30; index++) await add(`state-${index}`);
    const names = Object.keys(cookies);
    expect(names.filter((name) => /^polar-[0-9a-f]{10}$/.test(name))).toHaveLength(20);
    expect(cookies).toMatchObject({ 'connect.sid': 'x', 'polar-theme': 'dark' });
    expect(await take('state-29')).toHaveProperty('attempt');
    expect(await take('state-10')).toHaveProperty('attempt');
    expect(await take('state-9')).toEqual({ problem: 'cookie_missing' });
  });
});
