/** Login attempts and their cookies under attack, and two processes that take one attempt at once. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PolarStorage } from 'passport-polar-sh';
import request from 'supertest';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { until } from '../support/until.js';
import { Clock, type Provider, type ProviderOptions, startProvider } from './provider/provider.js';
import { expectNoSecrets, type RelyingParty, startRelyingParty } from './relying-party.js';

const callbackURL = 'https://app.example/auth/polar/callback';
/** The host that the browser requests. */
let host = 'app.example';
const clock = new Clock();

let provider: Provider;
const apps: RelyingParty[] = [];
afterEach(async () => {
  for (const app of apps) {
    expectNoSecrets(provider, app.errors);
    await app.close();
  }
  apps.length = 0;
  host = 'app.example';
  expect(provider.complaints).toEqual([]);
  await provider.close();
});

async function start(strategy: Parameters<typeof startRelyingParty>[1] = {}, options: ProviderOptions = {}) {
  provider = await startProvider({ clock, ...options });
  provider.redirectURIs.push(callbackURL);
  return startProcess(strategy);
}

/** Starts one more process of the app. */
async function startProcess(strategy: Parameters<typeof startRelyingParty>[1] = {}): Promise<RelyingParty> {
  const app = await startRelyingParty(provider, strategy);
  apps.push(app);
  return app;
}

interface Visit {
  readonly status: number;
  readonly code: string | undefined;
  readonly location: string | undefined;
  /** Cookies that the browser has to store, without attributes. */
  readonly kept: string[];
  readonly deleted: string[];
}

/** Sends a request with exactly these cookies, in this order. */
async function visit({ url }: RelyingParty, path: string, cookies: readonly string[] = []): Promise<Visit> {
  const answer = await request(url).get(path).set('Host', host).set('Cookie', cookies.join('; '));
  const set = [answer.headers['set-cookie'] ?? []].flat().map(String);
  const isDeleted = (cookie: string): boolean => /; Max-Age=0;/.test(cookie);
  const pairOf = (cookie: string): string => cookie.split(';', 1)[0] ?? '';
  return {
    status: answer.status,
    code: answer.body.code,
    location: answer.headers['location'],
    kept: set.filter((cookie) => !isDeleted(cookie)).map(pairOf),
    deleted: set.filter(isDeleted).map(pairOf),
  };
}

/** A login up to the provider's response: the path that delivers it, and the cookie of the browser that started it. */
interface Attempt {
  readonly path: string;
  readonly cookie: string;
  readonly name: string;
  readonly value: string;
}

async function attempt(app: RelyingParty, cookies: readonly string[] = []): Promise<Attempt> {
  const { location = '', kept } = await visit(app, '/auth/polar', cookies);
  const answer = await fetch(location, { redirect: 'manual' });
  const { pathname, search } = new URL(answer.headers.get('location') ?? '');
  const [cookie = ''] = kept;
  const [name = '', value = ''] = cookie.split('=');
  return { path: pathname + search, cookie, name, value };
}

const loggedIn = { status: 200, code: undefined };
const refused = (code: string) => ({ status: 403, code, kept: [] });
/** The user according to the session cookie of a response. */
async function userOf(app: RelyingParty, { kept }: Pick<Visit, 'kept'>): Promise<unknown> {
  const answer = await request(app.url).get('/me').set('Host', host).set('Cookie', kept.join('; '));
  return answer.body.user;
}

describe('the cookie of a login attempt over https', () => {
  let app: RelyingParty;
  beforeEach(async () => {
    app = await start({ callbackURL });
  });

  it('has a name that only this host can set', async () => {
    const own = await attempt(app);
    expect(own.name).toMatch(/^__Host-polar-[0-9a-f]{10}$/);
    const answer = await visit(app, own.path, [own.cookie]);
    expect(answer).toMatchObject(loggedIn);
    expect(await userOf(app, answer)).toMatchObject({ id: provider.subject });
  });

  it('opens no attempt of an attacker if a sibling subdomain has tossed it without the prefix', async () => {
    const attacker = await attempt(app);
    const tossed = attacker.cookie.replace('__Host-', '');
    expect(await visit(app, attacker.path, [tossed])).toMatchObject(refused('attempt_cookie_missing'));
    const own = await attempt(app, [tossed]);
    expect(await visit(app, attacker.path, [tossed, own.cookie])).toMatchObject(
      refused('attempt_cookie_missing'),
    );
    expect(provider.takeCalls()).not.toContain('token');
  });

  it('is not affected by a cookie that a sibling subdomain has tossed', async () => {
    const attacker = await attempt(app);
    const own = await attempt(app);
    const tossed = `${own.name.replace('__Host-', '')}=${attacker.value}`;
    expect(await visit(app, own.path, [tossed, own.cookie])).toMatchObject(loggedIn);
  });
});

