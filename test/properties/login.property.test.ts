/** Whatever a browser or Polar sends to the callback, only a login that was started, with a valid id_token, succeeds. */

import { createHash, sign } from 'node:crypto';
import { beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { polarHeader, rsaKey, signIdToken } from '../support/sign-id-token.js';
import { answers, anyText, changed, junk, responseOf, wireText } from './support/hostile.js';
import { holds, ownError } from './support/property.js';
import {
  clientID,
  clientSecret,
  goodClaims,
  goodCode,
  goodTokens,
  isLoggedIn,
  issuer,
  key,
  nonce,
  type Sent,
  send,
  startWorld,
  type World,
} from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
const callback = '/auth/polar/callback';

/** Whether a response is one that the app may send, and whether a user is now logged in; errors are ours and show nothing. */
function loggedInAfter(sent: Sent, targets: readonly string[] = ['/home', '/failed']): boolean {
  for (const error of world.errors) ownError(error, world.secrets());
  if (world.errors.length === 0 && !targets.includes(sent.location ?? ''))
    throw new Error(`The app answered ${sent.status} ${sent.location}`);
  const isIn = isLoggedIn(world.sessions());
  if (isIn !== (sent.location === '/home')) throw new Error('Answer and session do not agree');
  return isIn;
}

const names = ['state', 'code', 'error', 'error_description', 'iss'];
const parameter = fc.tuple(
  fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('state', 'code') },
    { weight: 3, arbitrary: fc.constantFrom(...names) },
    fc.constantFrom(
      'state[]',
      'code[]',
      'code[0]',
      'State',
      'st%61te',
      ' state',
      '',
      '__proto__',
      'return_to',
    ),
    wireText(8),
  ),
  fc.oneof(
    { weight: 6, arbitrary: fc.constant('right') },
    fc.constantFrom(
      '',
      'access_denied',
      'invalid_scope',
      'login_required',
      '__proto__',
      'constructor',
      '%',
      '%00',
    ),
    wireText(12),
    fc.constant('x'.repeat(5000)),
  ),
);
const query = fc.oneof(
  { weight: 1, arbitrary: wireText(60) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.array(parameter, { maxLength: 5 }), fc.constantFrom('&', '&', '&', ';', '&&', '?', '#'))
      .map(([parameters, separator]) => parameters.map((pair) => pair.join('=')).join(separator)),
  },
  { weight: 2, arbitrary: fc.constant('state=right&code=right') },
);

holds(
  'a callback succeeds only with the one state and code of a login in this browser, whatever its query',
  fc.tuple(query, fc.constantFrom('own', 'own', 'own', 'own among others', 'none', 'forged')),
  async ([template, whose]) => {
    const { state, cookie } = await world.begin();
    const right: Record<string, string> = { state, code: goodCode, iss: issuer, error: 'access_denied' };
    const text = template.replace(/(state|code|iss|error)=right/g, (_all, name) => `${name}=${right[name]}`);
    const forged = cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    const cookies = {
      own: { cookie },
      'own among others': { cookie: `a=1; polar-0123456789=x;${cookie} ; b` },
      none: {},
      forged: { cookie: forged },
    }[whose] as Record<string, string>;
    const isIn = loggedInAfter(await send(world.app, `${callback}?${text}`, cookies));
    const asked = new URL(`http://app.example${callback}?${text}`).searchParams;
    const only = (name: string, value: string): boolean => asked.getAll(name).join('\n') === value;
    const isOwn = whose === 'own' || whose === 'own among others';
    const mayLogIn = isOwn && only('state', state) && only('code', goodCode) && !asked.get('error');
    if (isIn && !mayLogIn) throw new Error('Logged in');
    if (!isIn && isOwn && template === 'state=right&code=right') throw new Error('Not logged in');
  },
);

