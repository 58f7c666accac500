/** Whole days of logins: whatever happens, messages have the declared fields and nothing more, and contain no secret. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RequestHandler } from 'express';
import {
  disconnect,
  logout,
  type PolarDiagnostic,
  type PolarStorage,
  type PolarStrategyOptions,
  polarTokens,
} from 'passport-polar-sh';
import { type AppProcess, startProcesses } from '../support/app-processes.js';
import type { Browser } from '../support/browser.js';
import { declaredEvents, problemsOf } from '../support/declared-events.js';
import { onDiagnostic } from '../support/diagnostics.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { onABadDay } from '../support/polars.js';
import { SecretLog } from '../support/secret-log.js';
import { siblingStrategy } from '../support/sibling.js';

/** A storage of two processes that can be down, or forget what it has. */
interface FailingStorage extends PolarStorage {
  isDown: boolean;
  isEmpty: boolean;
}

interface Day {
  readonly first: AppProcess;
  readonly second: AppProcess;
  readonly storage: FailingStorage | undefined;
  readonly strategy: Partial<PolarStrategyOptions>;
  /** What the verify callback returns next; true: the profile. */
  verdict: boolean | Error;
}

const loginLife = 864_000;
/** Long enough for the circuit breaker to close, and for a refusal to be certain. */
const later = (day: Day): void => day.first.emulator.advanceTime(700);
const expired = (day: Day): void => day.first.emulator.advanceTime(loginLife);
const loggedIn = (day: Day): Promise<Browser> => day.first.loggedInBrowser();

