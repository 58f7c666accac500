/** Whatever a session store returns, nobody gets in, and tokens go only to the user who is logged in. */
import { beforeAll, expect, it } from '@jest/globals';
import type { Request, Response } from 'express';
import { MemoryStore } from 'express-session';
import fc from 'fast-check';
import { PolarStrategy, polarTokens } from 'passport-polar-sh';
import { type EntryFields, fieldsOf, textOf, textOfDocument } from '../support/entry-fields.js';
import { anyText, junk } from './support/hostile.js';
import { holds, outcomeOf, ownError } from './support/property.js';
import {
  accessToken,
  callbackURL,
  clientID,
  clientSecret,
  goodCode,
  isLoggedIn,
  type Json,
  type StartedLogin,
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
let entry: EntryFields;
let sealedEntry: EntryFields;
let user: unknown;
// For a browser that never comes back from Polar.
let another: StartedLogin;
let anotherRow: string;
beforeAll(async () => {
  world = await startWorld();
  entry = fieldsOf(world.loggedIn['polar']);
  user = (world.loggedIn['passport'] as Json)['user'];
  another = await world.startAnother();
  anotherRow = world.stored()[another.row] as string;
  const sealed = await startWorld({ encryptionKeys });
  sealedEntry = fieldsOf(sealed.loggedIn['polar']);
});

/** A request whose session store returns this entry. */
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

/** A document with some fields replaced, dropped or cut at any depth. */
type Changes = readonly (readonly [number, number, unknown])[];
function spoilt(original: Json, list: Changes): unknown {
  let whole: unknown = structuredClone(original);
  for (const [where, how, given] of list) {
    // Some values are the same object each time.
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

const changes = fc.array(fc.tuple(fc.nat(), fc.nat(), junk), { maxLength: 3 });

/** Changes to the entry of a session: to its fields, then to its text. */
const entryChanges = fc.record({
  fields: changes,
  text: fc.oneof(
    { weight: 3, arbitrary: fc.constant((text: string): unknown => text) },
    junk.map((what) => (): unknown => what),
    fc.tuple(fc.nat(), fc.nat(3), anyText).map(([where, length, what]) => (text: string): unknown => {
      const at = where % (text.length + 1);
      return text.slice(0, at) + what + text.slice(at + length);
    }),
    fc.nat().map(
      (where) =>
        (text: string): unknown =>
          text.slice(0, where % (text.length + 1)),
    ),
    // A field that occurs twice, with equal or different values, and fields in another order.
    fc.tuple(fc.nat(), fc.option(anyText)).map(([where, what]) => (text: string): unknown => {
      const fields = fieldsOf(text);
      const names = Object.keys(fields);
      const name = names[where % names.length] ?? '';
      return `${text}&${textOf({ [name]: what ?? fields[name] })}`;
    }),
    fc.nat().map((where) => (text: string): unknown => {
      const fields = text.split('&');
      return [...fields.splice(where % fields.length), ...fields].join('&');
    }),
    fc.constant((text: string): unknown => fieldsOf(text)),
  ),
});

/** The changed entry as a session store returns it. */
function spoiltEntry(
  original: EntryFields,
  { fields: list, text: change }: { fields: Changes; text: (text: string) => unknown },
): unknown {
  const fields = spoilt(original, list);
  if (typeof fields !== 'object' || fields === null) return fields;
  return change(textOfDocument(fields));
}

holds(
  'a session entry gives tokens only to its user, client and server, however it was changed',
  fc.tuple(fc.boolean(), entryChanges, fc.nat(999_999)),
  async ([isExpired, list, number]) => {
    const loginId = String(number).padStart(32, '0');
    const found = spoiltEntry({ ...entry, loginId, ...(isExpired && { expiresAt: '1' }) }, list);
    const req = requestWith(strategyOf(), found);
    if (!Array.isArray(req.polar.scopes)) throw new Error('The scopes are no list');
    const outcome = await outcomeOf(() => req.polar.getTokens(), world.secrets());
    const isIn = await req.polar.isLoggedIn();
    if ('error' in outcome) {
      // Polar itself refuses changed tokens.
      const expected = ['not_logged_in', 'network_error', 'login_expired'];
      if (!expected.includes(outcome.error.code)) throw outcome.error;
      return;
    }
    const fields = fieldsOf(found);
    const isTheirs = ['user', 'clientID', 'server'].every((name) => fields[name] === entry[name]);
    if (!isTheirs || !isIn || outcome.result.accessToken !== fields['accessToken'])
      throw new Error('Tokens came out');
  },
);

// The number of blanks between scopes has no meaning.
const said = (fields: EntryFields, name: string): string | undefined =>
  fields[name]?.split(' ').filter(Boolean).join(' ');

holds(
  'a sealed session entry yields only what the app has sealed, however it was changed',
  entryChanges,
  async (list) => {
    const found = spoiltEntry(sealedEntry, list);
    const req = requestWith(strategyOf({ encryptionKeys }), found);
    if (!Array.isArray(req.polar.scopes)) throw new Error('The scopes are no list');
    const outcome = await outcomeOf(() => req.polar.getTokens(), [...world.secrets(), ...encryptionKeys]);
    if ('result' in outcome && outcome.result.accessToken !== accessToken)
      throw new Error('Other tokens came out');
    // The fields outside the seal are bound to it.
    const bound = [
      'loginId',
      'user',
      'clientID',
      'server',
      'issuedAt',
      'scopes',
      'askedScopes',
      'attempt',
      'askedOrganization',
    ];
    if ('result' in outcome && bound.some((name) => said(fieldsOf(found), name) !== said(sealedEntry, name)))
      throw new Error('The sealed part was taken for that of another login');
    if ('error' in outcome && found === textOf(sealedEntry)) throw outcome.error;
    if ('error' in outcome && outcome.error.code !== 'not_logged_in') throw outcome.error;
  },
);

/** A row of a login attempt in the session store. */
interface AttemptRow {
  readonly cookie: unknown;
  readonly polar: { readonly version: unknown; readonly value: string };
}
/** A change to the row of a login attempt: its new text, or undefined if nothing is left. */
type RowChange = (row: AttemptRow, another: AttemptRow) => unknown;

/** Changes the value of the row before it is serialized again. */
const inValue =
  (change: (value: Json, another: Json) => unknown): RowChange =>
  (row, another) => {
    const value = change(JSON.parse(row.polar.value), JSON.parse(another.polar.value));
    return { ...row, polar: { ...row.polar, value: JSON.stringify(value) } };
  };
const untouched: RowChange = (row) => row;
const rowChanges: fc.Arbitrary<RowChange> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(untouched) },
  // The whole row and its value, replaced, dropped or cut at any depth.
  changes.map(
    (list): RowChange =>
      (row) =>
        spoilt(row as unknown as Json, list),
  ),
  { weight: 2, arbitrary: changes.map((list) => inValue((value) => spoilt(value, list))) },
  junk.map(
    (what): RowChange =>
      (row) => ({ ...row, polar: { ...row.polar, value: what } }),
  ),
  junk.map(
    (what): RowChange =>
      () =>
        what,
  ),
  fc.constantFrom<RowChange[]>(
    () => undefined,
    (_row, another) => another,
    inValue((_value, another) => another),
    inValue((value, { sealed }) => ({ ...value, sealed })),
    inValue((value, { cookie }) => ({ ...value, cookie })),
    inValue(({ sealed, ...value }, another) => ({ ...another, ...value })),
    inValue((value) => ({ ...value, sealed: (value['sealed'] as string).replace(/\.[^.]+$/, '.') })),
    (row) => ({ ...row, polar: { ...row.polar, version: 7 } }),
  ),
  // A time that is past, different, in the future, or missing.
  fc
    .oneof(fc.constantFrom(-600_000, -599_000, -1, 0, 1, 599_000, 600_000, Number.NaN, 1e308), fc.integer())
    .map((byMs) => inValue((value) => ({ ...value, startedAt: Number(value['startedAt']) + byMs }))),
);

/** The cookies that a browser sends: those of its own login and of another browser's. */
type Cookies = (own: StartedLogin, another: StartedLogin) => string[];
const crowd = (letter: string): string[] =>
  Array.from({ length: 110 }, (_none, index) => `__Host-polar-${letter}${String(index).padStart(9, '0')}=x`);
const cookieSets: Readonly<Record<string, Cookies>> = {
  own: ({ cookie }) => [cookie],
  'own among 220': ({ cookie }) => [...crowd('a'), cookie, ...crowd('b')],
  'own after another value': ({ cookie, cookieName }) => [`${cookieName}=other`, cookie],
  'own before another value': ({ cookie, cookieName }) => [cookie, `${cookieName}=other`],
  'own twice': ({ cookie }) => [cookie, cookie],
  'both browsers’': ({ cookie }, another) => [another.cookie, cookie],
  missing: () => [],
  '220 others': () => [...crowd('a'), ...crowd('b')],
  'another value': ({ cookieName }) => [`${cookieName}=${'A'.repeat(43)}`],
  'another value, 220 times': ({ cookieName }) =>
    Array.from({ length: 220 }, (_none, index) => `${cookieName}=${index}`),
  'own after 220 other values': ({ cookie, cookieName }) => [
    ...Array.from({ length: 220 }, (_none, index) => `${cookieName}=${index}`),
    cookie,
  ],
  'the other browser’s': (_own, { cookie }) => [cookie],
  swapped: ({ cookieName, cookieValue }, another) => [
    `${cookieName}=${another.cookieValue}`,
    `${another.cookieName}=${cookieValue}`,
  ],
  'own without its prefix': ({ cookie }) => [cookie.replace('__Host-', '')],
  'own in other letters': ({ cookieName, cookieValue }) => [`${cookieName.toLowerCase()}=${cookieValue}`],
  'own in quotes': ({ cookieName, cookieValue }) => [`${cookieName}="${cookieValue}"`],
  'own, cut': ({ cookie }) => [cookie.slice(0, -1)],
};
const opens = (name: string): boolean =>
  ['own', 'own among 220', 'own twice', 'both browsers’'].includes(name) ||
  /^own (after|before) another/.test(name);

/** Whether the row still says what it said at the start; fields outside its value open nothing. */
function saysTheSame(row: unknown, original: AttemptRow): boolean {
  const polar = (row as { polar?: { version?: unknown; value?: unknown } } | null)?.polar;
  const [now, before] = [polar?.value, original.polar.value].map((text) => {
    try {
      return typeof text === 'string' ? (JSON.parse(text) as Json | null) : null;
    } catch {
      return null;
    }
  });
  // Databases return big integers as text.
  const version = typeof polar?.version === 'string' ? Number(polar.version) : polar?.version;
  if (typeof polar?.value !== 'string' || !Number.isSafeInteger(version)) return false;
  return (
    now?.['cookie'] === before?.['cookie'] &&
    now?.['startedAt'] === before?.['startedAt'] &&
    bytesOf(now?.['sealed']) === bytesOf(before?.['sealed'])
  );
}

/** The content of a sealed text: the last character of a part has bits that mean nothing. */
function bytesOf(sealed: unknown): string | undefined {
  if (typeof sealed !== 'string') return undefined;
  const [header, ...parts] = sealed.split('.');
  return [header, ...parts.map((part) => Buffer.from(part, 'base64url').toString('hex'))].join('.');
}

const paths = [
  '/auth/polar',
  '/auth/polar/callback',
  '/auth/polar/callback?code=right',
  '/token',
  '/page',
  '/scope',
];
const rightPath = '/auth/polar/callback?code=right';
holds(
  'only an untouched login attempt with its own cookie succeeds, whatever is in session, row and cookies',
  fc.record({
    change: rowChanges,
    cookies: fc.oneof(
      { weight: 2, arbitrary: fc.constant('own') },
      fc.constantFrom(...Object.keys(cookieSets)),
    ),
    path: fc.oneof({ weight: 6, arbitrary: fc.constant(rightPath) }, fc.constantFrom(...paths)),
    session: fc.option(
      fc.dictionary(
        fc.constantFrom('polar', 'returnTo', 'other', 'user', '__proto__'),
        fc.oneof(junk, anyText),
        { maxKeys: 3 },
      ),
    ),
  }),
  async ({ change, cookies, path, session }) => {
    const own = await world.begin();
    world.stored()[another.row] = anotherRow;
    const [row, other] = [own, another].map(({ row: id }) => JSON.parse(world.stored()[id] ?? '')) as [
      AttemptRow,
      AttemptRow,
    ];
    const changed = change(row, other);
    const isSame = saysTheSame(changed, row);
    const text = JSON.stringify(changed);
    if (text === undefined) delete world.stored()[own.row];
    // MemoryStore itself fails on this one.
    else if (text === 'null') return;
    else world.stored()[own.row] = text;
    // Outside our value: it may make the store consider the row expired.
    const isKept =
      isSame && JSON.stringify((changed as Partial<AttemptRow>).cookie) === JSON.stringify(row.cookie);
    const sent = cookieSets[cookies]?.(own, another) ?? [];
    if (session !== null) sent.push(world.putSession(session));

    const asked = path.replace('right', `${goodCode}&state=${own.state}`);
    const response = await send(world.app, asked, { cookie: sent.join('; '), accept: 'text/html' });
    for (const error of world.errors) ownError(error, world.secrets());
    const isIn =
      response.location !== undefined && isLoggedIn(world.sessions().filter(({ passport }) => passport));
    const mayLogIn = path === rightPath && isSame && opens(cookies);
    if (isIn && !mayLogIn) throw new Error('Logged in');
    if (!isIn && mayLogIn && isKept) throw new Error('Not logged in');
    if (!isIn) {
      if (response.status === 200) throw new Error(`${path} let somebody in`);
      if (world.exchanges() > 0) throw new Error('The code was exchanged');
      if (!isKept || path !== rightPath) return;
      // A browser without the cookie has not used up the attempt.
      const late = await send(world.app, asked, { cookie: own.cookie });
      if (late.location !== '/home') throw new Error(`Used up: ${late.location}`);
      return;
    }
    const target = new URL(String(response.location), 'http://app.example');
    if (target.origin !== 'http://app.example') throw new Error(`Sent to ${target}`);
  },
);

it('the properties of login attempts can fail: all cookies occur, and most rows are changed', async () => {
  const own = await world.begin();
  world.stored()[another.row] = anotherRow;
  const names = Object.keys(cookieSets);
  expect(names.filter(opens)).toHaveLength(6);
  for (const name of names)
    expect([name, cookieSets[name]?.(own, another).includes(own.cookie)]).toEqual([
      name,
      opens(name) || name === 'own after 220 other values',
    ]);
  const [row, other] = [own, another].map(({ row: id }) => JSON.parse(world.stored()[id] ?? ''));
  expect(saysTheSame(row, row)).toBe(true);
  expect(saysTheSame(other, row)).toBe(false);
  expect(saysTheSame(inValue((value) => ({ ...value, startedAt: 1 }))(row, other), row)).toBe(false);
});

it('the properties of sessions can fail: an unchanged entry is accepted', async () => {
  for (const [strategy, found] of [
    [strategyOf(), textOf(entry)],
    [strategyOf({ encryptionKeys }), textOf(sealedEntry)],
  ] as const)
    expect(await requestWith(strategy, found).polar.getAccessToken()).toBe(accessToken);
});
