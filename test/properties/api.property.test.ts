/** The other entrances of an app: bearer tokens, responses of the Polar API, and addresses to return to. */
import { beforeAll, expect, it } from '@jest/globals';
import express, { type ErrorRequestHandler, type Response as ExpressResponse, type Request } from 'express';
import fc from 'fast-check';
import passport from 'passport';
import {
  PolarBearerStrategy,
  PolarInsufficientScopeError,
  PolarStrategy,
  polarTokens,
} from 'passport-polar-sh';
import { safeReturnTo, withReturnTo } from '../../src/request/return-to.js';
import { fieldsOf, textOf } from '../support/entry-fields.js';
import { anyText, retryAfter, wireText } from './support/hostile.js';
import { holds, outcomeOf, ownError } from './support/property.js';
import {
  accessToken,
  callbackURL,
  clientID,
  clientSecret,
  goodCode,
  type Json,
  refreshToken,
  secrets,
  send,
  startWorld,
  type World,
} from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});

const asked: string[] = [];
const bearer = new PolarBearerStrategy({
  clientID,
  clientSecret,
  // With the real Polar's addresses, most tokens below would be refused without a request.
  server: { webURL: 'https://polar.example', apiURL: 'https://api.polar.example' },
  unknownTokensPerMinute: Number.MAX_SAFE_INTEGER,
  fetch: async (_url, { body }) => {
    const token = new URLSearchParams(String(body)).get('token') ?? '';
    asked.push(token);
    if (token.length % 7 === 0 && token !== accessToken)
      return Response.json(
        { error: 'invalid_request', error_description: `what is ${token}?` },
        { status: 400 },
      );
    return Response.json({
      active: token === accessToken,
      client_id: clientID,
      sub: 'user',
      scope: 'openid',
    });
  },
});
const bearerErrors: unknown[] = [];
const api = express();
api.set('etag', false);
api.use(
  new passport.Passport().use(bearer).authenticate('polar-bearer', { session: false }),
  (_req: Request, res: ExpressResponse) => void res.json({ in: true }),
);
const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
  bearerErrors.push(error);
  res.status((error as { status?: number }).status ?? 500).json({});
};
api.use(answerError);

const authorization = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('Bearer', 'bearer', 'BEARER') },
      fc.constantFrom('Basic', '', 'Bearer,'),
      wireText(8),
    ),
    fc.constantFrom(' ', ' ', '  ', '\t', '', ', '),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(accessToken) },
      fc.constantFrom(
        `${accessToken},`,
        `${accessToken} x`,
        accessToken.slice(1),
        refreshToken,
        `"${accessToken}"`,
        `Bearer ${accessToken}`,
      ),
      wireText(40),
      wireText(12),
    ),
    fc.constantFrom('', '', '', ' ', '\t', ', Bearer x'),
  )
  .map((parts) => parts.join(''));
const place = fc.constantFrom('header', 'header', 'header', 'twice', 'query', 'none');

holds(
  'only our own valid token in its one place gives access, whatever the Authorization headers',
  fc.tuple(authorization, place, wireText(10)),
  async ([value, where, query]) => {
    bearerErrors.length = 0;
    asked.length = 0;
    const url = where === 'query' ? `/?access_token=${encodeURIComponent(value)}` : `/?${query}`;
    const names =
      where === 'twice' ? ['Authorization', value, 'authorization', value] : ['Authorization', value];
    const sent = await send(
      api,
      url,
      where === 'none' ? {} : { authorization: value },
      where === 'none' ? [] : names,
    );
    for (const error of bearerErrors)
      ownError(error, [...secrets, ...asked.filter((token) => token.length > 8)]);
    const isRight =
      /^bearer$/i.test(value.trim().split(/\s+/)[0] ?? '') && value.trim().split(/\s+/)[1] === accessToken;
    const isIn = sent.status === 200;
    if (isIn && !(isRight && value.trim().split(/\s+/).length === 2 && where === 'header'))
      throw new Error('Let in');
    const isUsual =
      value === `Bearer ${accessToken}` && where === 'header' && !query.startsWith('access_token');
    if (isUsual && !isIn) throw new Error('Not let in');
    if (isIn) return;
    if (bearerErrors.length === 0 && ![400, 401, 403].includes(sent.status))
      throw new Error(`Answered ${sent.status}`);
    if (asked.some((token) => /[^!-~]/.test(token) || token.startsWith('polar_rt_')))
      throw new Error('Sent to Polar');
    const shown = JSON.stringify([sent.headers, sent.body]);
    if (secrets.some((secret) => shown.includes(secret)))
      throw new Error(`The answer shows a secret: ${shown}`);
  },
);

const challenge = fc.oneof(
  wireText(60),
  fc
    .tuple(
      fc.constantFrom('Bearer ', 'bearer error=insufficient_scope, ', ''),
      wireText(20),
      fc.constantFrom(accessToken, 'orders:read', ''),
      wireText(10),
    )
    .map(
      ([scheme, text, echoed, more]) =>
        `${scheme}error="insufficient_scope", scope="${text} ${echoed} ${more}", x="${echoed}"`,
    ),
);
const apiAnswers = fc.record({
  status: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(401, 403, 403) },
    fc.constantFrom(200, 301, 304, 400, 404, 429, 500),
    fc.integer({ min: 200, max: 599 }),
  ),
  headers: fc.record(
    { 'www-authenticate': challenge, 'retry-after': retryAfter, location: wireText(20) },
    { requiredKeys: [] },
  ),
  grant: fc.constantFrom('tokens', 'invalid_grant', 'busy', 'away'),
});