/** What happens on a day, in any order. Each begins with a user of its own, and asserts nothing: the messages count. */
const happenings: Record<string, (day: Day) => Promise<unknown>> = {
  async 'a refresh'(day) {
    const browser = await loggedIn(day);
    expired(day);
    return Promise.all([browser.token(), browser.token(), browser.post('/refresh')]);
  },
  async 'failed refreshes'(day) {
    const browser = await loggedIn(day);
    for (const fault of [{ status: 429 }, { status: 500 }, 'reset-before', 'garbage'] as const) {
      expired(day);
      day.first.emulator.fail('token', fault);
      await browser.get('/token');
      later(day);
    }
  },
  async 'a refresh whose response is lost'(day) {
    const browser = await loggedIn(day);
    expired(day);
    day.first.emulator.fail('token', 'reset-after');
    for (let time = 0; time < 3; time++) {
      await browser.get('/token');
      later(day);
    }
  },
  async 'a retry after a 401'(day) {
    const browser = await loggedIn(day);
    day.first.emulator.fail('api', { status: 401 });
    return browser.get('/api');
  },
  async 'a wait for another process'(day) {
    const browser = await loggedIn(day);
    expired(day);
    day.first.emulator.fail('token', { delayMs: 400 });
    const early = browser.get('/token').then((answer) => answer);
    await new Promise((resolve) => setTimeout(resolve, 150));
    return Promise.all([early, browser.at(day.second).get('/token')]);
  },
  async 'a login that the user cancels, and forged ones'(day) {
    const browser = day.first.browser();
    const state = (await browser.startLogin()).searchParams.get('state') ?? '';
    const path = '/auth/polar/callback';
    await day.first.browser().get(`${path}?code=polar_ac_forged&state=${state}`);
    await browser.get(`${path}?code=polar_ac_forged&state=${state.toUpperCase()}`);
    await browser.get(`${path}?error=access_denied&state=${state}`);
    await browser.get(`${path}?error=access_denied&state=${state}`);
    await browser.get(
      `${path}?code=polar_ac_forged&state=${(await browser.startLogin()).searchParams.get('state')}`,
    );
    await browser.get(path);
  },
  async 'a login that is too late, and one that comes twice'(day) {
    const browser = day.first.browser();
    const path = await browser.visitPolar(await browser.startLogin());
    await browser.get(path);
    await browser.get(path);
    const late = await browser.visitPolar(await browser.startLogin());
    later(day);
    await browser.get(late);
  },
  async 'logins that the app rejects, and in which it throws'(day) {
    for (const verdict of [false, new Error('no database')]) {
      day.verdict = verdict;
      await day.first.browser().logIn();
    }
    day.verdict = true;
  },
  async 'a login that fails at Polar'(day) {
    for (const fault of [{ status: 500 }, 'garbage', 'half-body'] as const) {
      const browser = day.first.browser();
      const path = await browser.visitPolar(await browser.startLogin());
      day.first.emulator.fail('token', fault);
      await browser.get(path);
    }
  },
  async 'a second login in the same browser'(day) {
    const browser = await loggedIn(day);
    await browser.logIn();
  },
  async 'a logout whose revocation is lost'(day) {
    const browser = await loggedIn(day);
    day.first.emulator.fail('revoke', 'reset-before');
    await browser.post('/logout');
    await day.first.browser().post('/logout');
  },
  async 'a disconnection'(day) {
    const browser = await loggedIn(day);
    await browser.post('/disconnect');
    await browser.get('/token');
  },
  async 'a login that Polar ends'(day) {
    const browser = await loggedIn(day);
    expired(day);
    day.first.emulator.revokeAll();
    for (let time = 0; time < 3; time++) {
      await browser.get('/token');
      later(day);
    }
  },
  async 'a logout in another process'(day) {
    const browser = await loggedIn(day);
    await browser.at(day.second).get('/token');
    const restore = browser.keepCookies();
    await browser.post('/logout');
    restore();
    later(day);
    await browser.at(day.second).get('/token');
  },
  async 'a login that this process has no key for'(day) {
    const browser = await loggedIn(day);
    await browser.get('/other-keys');
    await browser.post('/other-logout');
  },
  async 'a storage that is down'(day) {
    if (day.storage === undefined) return;
    const browser = await loggedIn(day);
    expired(day);
    day.first.emulator.fail('token', { delayMs: 300 });
    const refresh = browser.get('/token').then((answer) => answer);
    await new Promise((resolve) => setTimeout(resolve, 150));
    day.storage.isDown = true;
    await refresh;
    expired(day);
    await browser.get('/token');
    await browser.at(day.second).get('/token');
    day.storage.isDown = false;
    later(day);
    await browser.get('/token');
  },
  async 'a storage that has lost a refresh'(day) {
    if (day.storage === undefined) return;
    const browser = await loggedIn(day);
    expired(day);
    await browser.token();
    later(day);
    day.storage.isEmpty = true;
    await browser.token();
    await new Promise((resolve) => setTimeout(resolve, 50));
    day.storage.isEmpty = false;
  },
  async 'a response that is sent before the login starts'(day) {
    await day.first.browser().get('/give-up');
  },
  async 'a job outside a request'(day) {
    if (day.storage === undefined) return;
    const browser = await loggedIn(day);
    const { loginId } = (await browser.get('/login-id')).body as { loginId: string };
    expired(day);
    await day.second.polar.tokensFor(loginId).getAccessToken();
    await day.second.polar.endLogin(loginId);
  },
};

/** A fixed order for each day, other than that of the others. */
function shuffled<T>(values: readonly T[], seed: number): T[] {
  const order = [...values];
  let random = seed;
  for (let left = order.length; left > 1; left--) {
    random = (random * 48_271) % 2_147_483_647;
    const other = random % left;
    [order[left - 1], order[other]] = [order[other] as T, order[left - 1] as T];
  }
  return order;
}

function failingStorage(): FailingStorage {
  const rows = inMemoryStorage();
  const unlessDown = async <T>(work: () => Promise<T>): Promise<T> => {
    if (storage.isDown) throw new Error('ECONNREFUSED');
    return work();
  };
  const storage: FailingStorage = {
    isDown: false,
    isEmpty: false,
    shared: true,
    read: (key) => unlessDown(async () => (storage.isEmpty ? undefined : rows.read(key))),
    write: (...args) => unlessDown(() => rows.write(...args)),
    remove: (...args) => unlessDown(() => rows.remove(...args)),
  };
  return storage;
}

