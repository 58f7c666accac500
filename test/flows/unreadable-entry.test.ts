/** Session entries that were tampered with or written by another version: nobody is logged in, and nothing breaks. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Request, Response } from 'express';
import { logout, PolarError, polarTokens, requireLogin } from 'passport-polar-sh';
import { seededRandom } from '../storms/random.js';
import { recordMessages } from '../support/diagnostics.js';
import { refreshesAt } from '../support/emulator-requests.js';
import { type EntryFields, fieldsOf, textOf, textOfDocument } from '../support/entry-fields.js';
import { siblingStrategy } from '../support/sibling.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

type Json = Record<string, unknown>;

let app: TestApp;
let entryIn: (session: Json) => unknown;
const reports = recordMessages();

beforeEach(async () => {
  entryIn = (session) => session['polar'];
  app = await startTestApp({
    routes: (server, { polar }) => {
      server.post('/spoil', (req, res) => {
        const session = req.session as unknown as Json;
        session['polar'] = entryIn(session);
        res.json({});
      });
      server.get('/page', requireLogin({ loginPath: '/auth/polar' }), (_req, res) => void res.json({}));
      server.post('/logout', logout(polar, { redirectTo: '/bye' }));
    },
  });
});
afterEach(() => app.close());
const unreadable = () => reports.filter(({ event }) => event === 'entry-unreadable');

async function spoilt(change: (fields: EntryFields, text: string) => unknown) {
  const browser = await app.loggedInBrowser();
  entryIn = ({ polar }) => change(fieldsOf(polar), polar as string);
  await browser.post('/spoil').expect(200);
  return browser;
}

const changes: [string, (fields: EntryFields, text: string) => unknown][] = [
  ['another version', (fields) => textOf({ ...fields, v: 2 })],
  ['a future version', (fields) => textOf({ ...fields, v: 3 })],
  [
    'no version, like tokens that an app stored itself',
    ({ accessToken, refreshToken }) => textOf({ accessToken, refreshToken }),
  ],
  ['text', () => 'polar_at_u_secret'],
  ['an empty text', () => ''],
  ['a number', () => 7],
  ['true', () => true],
  ['null', () => null],
  ['a list', (_fields, text) => [text]],
  ['an object of its fields', (fields) => fields],
  ['an object, as an older version wrote it', asObject],
  ['the JSON of an object', (fields) => JSON.stringify(asObject(fields))],
  ['an empty object', () => ({})],
  ['half of its text', (_fields, text) => text.slice(0, text.length / 2)],
  ['something before its text', (_fields, text) => `?${text}`],
  ['its text twice', (_fields, text) => `${text}&${text}`],
  ['two login ids', (_fields, text) => `${text}&loginId=${'0'.repeat(32)}`],
  ['no tokens', (fields) => textOf({ ...fields, accessToken: undefined, refreshToken: undefined })],
  ['no access token', (fields) => textOf({ ...fields, accessToken: '' })],
  ['no scopes', (fields) => textOf({ ...fields, scopes: undefined })],
  ['a login id that is a path', (fields) => textOf({ ...fields, loginId: '../../sess' })],
  ['a login id that is too short', (fields) => textOf({ ...fields, loginId: 'AAAA' })],
  ['a record key of another length', (fields) => textOf({ ...fields, recordKey: 'AAAA' })],
  ['an expiry that is not a number', (fields) => textOf({ ...fields, expiresAt: 'soon' })],
  ['an expiry that never comes', (fields) => textOf({ ...fields, expiresAt: 'Infinity' })],
  ['no subject', (fields) => textOf({ ...fields, subject: '' })],
];

function asObject({
  accessToken,
  refreshToken,
  scopes = '',
  askedScopes = '',
  ...fields
}: EntryFields): Json {
  const { expiresAt, issuedAt, ...others } = fields;
  const tokens = { accessToken, refreshToken, expiresAt: Number(expiresAt), scopes: scopes.split(' ') };
  return { ...others, v: 1, issuedAt: Number(issuedAt), askedScopes: askedScopes.split(' '), tokens };
}

describe.each(changes)('an entry with %s', (_what, change) => {
  it('logs nobody in, and is reported once, without its content', async () => {
    const browser = await spoilt(change);
    for (let time = 0; time < 3; time++) {
      const answer = await browser.get('/token');
      expect([answer.status, answer.body.code]).toEqual([401, 'not_logged_in']);
      expect((await browser.get('/me')).body.scopes).toEqual([]);
    }
    expect((await browser.get('/page').set('accept', 'text/html')).status).toBe(303);
    expect(unreadable()).toEqual([{ event: 'entry-unreadable', sessionKey: 'polar' }]);
    expect(refreshesAt(app.emulator)).toEqual([]);
  });
});

it('an unreadable entry is reported once for each session', async () => {
  const one = await spoilt(() => 1);
  const other = await spoilt(() => 2);
  for (const browser of [one, other, one, other]) await browser.get('/token').expect(401);
  expect(unreadable()).toHaveLength(2);
});

it('an unreadable entry prevents neither a new login nor a logout', async () => {
  const browser = await spoilt(() => 'broken');
  expect((await browser.post('/logout')).headers['location']).toBe('/bye');
  const again = await spoilt(() => 'broken');
  await again.logIn();
  expect((await again.get('/token')).status).toBe(200);
});

it('an unreadable entry is reported only if something reads it, and a missing one never', async () => {
  const browser = app.browser();
  await browser.get('/session');
  await browser.get('/token').expect(401);
  const other = await spoilt(() => 'broken');
  await other.get('/session');
  expect(unreadable()).toEqual([]);
});

const runs = Number(process.env['PROPERTY_RUNS'] ?? 2000);

it('an entry survives random changes without a crash, and no report contains a token', async () => {
  const browser = await app.loggedInBrowser();
  const session = (await browser.get('/session')).body as Json;
  const secrets = app.emulator.liveTokens().flatMap((live) => [live.accessToken, String(live.refreshToken)]);
  // Polar never responds: only the handling of the entry matters.
  const away = async (): Promise<never> => Promise.reject(new TypeError('fetch failed'));
  const polar = siblingStrategy(app, { fetch: away });
  const middleware = polarTokens(polar);
  const random = seededRandom(2026).index;
  const outcomes = new Map<string, number>();
  for (let time = 0; time < runs; time++) {
    const changed = structuredClone(session);
    const fields = fieldsOf(changed['polar']);
    // A login of its own, and every other one has expired.
    fields['loginId'] = String(time).padStart(32, '0');
    if (time % 2 === 0) fields['expiresAt'] = String(app.emulator.now() - 1000);
    changed['polar'] = textOf(fields);
    const times = 1 + random(3);
    for (let change = 0; change < times; change++) changed['polar'] = mutatedEntry(changed['polar'], random);
    Object.assign(changed, { regenerate() {}, save() {}, cookie: { originalMaxAge: null } });
    const req = {
      session: changed,
      sessionID: `session-${time}`,
      sessionStore: app.store,
      user: session['passport'],
      isAuthenticated: () => true,
    } as unknown as Request;
    middleware(req, {} as Response, () => {});
    expect(Array.isArray(req.polar.scopes)).toBe(true);
    const outcome = await req.polar.getTokens().then(
      (tokens) => typeof tokens.accessToken,
      (error) => {
        if (!(error instanceof PolarError)) throw error;
        return error.code;
      },
    );
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    expect(typeof (await req.polar.isLoggedIn())).toBe('boolean');
  }
  // Polar would refuse changed tokens; anything that is no longer an entry logs nobody in.
  const allowed = ['string', 'not_logged_in', 'network_error', 'login_expired'];
  expect([...outcomes.keys()].filter((outcome) => !allowed.includes(outcome))).toEqual([]);
  expect(outcomes.get('string')).toBeGreaterThan(runs / 20);
  expect(outcomes.get('not_logged_in')).toBeGreaterThan(runs / 4);
  expect(unreadable().length).toBeGreaterThan(runs / 4);
  const shown = JSON.stringify(reports);
  for (const secret of secrets) expect(shown).not.toContain(secret);
  expect(new Set(unreadable().map((message) => JSON.stringify(message))).size).toBe(1);
});

const junk: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  ' ',
  '\u0000',
  'x\r\ny: z',
  '__proto__',
  [],
  {},
  [[]],
  { length: 5 },
  { toString: 1 },
  'ü'.repeat(50),
];

/** An entry with one change: in a field, or in the text itself. */
function mutatedEntry(entry: unknown, random: (below: number) => number): unknown {
  if (typeof entry !== 'string' || random(4) === 0) return mutated(entry, random);
  const fields = mutated(fieldsOf(entry), random);
  if (typeof fields !== 'object' || fields === null || random(20) === 0) return fields;
  const text = textOfDocument(fields);
  // A field that occurs twice, and fields in another order.
  if (random(20) === 0) return `${text}&${text.split('&')[random(4)]}`;
  return random(20) === 0 ? text.split('&').reverse().join('&') : text;
}

/** A JSON value with one change: something modified, dropped, duplicated, renamed or replaced. */
function mutated(value: unknown, random: (below: number) => number): unknown {
  const isObject = typeof value === 'object' && value !== null;
  const keys = isObject ? Object.keys(value) : [];
  if (keys.length > 0 && random(12) > 0) {
    const copy = (Array.isArray(value) ? [...value] : { ...(value as Json) }) as Json;
    const key = keys[random(keys.length)] as string;
    if (random(8) === 0) delete copy[key];
    else if (random(12) === 0) copy[`${key}x`] = copy[key];
    else copy[key] = mutated(copy[key], random);
    return copy;
  }
  if (typeof value === 'string' && value !== '' && random(2) === 0) {
    const at = random(value.length);
    const letter = ['', 'A', '%', '\n', '.'][random(5)] as string;
    return value.slice(0, at) + letter + value.slice(at + 1);
  }
  if (typeof value === 'number' && random(2) === 0)
    return [-value, value * 1e6, 0.5, String(value)][random(4)];
  return junk[random(junk.length)];
}