holds(
  'the Polar API’s WWW-Authenticate and Retry-After lead to a Response or an error of ours, whatever they contain',
  apiAnswers,
  async ({ status, headers, grant }) => {
    const calls: string[] = [];
    const fetch = async (url: string): Promise<Response> => {
      calls.push(url);
      if (!url.endsWith('/token')) return new Response(null, { status, headers });
      if (grant === 'away') throw new TypeError('fetch failed');
      if (grant === 'busy') return new Response('', { status: 429, headers });
      if (grant === 'invalid_grant')
        return Response.json({ error: 'invalid_grant', error_description: refreshToken }, { status: 400 });
      return Response.json({ token_type: 'Bearer', access_token: `${accessToken}2`, expires_in: 3600 });
    };
    const entry = textOf({ ...fieldsOf(world.loggedIn['polar']), issuedAt: 1 });
    const session = {
      ...world.loggedIn,
      polar: entry,
      cookie: { originalMaxAge: null },
      regenerate() {},
      save() {},
    };
    const rows = new Map<string, unknown>();
    const store = {
      constructor: { name: 'MemoryStore' },
      get: (sid: string, done: (error: null, row: unknown) => void) => done(null, rows.get(sid)),
      set(sid: string, row: unknown, done: () => void) {
        rows.set(sid, row);
        done();
      },
    };
    const user = (world.loggedIn['passport'] as Json)['user'];
    const req = {
      session,
      sessionID: 'sid',
      sessionStore: store,
      user,
      isAuthenticated: () => true,
    } as unknown as Request;
    // Time passes quickly, so that no run waits for new tokens to be committed.
    let clock = Date.now();
    const now = () => (clock += 1000);
    polarTokens(new PolarStrategy({ clientID, clientSecret, callbackURL, fetch, now }))(
      req,
      {} as ExpressResponse,
      () => {},
    );
    const outcome = await outcomeOf(() => req.polar.fetch('/v1/orders/'), secrets);
    if (calls.length > 3) throw new Error(`${calls.length} requests`);
    if ('result' in outcome) {
      if (outcome.result.status !== status) throw new Error('Another answer');
      return;
    }
    const { error } = outcome;
    if (
      error instanceof PolarInsufficientScopeError &&
      !error.scopes.every((scope) => /^[!#-[\]-~]+$/.test(scope))
    )
      throw new Error(`These are no scopes: ${error.scopes}`);
  },
);

const piece = fc.oneof(
  fc.constantFrom(
    '/',
    '//',
    '\\',
    '/..',
    '/.',
    '%2f',
    '%2F',
    '%5c',
    '%09',
    '%0a',
    '%00',
    '\t',
    '\n',
    '\r',
    ' ',
    '@',
    ':',
    '?',
    '#',
    ';',
  ),
  fc.constantFrom(
    'evil.example',
    'http:',
    'https:',
    'javascript:alert(1)',
    'data:,',
    'localhost',
    '[::1]',
    '%68ttps:',
    '%',
    '%E0%A4%A',
    '%252f',
  ),
  fc.constantFrom('／', '⁄', '。', '\u200b', '\ufeff', '\u0085', '\u2028', '\ud800', 'ü', '%e2%80%a8'),
  anyText,
);
const address = fc.oneof(
  fc.array(piece, { maxLength: 6, size: 'max' }).map((pieces) => pieces.join('')),
  fc.array(piece, { maxLength: 6, size: 'max' }).map((pieces) => `/${pieces.join('')}`),
  fc.array(piece, { maxLength: 6, size: 'max' }).map((pieces) => `/page/${pieces.join('')}`),
);
/** The origin to which a browser goes: it ignores tabs, line ends and surrounding blanks in an address. */
const originOf = (target: string): string => {
  const read = target.replace(/[\t\r\n]/g, '').trim();
  const { origin, pathname } = new URL(read, 'https://app.example/auth/polar/callback');
  // Once more for a redirect to the path of a URL, since dot segments may uncover a second slash.
  return pathname.startsWith('//') ? new URL(pathname, origin).origin : origin;
};

holds(
  'users stay on the site, whatever return_to contains',
  fc.tuple(address, fc.boolean()),
  async ([value, isWhole]) => {
    const safe = safeReturnTo(value);
    if (safe !== undefined) {
      if (safe !== value || !safe.startsWith('/')) throw new Error('Another address');
      for (const target of [safe, encodeURI(safe), decodeURIComponent(safe.split(/[?#]/, 1)[0] ?? '')])
        if (originOf(target) !== 'https://app.example') throw new Error(`Leads to ${originOf(target)}`);
      if (
        new URL(withReturnTo('/auth/polar', value), 'https://app.example').searchParams.get('return_to') !==
        value
      )
        throw new Error('Does not come back');
    }
    if (!isWhole) return;
    const { state, cookie } = await world.begin(
      `/auth/polar?return_to=${encodeURIComponent(Buffer.from(value).toString())}`,
    );
    for (const error of world.errors) ownError(error, world.secrets());
    // The browser learns the address at the end of the login.
    const sent = await send(world.app, `/auth/polar/callback?code=${goodCode}&state=${state}`, { cookie });
    if (world.errors.length > 0 || sent.location === undefined) throw new Error('Not logged in');
    if (originOf(sent.location) !== 'https://app.example') throw new Error(`Leads to ${sent.location}`);
  },
);

it('the properties of the API can fail: valid input is accepted', async () => {
  expect((await send(api, '/', { authorization: `Bearer ${accessToken}` })).status).toBe(200);
  expect(safeReturnTo('/page?x=1')).toBe('/page?x=1');
  expect(originOf('/\t/evil.example')).toBe('https://evil.example');
});
