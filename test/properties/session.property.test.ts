/** Whatever a session store hands back, nobody gets in, and no tokens come out but those of whoever is logged in. */
import { beforeAll, expect, it } from '@jest/globals';
import type { Request, Response } from 'express';
import { MemoryStore } from 'express-session';
import fc from 'fast-check';
import { PolarStrategy, polarTokens } from 'passport-polar-sh';
import { anyText, junk } from './support/hostile.js';
import { holds, outcomeOf, ownError } from './support/property.js';
import {
  accessToken,
  callbackURL,
  clientID,
  clientSecret,
  codeVerifier,
  goodCode,
  isLoggedIn,
  type Json,
  nonce,
  secrets,
  send,
  startWorld,
  type World,
} from './support/world.js';

const encryptionKeys = ['a key of the app that only these tests know'];
const away = async (): Promise<never> => Promise.reject(new TypeError('fetch failed'));
const store = new MemoryStore();
const strategyOf = (more: object = {}): PolarStrategy =>
  new PolarStrategy({ clientID, clientSecret, callbackURL, fetch: away, ...more });

let world: World;
let entry: Json;
let sealedEntry: Json;
let user: unknown;
beforeAll(async () => {
  world = await startWorld();
  entry = world.loggedIn['polar'] as Json;
  user = (world.loggedIn['passport'] as Json)['user'];
  const sealed = await startWorld({ encryptionKeys });
  sealedEntry = sealed.loggedIn['polar'] as Json;
});

/** A request whose session store has handed back this entry. */
function requestWith(strategy: PolarStrategy, found: unknown): Request {
  const session = {
    passport: { user },
    polar: found,
    cookie: { originalMaxAge: null },
    regenerate() {},
    save() {},
  };
  const req = { session, sessionID: 'sid', sessionStore: store, user, isAuthenticated: () => true };
  polarTokens(strategy)(req as never, {} as Response, () => {});
  return req as unknown as Request;
}

/** The entry with some fields, at any depth, replaced, dropped or cut. */
function spoilt(original: Json, list: readonly (readonly [number, number, unknown])[]): unknown {
  let whole: unknown = structuredClone(original);
  for (const [where, how, given] of list) {
    // Some are the same object at each use.
    const what = structuredClone(given);
    const holders: [Json, string][] = [];
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const name of Object.keys(value)) {
        holders.push([value as Json, name]);
        visit((value as Json)[name]);
      }
    };
    visit(whole);
    const [holder, name] = holders[where % (holders.length + 1)] ?? [];
    if (holder === undefined || name === undefined) {
      if (how % 2 === 0) whole = what;
    } else if (how % 5 === 0) delete holder[name];
    else if (how % 5 === 1 && typeof holder[name] === 'string') {
      const text = holder[name];
      const at = how % (text.length + 1);
      holder[name] = text.slice(0, at) + (how % 2 ? 'A' : '') + text.slice(at + 1);
    } else if (how % 5 === 2 && typeof holder[name] === 'number') holder[name] = how % 2 ? -holder[name] : 1;
    else holder[name] = what;
  }
  return whole;
}

const entryChanges = fc.array(fc.tuple(fc.nat(), fc.nat(), junk), { maxLength: 3 });

holds(
  'session entries: tokens come out only for the user, client and server to whom they belong',
  fc.tuple(fc.boolean(), entryChanges, fc.nat(999_999)),
  async ([isExpired, list, number]) => {
    const found = spoilt(
      {
        ...entry,
        loginId: String(number).padStart(32, '0'),
        ...(isExpired && { tokens: { ...(entry['tokens'] as Json), expiresAt: 1 } }),
      },
      list,
    ) as Json;
    const req = requestWith(strategyOf(), found);
    if (!Array.isArray(req.polar.scopes)) throw new Error('The scopes are no list');
    const outcome = await outcomeOf(() => req.polar.getTokens(), secrets);
    const isIn = await req.polar.isLoggedIn();
    if ('error' in outcome) {
      // Tokens that were changed are Polar's to refuse.
      const expected = ['not_logged_in', 'network_error', 'login_expired'];
      if (!expected.includes(outcome.error.code)) throw outcome.error;
      return;
    }
    const isTheirs = (['user', 'clientID', 'server'] as const).every((name) => found[name] === entry[name]);
    if (!isTheirs || !isIn || outcome.result.accessToken !== (found['tokens'] as Json)['accessToken'])
      throw new Error('Tokens came out');
  },
);

