/** Whatever a browser or Polar sends to the callback, nobody is logged in without a login that was started and a valid id_token. */

import { sign } from 'node:crypto';
import { beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { polarHeader, rsaKey, signIdToken } from '../support/sign-id-token.js';
import { answers, anyText, changed, junk, responseOf, wireText } from './support/hostile.js';
import { holds, ownError } from './support/property.js';
import {
  clientID,
  clientSecret,
  codeVerifier,
  goodClaims,
  goodCode,
  goodTokens,
  grantForGoodCode,
  isLoggedIn,
  issuer,
  key,
  nonce,
  type Sent,
  secrets,
  send,
  startWorld,
  type World,
} from './support/world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
const callback = '/auth/polar/callback';

/** An answer that the app may give, and whether somebody is logged in now; errors are ours and show nothing. */
function loggedInAfter(sent: Sent, targets: readonly string[] = ['/home', '/failed']): boolean {
  for (const error of world.errors) ownError(error, secrets);
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
  'callback: a query logs in only with the one state and code of a login of this browser',
  fc.tuple(query, fc.constantFrom('own', 'own', 'own', 'none', 'forged')),
  async ([template, whose]) => {
    const { state, cookie } = world.begin();
    const right: Record<string, string> = { state, code: goodCode, iss: issuer, error: 'access_denied' };
    const text = template.replace(/(state|code|iss|error)=right/g, (_all, name) => `${name}=${right[name]}`);
    const forged = cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    const cookies = { own: { cookie }, none: {}, forged: { cookie: forged } }[whose] as Record<
      string,
      string
    >;
    const isIn = loggedInAfter(await send(world.app, `${callback}?${text}`, cookies));
    const asked = new URL(`http://app.example${callback}?${text}`).searchParams;
    const only = (name: string, value: string): boolean => asked.getAll(name).join('\n') === value;
    const mayLogIn = whose === 'own' && only('state', state) && only('code', goodCode) && !asked.get('error');
    if (isIn && !mayLogIn) throw new Error('Logged in');
    if (!isIn && whose === 'own' && template === 'state=right&code=right') throw new Error('Not logged in');
  },
);

const other = rsaKey();
const badTokens = [
  signIdToken(other, { payload: goodClaims }),
  signIdToken(key, { payload: { ...goodClaims, nonce: 'another' } }),
  signIdToken(key, { payload: { ...goodClaims, aud: 'another' } }),
  signIdToken(key, { payload: { ...goodClaims, exp: 1 } }),
  signIdToken(key, { payload: { ...goodClaims, iss: 'https://evil.example' } }),
  signIdToken(key, { payload: { ...goodClaims, sub: '' } }),
  signIdToken(key, { payload: goodClaims, header: { alg: 'none' } }),
  signIdToken(key, { payload: goodClaims, header: { alg: 'HS256' } }),
  `${signIdToken(key, { payload: goodClaims }).split('.').slice(0, 2).join('.')}.`,
];
const tokenAnswers = answers(
  changed(goodTokens, fc.oneof(junk, fc.constantFrom(...badTokens), fc.constant(goodTokens.access_token))),
);
holds('token responses: nobody is logged in without the valid id_token', tokenAnswers, async (answer) => {
  world.answers.token = (form) =>
    form.get('code') === goodCode ? responseOf(answer) : grantForGoodCode(form);
  const { state, cookie } = world.begin();
  const sent = await send(world.app, `${callback}?code=${goodCode}&state=${state}`, { cookie });
  world.answers.token = grantForGoodCode;
  if (!loggedInAfter(sent)) return;
  const body = JSON.parse(answer.body) as Record<string, unknown>;
  if (body['id_token'] !== goodTokens.id_token || answer.status >= 300) throw new Error('Logged in');
});

type Claims = Readonly<Record<string, unknown>>;
const now = Math.floor(Date.now() / 1000);
/** OpenID Connect Core 3.1.3.7 once more, in other words, for what is known to be signed. */
function mayLogIn(claims: Claims): boolean {
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
    named === nonce &&
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
  'id_tokens: signed and claiming whatever, they log in only with our key and the right claims',
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
  async ({ header, payload, signer, text, spoil }) => {
    const input = `${part(header)}.${part(payload)}`;
    const signature = {
      ours: () => sign('RSA-SHA256', Buffer.from(input), key.privateKey).toString('base64url'),
      other: () => badTokens[0]?.split('.')[2] ?? '',
      nobody: () => '',
      text: () => text,
    }[signer]();
    const whole = `${input}.${signature}`;
    const at = (spoil?.at ?? 0) % whole.length;
    const token = spoil ? whole.slice(0, at) + spoil.letter + whole.slice(at + 1) : whole;
    world.answers.token = () => Response.json({ ...goodTokens, id_token: token });
    const { state, cookie } = world.begin();
    const sent = await send(world.app, `${callback}?code=${goodCode}&state=${state}`, { cookie });
    world.answers.token = grantForGoodCode;
    // A short one, "." say, is in every message.
    const secrets = [token, signature].filter(({ length }) => length > 40);
    for (const error of world.errors) ownError(error, secrets);
    const isIn = loggedInAfter(sent);
    const isSigned = token === whole && signer === 'ours';
    const isRS256 = (header as { alg?: unknown } | null)?.alg === 'RS256';
    const isObject = typeof payload === 'object' && payload !== null && !Array.isArray(payload);
    if (isIn && !(isSigned && isRS256 && isObject && mayLogIn(payload as Claims)))
      throw new Error('Logged in');
    if (!isIn && token === whole && token === signIdTokenOf(payload, header))
      throw new Error('Not logged in');
  },
);

/** The token of whoever changed nothing; other texts are not worth a signature. */
function signIdTokenOf(payload: unknown, header: unknown): string | undefined {
  const isUnchanged = JSON.stringify([payload, header]) === JSON.stringify([goodClaims, polarHeader]);
  return isUnchanged ? goodTokens.id_token : undefined;
}

it('the good answer logs in, and what would show a secret is told: these properties can fail', async () => {
  const { state, cookie } = world.begin();
  const sent = await send(world.app, `${callback}?code=${goodCode}&state=${state}`, { cookie });
  expect(loggedInAfter(sent)).toBe(true);
  expect(secrets).toEqual(expect.arrayContaining([clientSecret, codeVerifier]));
});