describe.each(['https', 'http'])('a login attempt over %s', (protocol) => {
  let app: RelyingParty;
  beforeEach(async () => {
    app = await start(protocol === 'https' ? { callbackURL } : {});
    if (protocol === 'http') ({ host } = new URL(app.url));
  });

  it('logs nobody in if an attacker’s response is delivered to a victim’s browser', async () => {
    const attacker = await attempt(app);
    const own = await attempt(app);
    for (const cookies of [[], [own.cookie], [`${own.name}=${attacker.value}`]])
      expect(await visit(app, attacker.path, cookies)).toMatchObject(refused('attempt_cookie_missing'));
    expect(provider.takeCalls()).not.toContain('token');
    // The victim's own login still succeeds.
    expect(await visit(app, own.path, [own.cookie])).toMatchObject(loggedIn);
  });

  it('does not accept an attacker’s code under the victim’s state', async () => {
    const attacker = await attempt(app);
    const own = await attempt(app);
    const codeOf = ({ path }: Attempt): string => /code=([^&]+)/.exec(path)?.[1] ?? '';
    const injected = own.path.replace(codeOf(own), codeOf(attacker));
    expect(await visit(app, injected, [own.cookie])).toMatchObject({ status: 502, code: 'invalid_grant' });
  });

  it('is neither opened nor used up with another browser’s cookie', async () => {
    const [own, another] = [await attempt(app), await attempt(app)];
    expect(await visit(app, own.path, [another.cookie])).toMatchObject(refused('attempt_cookie_missing'));
    for (const value of [another.value, own.value.slice(1), `${own.value}A`, own.value.toLowerCase(), '%00'])
      expect(await visit(app, own.path, [`${own.name}=${value}`])).toMatchObject(
        refused('attempt_cookie_other'),
      );
    expect(await visit(app, own.path, [`${own.name}=`])).toMatchObject(refused('attempt_cookie_missing'));
    expect(provider.takeCalls()).not.toContain('token');
    expect(await visit(app, own.path, [own.cookie])).toMatchObject(loggedIn);
  });

  it('fails while the cookies of two tabs are swapped, and succeeds once they are back', async () => {
    const one = await attempt(app);
    const other = await attempt(app, [one.cookie]);
    const swapped = [`${one.name}=${other.value}`, `${other.name}=${one.value}`];
    for (const { path } of [one, other])
      expect(await visit(app, path, swapped)).toMatchObject(refused('attempt_cookie_other'));
    for (const { path } of [one, other])
      expect(await visit(app, path, [one.cookie, other.cookie])).toMatchObject(loggedIn);
  });

  it('succeeds with several cookies of the same name, but not with very many', async () => {
    const own = await attempt(app);
    const others = (times: number) => Array.from({ length: times }, (_none, index) => `${own.name}=${index}`);
    expect(await visit(app, own.path, [...others(220), own.cookie])).toMatchObject(
      refused('attempt_cookie_other'),
    );
    expect(await visit(app, own.path, [...others(4), own.cookie])).toMatchObject(loggedIn);
  });

  it('succeeds among 220 cookies', async () => {
    const own = await attempt(app);
    const prefix = own.name.slice(0, -10);
    const crowd = Array.from(
      { length: 219 },
      (_none, index) => `${prefix}${String(index).padStart(10, '0')}=${own.value.slice(0, 40)}`,
    );
    const answer = await visit(app, own.path, [...crowd.slice(0, 110), own.cookie, ...crowd.slice(110)]);
    expect(answer).toMatchObject(loggedIn);
    expect(await userOf(app, answer)).toMatchObject({ id: provider.subject });
  });

  it('deletes the eleven oldest of thirty attempt cookies in a browser', async () => {
    const { name } = await attempt(app);
    const prefix = name.slice(0, -10);
    const had = Array.from({ length: 30 }, (_none, index) => `${prefix}${String(index).padStart(10, '0')}`);
    const foreign = ['polar=1', 'polar-theme=dark', '__Host-polar-0123=x', 'connect.sid=forged'];
    const cookies = [...had.map((each) => `${each}=x`), ...foreign];
    const { kept, deleted } = await visit(app, '/auth/polar', cookies);
    expect(deleted).toEqual(had.slice(0, 11).map((each) => `${each}=`));
    expect(kept).toEqual([expect.stringMatching(new RegExp(`^${prefix}[0-9a-f]{10}=`))]);
  });
});