holds('sealed session entries: only what the app has sealed comes out', entryChanges, async (list) => {
  const found = spoilt(sealedEntry, list);
  const req = requestWith(strategyOf({ encryptionKeys }), found);
  if (!Array.isArray(req.polar.scopes)) throw new Error('The scopes are no list');
  const outcome = await outcomeOf(() => req.polar.getTokens(), [...secrets, ...encryptionKeys]);
  if ('result' in outcome && outcome.result.accessToken !== accessToken)
    throw new Error('Other tokens came out');
  // What stands outside of the sealed part is bound to it.
  const bound = ['loginId', 'user', 'clientID', 'server'] as const;
  if ('result' in outcome && bound.some((name) => (found as Json)[name] !== sealedEntry[name]))
    throw new Error('The sealed part was taken for that of another login');
  if ('error' in outcome && list.length === 0) throw outcome.error;
  if ('error' in outcome && outcome.error.code !== 'not_logged_in') throw outcome.error;
});

const paths = [
  '/auth/polar',
  '/auth/polar/callback',
  '/auth/polar/callback?code=right',
  '/token',
  '/page',
  '/scope',
];
holds(
  'whole sessions: whatever is in them, only a login that was started logs in',
  fc.record({
    list: entryChanges,
    path: fc.oneof(
      { weight: 2, arbitrary: fc.constant('/auth/polar/callback?code=right') },
      fc.constantFrom(...paths),
    ),
    more: fc.dictionary(
      fc.constantFrom(
        'polar',
        'polarWantedScopes',
        'returnTo',
        'messages',
        'polarLogins',
        'other',
        '__proto__',
      ),
      fc.oneof(
        junk,
        anyText.map((text) => ({ polar: { scopes: [text], at: Date.now() } })),
      ),
      { maxKeys: 3 },
    ),
  }),
  async ({ list, path, more }) => {
    let logins: unknown;
    const { state, cookie } = world.begin(({ polarLogins, ...session }) => {
      logins = Object.hasOwn(more, 'polarLogins')
        ? more['polarLogins']
        : spoilt({ polarLogins: polarLogins as unknown }, list);
      logins = (logins as { polarLogins?: unknown } | null)?.polarLogins ?? logins;
      // Passport's own complaint about what an app has put there is not ours.
      const { messages: _theirs, ...ours } = more;
      return { ...session, ...ours, polarLogins: logins };
    });
    const asked = path.replace('right', `${goodCode}&state=${state}`);
    const sent = await send(world.app, asked, { cookie, accept: 'text/html' });
    for (const error of world.errors) ownError(error, secrets);
    const isIn =
      sent.location !== undefined && isLoggedIn(world.sessions().filter(({ passport }) => passport));
    if (!isIn) {
      if (sent.status === 200) throw new Error(`${path} let somebody in`);
      return;
    }
    const used = (Array.isArray(logins) ? (logins as unknown[]) : []).filter(
      (login) => (login as Json | null)?.['state'] === state,
    ) as Json[];
    const wasStarted = used.some(
      (login) =>
        login['nonce'] === nonce &&
        login['codeVerifier'] === codeVerifier &&
        login['redirectURI'] === callbackURL &&
        login['clientID'] === clientID &&
        Math.abs(Date.now() - Number(login['startedAt'])) < 600_000,
    );
    if (!path.includes('right') || !wasStarted) throw new Error('Logged in');
    const target = new URL(String(sent.location), 'http://app.example');
    if (target.origin !== 'http://app.example') throw new Error(`Sent to ${target}`);
  },
);

it('what nobody has changed is taken: these properties can fail', async () => {
  for (const [strategy, found] of [
    [strategyOf(), entry],
    [strategyOf({ encryptionKeys }), sealedEntry],
  ] as const)
    expect(await requestWith(strategy, found).polar.getAccessToken()).toBe(accessToken);
});