const cookieHeader = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom('own', 'name=', 'name', 'name=other', '__Host-polar-', 'polar-'),
    },
    wireText(30),
  ),
  { maxLength: 8 },
);
holds(
  'a browser can finish a login only with its own cookie, and use up no other, whatever it sends',
  fc.tuple(cookieHeader, fc.constantFrom('; ', ';', '; ; ', ',')),
  async ([pairs, separator]) => {
    const { state, cookie, cookieName } = await world.begin();
    const path = `${callback}?code=${goodCode}&state=${state}`;
    const header = pairs
      .map((pair) => (pair === 'own' ? cookie : pair.replace(/^name/, cookieName)))
      .join(separator);
    const sent = header.split(';').map((pair) => pair.trim());
    const isIn = loggedInAfter(await send(world.app, path, { cookie: header }));
    const named = sent.filter((pair) => pair.startsWith(`${cookieName}=`) && pair !== `${cookieName}=`);
    if (isIn !== named.slice(0, 5).includes(cookie)) throw new Error(`${isIn ? 'L' : 'Not l'}ogged in`);
    // The browser that has started it can still finish it.
    if (!isIn && !loggedInAfter(await send(world.app, path, { cookie }))) throw new Error('Used up');
    if (world.exchanges() !== 1) throw new Error(`The code was exchanged ${world.exchanges()} times`);
  },
);

const other = rsaKey();
/** Worthless tokens, in a login that is otherwise right. */
const badTokens: Readonly<Record<string, (claims: Claims) => string>> = {
  'token-of-another-key': (claims) => signIdToken(other, { payload: claims }),
  'token-of-another-nonce': (claims) => signIdToken(key, { payload: { ...claims, nonce: 'another' } }),
  'token-for-another-client': (claims) => signIdToken(key, { payload: { ...claims, aud: 'another' } }),
  'token-that-expired': (claims) => signIdToken(key, { payload: { ...claims, exp: 1 } }),
  'token-of-another-issuer': (claims) =>
    signIdToken(key, { payload: { ...claims, iss: 'https://evil.example' } }),
  'token-of-nobody': (claims) => signIdToken(key, { payload: { ...claims, sub: '' } }),
  'token-of-alg-none': (claims) => signIdToken(key, { payload: claims, header: { alg: 'none' } }),
  'token-of-alg-hs256': (claims) => signIdToken(key, { payload: claims, header: { alg: 'HS256' } }),
  'token-without-signature': (claims) =>
    `${signIdToken(key, { payload: claims }).split('.').slice(0, 2).join('.')}.`,
};
const tokenAnswers = answers(
  changed(
    goodTokens,
    fc.oneof(junk, fc.constantFrom(...Object.keys(badTokens)), fc.constant(goodTokens.access_token)),
  ),
);
holds(
  'nobody is logged in without the valid id_token, whatever the token response',
  tokenAnswers,
  async (answer) => {
    const { state, cookie, nonce: own } = await world.begin();
    const body = world
      .inThisLogin(answer.body)
      .replace(/token-[a-z0-9-]+/g, (name) => badTokens[name]?.({ ...goodClaims, nonce: own }) ?? name);
    world.answers.token = (form) =>
      form.get('code') === goodCode ? responseOf({ ...answer, body }) : world.grantForGoodCode(form);
    const sent = await send(world.app, `${callback}?code=${goodCode}&state=${state}`, { cookie });
    world.answers.token = world.grantForGoodCode;
    if (!loggedInAfter(sent)) return;
    const answered = JSON.parse(body) as Record<string, unknown>;
    if (answered['id_token'] !== world.idToken() || answer.status >= 300) throw new Error('Logged in');
  },
);

