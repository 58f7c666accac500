/** Login attempts and their cookies: what an attacker does to them, and two processes that take one at once. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PolarStorage } from 'passport-polar-sh';
import request from 'supertest';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { until } from '../support/polars.js';
import { Clock, type Provider, type ProviderOptions, startProvider } from './provider/provider.js';
import { expectNoSecrets, type RelyingParty, startRelyingParty } from './relying-party.js';

const callbackURL = 'https://app.example/auth/polar/callback';
/** As the browser names it. */
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

/** One more process of the app. */
async function startProcess(strategy: Parameters<typeof startRelyingParty>[1] = {}): Promise<RelyingParty> {
  const app = await startRelyingParty(provider, strategy);
  apps.push(app);
  return app;
}

interface Visit {
  readonly status: number;
  readonly code: string | undefined;
  readonly location: string | undefined;
  /** What the browser is to keep, without attributes. */
  readonly kept: string[];
  readonly deleted: string[];
}

/** A request with exactly these cookies, in this order. */
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

/** A login up to the provider's answer: the path that brings it, and the cookie of who has started it. */
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
/** Who the session cookie of an answer says to be. */
async function userOf(app: RelyingParty, { kept }: Pick<Visit, 'kept'>): Promise<unknown> {
  const answer = await request(app.url).get('/me').set('Host', host).set('Cookie', kept.join('; '));
  return answer.body.user;
}

describe('over https, the cookie of an attempt', () => {
  let app: RelyingParty;
  beforeEach(async () => {
    app = await start({ callbackURL });
  });

  it('has a name that only this host can have set', async () => {
    const own = await attempt(app);
    expect(own.name).toMatch(/^__Host-polar-[0-9a-f]{10}$/);
    const answer = await visit(app, own.path, [own.cookie]);
    expect(answer).toMatchObject(loggedIn);
    expect(await userOf(app, answer)).toMatchObject({ id: provider.subject });
  });

  it('that a sibling subdomain has tossed, without the prefix that it cannot set, opens no attempt of an attacker', async () => {
    const attacker = await attempt(app);
    const tossed = attacker.cookie.replace('__Host-', '');
    expect(await visit(app, attacker.path, [tossed])).toMatchObject(refused('attempt_cookie_missing'));
    const own = await attempt(app, [tossed]);
    expect(await visit(app, attacker.path, [tossed, own.cookie])).toMatchObject(
      refused('attempt_cookie_missing'),
    );
    expect(provider.takeCalls()).not.toContain('token');
  });

  it('that a sibling subdomain has tossed stands in nobody’s way', async () => {
    const attacker = await attempt(app);
    const own = await attempt(app);
    const tossed = `${own.name.replace('__Host-', '')}=${attacker.value}`;
    expect(await visit(app, own.path, [tossed, own.cookie])).toMatchObject(loggedIn);
  });
});