/** A storage that two processes share, and in which the second one writes before the first one knows that it has. */
function interleaving(atomic: boolean) {
  const rows = inMemoryStorage();
  let isArmed = false;
  const waiting: (() => void)[] = [];
  // By then both have read the attempt, and neither knows of the other.
  const bothAreHere = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length < 2) return;
      isArmed = false;
      for (const each of waiting.splice(0)) each();
    });
  const storage: PolarStorage = {
    ...rows,
    shared: true,
    atomic,
    async write(key, row, options) {
      const isTaking = isArmed && row.version === 2;
      if (isTaking) await bothAreHere();
      if ((await rows.write(key, row, options)) || !isTaking || atomic) return rows.write(key, row, options);
      // Like a store that compares first and writes later: the last row stays, and both writes succeed.
      const found = await rows.read(key);
      if (found !== undefined) await rows.remove(key, found);
      return rows.write(key, row, options);
    },
  };
  const arm = (): void => {
    isArmed = true;
  };
  return { storage, arm };
}

describe('two processes that take one attempt at once', () => {
  const take = async (atomic: boolean) => {
    const { storage, arm } = interleaving(atomic);
    const one = await start({ callbackURL, storage }, { revokes: true });
    const other = await startProcess({ callbackURL, storage });
    const own = await attempt(one);
    provider.misbehave({ takesCodesAgain: true });
    arm();
    const visits = await Promise.all([one, other].map((app) => visit(app, own.path, [own.cookie])));
    return { one, other, own, visits };
  };

  it.each([
    ['compares and writes in one step', true, 1],
    ['accepts both writes', false, 2],
  ])('log in once with a storage that %s', async (_what, atomic, exchanges) => {
    const { one, other, own, visits } = await take(atomic);
    expect(provider.accessTokens).toHaveLength(exchanges);
    // One process has logged in, and the other treats it as a repeated response: it goes back to the provider.
    expect(visits.map(({ status }) => status).sort()).toEqual([200, 302]);
    const index = visits.findIndex(({ status }) => status === 200);
    const winner = [one, other][index] as RelyingParty;
    const loser = [other, one][index] as RelyingParty;
    const [won, lost] = [visits[index], visits[1 - index]] as [Visit, Visit];
    expect(await userOf(winner, won)).toMatchObject({ id: provider.subject });
    expect(await userOf(loser, lost)).toBeNull();
    expect(lost.location).toMatch(`${provider.origin}/authorize?`);

    // Of all issued tokens, only the winner's are alive.
    const token = await request(winner.url)
      .get('/polar/token')
      .set('Host', host)
      .set('Cookie', won.kept.join('; '));
    const alive = provider.accessTokens.indexOf(token.body.accessToken);
    expect(alive).toBeGreaterThanOrEqual(0);
    await until(() => provider.revoked.size === exchanges - 1);
    expect([...provider.revoked]).toEqual(provider.refreshTokens.filter((_token, each) => each !== alive));

    // A third response starts no further login.
    expect(await visit(loser, own.path, [own.cookie])).toMatchObject(refused('attempt_used'));
    expect(provider.accessTokens).toHaveLength(exchanges);
    // The login that was restarted succeeds.
    const answer = await fetch(lost.location ?? '', { redirect: 'manual' });
    const { pathname, search } = new URL(answer.headers.get('location') ?? '');
    expect(await visit(loser, pathname + search, lost.kept)).toMatchObject(loggedIn);
  });

  it('leave the exchange to the process that the storage names, if it compares and writes in one step', async () => {
    const { storage, arm } = interleaving(true);
    const one = await start({ callbackURL, storage }, { revokes: true });
    const other = await startProcess({ callbackURL, storage });
    const own = await attempt(one);
    arm();
    const visits = await Promise.all([one, other].map((app) => visit(app, own.path, [own.cookie])));
    expect(visits.map(({ status }) => status).sort()).toEqual([200, 302]);
    expect([provider.accessTokens.length, provider.revoked.size]).toEqual([1, 0]);
  });

  it('never both log in if the code works once and the storage accepts both writes', async () => {
    const { storage, arm } = interleaving(false);
    const one = await start({ callbackURL, storage }, { revokes: true });
    const other = await startProcess({ callbackURL, storage });
    const own = await attempt(one);
    arm();
    const visits = await Promise.all([one, other].map((app) => visit(app, own.path, [own.cookie])));
    expect(provider.accessTokens).toHaveLength(1);
    const isIn = visits.filter(({ status }) => status === 200).length;
    expect(isIn).toBeLessThanOrEqual(1);
    // No unused tokens are left alive.
    await until(() => provider.revoked.size === 1 - isIn);
  });
});