const seen = new Set<string>();
const days = [
  { where: 'the session store', hasStorage: false, polar: 'Polar on a bad day', emulator: onABadDay },
  { where: 'a storage and encryptionKeys', hasStorage: true, polar: 'a tidy Polar', emulator: {} },
];

describe.each(days)('a day over $where, with $polar', ({ where, hasStorage, polar, emulator }) => {
  const secrets = new SecretLog();
  const messages: { readonly message: PolarDiagnostic; readonly channel: string }[] = [];
  let stop: () => void;
  let day: Day;

  beforeAll(async () => {
    stop = onDiagnostic((message, channel) => void messages.push({ message, channel }));
    const storage = hasStorage ? failingStorage() : undefined;
    const key = 'the first of the encryption keys, for tests';
    secrets.add(key);
    const strategy: Partial<PolarStrategyOptions> = {
      timeoutMs: 3000,
      fetch: secrets.fetch,
      onLoginEnded: () => Promise.reject(new Error('no database')),
      ...(storage !== undefined && { storage, encryptionKeys: [key] }),
    };
    const [first, second] = (await startProcesses(2, {
      emulator,
      strategy,
      verify: ({ profile }: { profile: object }) => {
        if (day.verdict instanceof Error) throw day.verdict;
        return day.verdict && profile;
      },
      routes: (server, parts) => {
        server.use(secrets.middleware);
        const otherKeys = { encryptionKeys: ['another of the encryption keys, for tests'] };
        const other = siblingStrategy(parts, { ...strategy, ...otherKeys });
        server.get('/other-keys', polarTokens(other), async (req, res) => {
          res.json({ isLoggedIn: await req.polar.isLoggedIn() });
        });
        server.post('/other-logout', logout(other, { redirectTo: '/' }));
        const giveUp: RequestHandler = (_req, res, next) => {
          res.status(503).end();
          next();
        };
        server.get('/give-up', giveUp, parts.passport.authenticate('polar') as RequestHandler);
        server.post('/logout', logout(parts.polar, { redirectTo: '/' }));
        server.post('/disconnect', disconnect(parts.polar, { redirectTo: '/' }));
        server.post('/refresh', async (req, res) => {
          res.json(await req.polar.getTokens({ forceRefresh: true }));
        });
        server.get('/api', async (req, res) => void res.json((await req.polar.fetch('/v1/users/me')).status));
        server.get('/login-id', (req, res) => void res.json({ loginId: req.polar.loginId }));
      },
    })) as [AppProcess, AppProcess];
    secrets.add(first.client.clientSecret);
    day = { first, second, storage, strategy, verdict: true };
    for (const [, happen] of shuffled(Object.entries(happenings), where.length * 31 + polar.length)) {
      await happen(day);
      later(day);
      for (const stored of Object.values(first.store['sessions' as never])) secrets.addSession(stored);
    }
    for (const app of [first, second]) await app.polar.settled({ withinMs: 2500 });
  });
  afterAll(async () => {
    stop();
    await day.second.close();
    await day.first.close();
  });

  it('has messages with the declared fields and no others', () => {
    expect(messages.length).toBeGreaterThan(50);
    expect(messages.flatMap(({ channel, message }) => problemsOf(channel, message))).toEqual([]);
    for (const { message } of messages) seen.add(message.event);
  });

  it('has no message with a token, secret, code, state or cookie value', () => {
    // Some of each kind have been noted.
    const all = [...secrets.values];
    for (const kind of [/^polar_at_u_/, /^polar_rt_u_/, /^polar_ac_/, /^eyJ/, /^s:/, /^[\w-]{43}$/])
      expect([kind, all.some((secret) => kind.test(secret))]).toEqual([kind, true]);
    for (const { message } of messages)
      expect([message.event, secrets.foundIn(message)]).toEqual([message.event, []]);
  });
});

it('the days saw every event that needs no hour of failures, no race at Polar and no other provider', () => {
  const unseen = declaredEvents.map(({ event }) => event).filter((event) => !seen.has(event));
  expect(unseen).toEqual(['tie', 'id-token-unverified', 'record-given-up']);
});