describe.each(['https', 'http'])('over %s', (protocol) => {
  let app: RelyingParty;
  beforeEach(async () => {
    app = await start(protocol === 'https' ? { callbackURL } : {});
    if (protocol === 'http') ({ host } = new URL(app.url));
  });

  it('an attacker’s answer in a victim’s browser logs nobody in, whatever the victim is about', async () => {
    const attacker = await attempt(app);
    const own = await attempt(app);
    for (const cookies of [[], [own.cookie], [`${own.name}=${attacker.value}`]])
      expect(await visit(app, attacker.path, cookies)).toMatchObject(refused('attempt_cookie_missing'));
    expect(provider.takeCalls()).not.toContain('token');
    // The victim's own login is none the worse for it.
    expect(await visit(app, own.path, [own.cookie])).toMatchObject(loggedIn);
  });

  it('an attacker’s code does not go under the victim’s state', async () => {
    const attacker = await attempt(app);
    const own = await attempt(app);
    const codeOf = ({ path }: Attempt): string => /code=([^&]+)/.exec(path)?.[1] ?? '';
    const injected = own.path.replace(codeOf(own), codeOf(attacker));
    expect(await visit(app, injected, [own.cookie])).toMatchObject({ status: 502, code: 'invalid_grant' });
  });

  it('another browser’s cookie opens nothing, and takes nothing away', async () => {
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

  it('cookies that were swapped between two tabs open neither login, and both once they are back', async () => {
    const one = await attempt(app);
    const other = await attempt(app, [one.cookie]);
    const swapped = [`${one.name}=${other.value}`, `${other.name}=${one.value}`];
    for (const { path } of [one, other])
      expect(await visit(app, path, swapped)).toMatchObject(refused('attempt_cookie_other'));
    for (const { path } of [one, other])
      expect(await visit(app, path, [one.cookie, other.cookie])).toMatchObject(loggedIn);
  });

  it('a cookie beside others of its name is found, but for among very many', async () => {
    const own = await attempt(app);
    const others = (times: number) => Array.from({ length: times }, (_none, index) => `${own.name}=${index}`);
    expect(await visit(app, own.path, [...others(220), own.cookie])).toMatchObject(
      refused('attempt_cookie_other'),
    );
    expect(await visit(app, own.path, [...others(4), own.cookie])).toMatchObject(loggedIn);
  });

  it('220 cookies in one request are no hindrance', async () => {
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

  it('a browser that has thirty cookies of attempts loses the eleven that it has had for longest', async () => {
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

/** A storage that two processes share, and in which the second writes before the first has seen that it did. */
function interleaving(atomic: boolean) {
  const rows = inMemoryStorage();
  let isArmed = false;
  const waiting: (() => void)[] = [];
  // Both have read the attempt by then, and neither knows of the other.
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
      // As in a store that compares first and writes later: the last one stays, and both are told that they wrote.
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
    ['tells both that they were first', false, 2],
  ])('log in once, with a storage that %s', async (_what, atomic, exchanges) => {
    const { one, other, own, visits } = await take(atomic);
    expect(provider.accessTokens).toHaveLength(exchanges);
    // One of them has logged in, and the other goes on as with an answer that came again: at the provider.
    expect(visits.map(({ status }) => status).sort()).toEqual([200, 302]);
    const index = visits.findIndex(({ status }) => status === 200);
    const winner = [one, other][index] as RelyingParty;
    const loser = [other, one][index] as RelyingParty;
    const [won, lost] = [visits[index], visits[1 - index]] as [Visit, Visit];
    expect(await userOf(winner, won)).toMatchObject({ id: provider.subject });
    expect(await userOf(loser, lost)).toBeNull();
    expect(lost.location).toMatch(`${provider.origin}/authorize?`);

    // Of what both have been given, only the winner's tokens are alive.
    const token = await request(winner.url)
      .get('/polar/token')
      .set('Host', host)
      .set('Cookie', won.kept.join('; '));
    const alive = provider.accessTokens.indexOf(token.body.accessToken);
    expect(alive).toBeGreaterThanOrEqual(0);
    await until(() => provider.revoked.size === exchanges - 1);
    expect([...provider.revoked]).toEqual(provider.refreshTokens.filter((_token, each) => each !== alive));

    // Whoever comes a third time starts no further login.
    expect(await visit(loser, own.path, [own.cookie])).toMatchObject(refused('attempt_used'));
    expect(provider.accessTokens).toHaveLength(exchanges);
    // The login that was started once more is as good as any.
    const answer = await fetch(lost.location ?? '', { redirect: 'manual' });
    const { pathname, search } = new URL(answer.headers.get('location') ?? '');
    expect(await visit(loser, pathname + search, lost.kept)).toMatchObject(loggedIn);
  });

  it('leave a provider’s one exchange to the one that the storage names, where it compares', async () => {
    const { storage, arm } = interleaving(true);
    const one = await start({ callbackURL, storage }, { revokes: true });
    const other = await startProcess({ callbackURL, storage });
    const own = await attempt(one);
    arm();
    const visits = await Promise.all([one, other].map((app) => visit(app, own.path, [own.cookie])));
    expect(visits.map(({ status }) => status).sort()).toEqual([200, 302]);
    expect([provider.accessTokens.length, provider.revoked.size]).toEqual([1, 0]);
  });

  it('never both log in where a code is taken once and the storage tells both that they were first', async () => {
    const { storage, arm } = interleaving(false);
    const one = await start({ callbackURL, storage }, { revokes: true });
    const other = await startProcess({ callbackURL, storage });
    const own = await attempt(one);
    arm();
    const visits = await Promise.all([one, other].map((app) => visit(app, own.path, [own.cookie])));
    expect(provider.accessTokens).toHaveLength(1);
    const isIn = visits.filter(({ status }) => status === 200).length;
    expect(isIn).toBeLessThanOrEqual(1);
    // Tokens that nobody has are not left alive.
    await until(() => provider.revoked.size === 1 - isIn);
  });
});