type Claims = Readonly<Record<string, unknown>>;
const now = Math.floor(Date.now() / 1000);
/** OpenID Connect Core 3.1.3.7 once more, in other words, for a token whose signature is valid. */
function mayLogIn(claims: Claims, nonceOfLogin: string): boolean {
  const { iss, sub, aud, azp, exp, iat, nbf, nonce: named, at_hash: hash } = claims;
  const isFor = Array.isArray(aud) ? aud.includes(clientID) : aud === clientID;
  const isToUs =
    azp === clientID || ((azp === undefined || azp === null) && !(Array.isArray(aud) && aud.length > 1));
  const isTimely =
    typeof exp === 'number' &&
    exp > now - 60 &&
    typeof iat === 'number' &&
    iat <= now + 3600 &&
    iat > now - 90_000;
  const hasBegun = nbf === undefined || nbf === null || (typeof nbf === 'number' && nbf < now + 3600);
  const isWhole = hash === undefined || hash === null;
  return (
    iss === issuer &&
    typeof sub === 'string' &&
    sub !== '' &&
    isFor &&
    isToUs &&
    isTimely &&
    hasBegun &&
    named === nonceOfLogin &&
    isWhole
  );
}
const claims = changed(
  goodClaims,
  fc.oneof(
    junk,
    fc.constantFrom<unknown[]>(nonce, clientID, [clientID, 'other'], issuer, now, now + 100, -now),
  ),
);
const headers = fc.oneof(
  { weight: 5, arbitrary: fc.constant(polarHeader as unknown) },
  changed(
    { ...polarHeader, kid: 'k' },
    fc.oneof(junk, fc.constantFrom('none', 'HS256', 'RS512', 'PS256', ['exp'])),
  ),
);
const signers = fc.oneof(
  { weight: 6, arbitrary: fc.constant('ours' as const) },
  fc.constantFrom('other' as const, 'nobody' as const, 'text' as const),
);
const part = (value: unknown): string => Buffer.from(JSON.stringify(value) ?? '').toString('base64url');

holds(
  'an id_token logs a user in only with our key and the right claims, whatever its signature and claims',
  fc.record({
    header: headers,
    payload: fc.oneof({ weight: 8, arbitrary: claims }, junk),
    signer: signers,
    text: anyText,
    spoil: fc.option(
      fc.record({ at: fc.nat(), letter: fc.constantFrom('', 'A', '.', '=', ' ', '\n', '%', 'é') }),
      {
        freq: 6,
      },
    ),
  }),
  async ({ header, payload: template, signer, text, spoil }) => {
    const { state, cookie, nonce: own } = await world.begin();
    const payload = JSON.parse(world.inThisLogin(JSON.stringify(template) ?? 'null')) as unknown;
    const input = `${part(header)}.${part(payload)}`;
    const signature = {
      ours: () => sign('RSA-SHA256', Buffer.from(input), key.privateKey).toString('base64url'),
      other: () => sign('RSA-SHA256', Buffer.from(input), other.privateKey).toString('base64url'),
      nobody: () => '',
      text: () => text,
    }[signer]();
    const whole = `${input}.${signature}`;
    const at = (spoil?.at ?? 0) % whole.length;
    const token = spoil ? whole.slice(0, at) + spoil.letter + whole.slice(at + 1) : whole;
    world.answers.token = () => Response.json({ ...goodTokens, id_token: token });
    const sent = await send(world.app, `${callback}?code=${goodCode}&state=${state}`, { cookie });
    world.answers.token = world.grantForGoodCode;
    // A short one, such as ".", is in every message.
    const secrets = [token, signature].filter(({ length }) => length > 40);
    for (const error of world.errors) ownError(error, secrets);
    const isIn = loggedInAfter(sent);
    const isSigned = token === whole && signer === 'ours';
    const isRS256 = (header as { alg?: unknown } | null)?.alg === 'RS256';
    const isObject = typeof payload === 'object' && payload !== null && !Array.isArray(payload);
    if (isIn && !(isSigned && isRS256 && isObject && mayLogIn(payload as Claims, own)))
      throw new Error('Logged in');
    const isUnchanged = JSON.stringify([template, header]) === JSON.stringify([goodClaims, polarHeader]);
    if (!isIn && isSigned && isUnchanged) throw new Error('Not logged in');
  },
);

it('the properties of the login can fail: a valid response logs in, and a shown secret is found', async () => {
  const { state, cookie, cookieValue, nonce: own, codeChallenge } = await world.begin();
  const sent = await send(world.app, `${callback}?code=${goodCode}&state=${state}`, { cookie });
  expect(loggedInAfter(sent)).toBe(true);
  expect(world.secrets()).toEqual(expect.arrayContaining([clientSecret, cookieValue, own, world.idToken()]));
  const isVerifier = (text: string): boolean =>
    createHash('sha256').update(text).digest('base64url') === codeChallenge;
  expect(world.secrets().some(isVerifier)).toBe(true);
  expect(JSON.parse(world.inThisLogin(JSON.stringify([nonce, `${nonce.slice(0, 20)}x`])))).toEqual([
    own,
    `${own.slice(0, 20)}x`,
  ]);
});
