/** JWTs and key sets of any kind, for verifyIdToken, which apps may call themselves. */
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JWK } from 'jose';
import { type PolarError, type VerifyIdTokenOptions, verifyIdToken } from 'passport-polar-sh';
import { ecKey, rsaKey, signIdToken } from '../support/sign-id-token.js';
import { type Answer, answers, anyText, changed, junk, responseOf } from './support/hostile.js';
import { holds, outcomeOf } from './support/property.js';
import { accessToken, clientID, goodClaims, idToken, key, nonce } from './support/world.js';

const other = rsaKey('other');
const weak = rsaKey('weak', 1024);
const good: VerifyIdTokenOptions = { clientID, nonce, accessToken, jwks: { keys: [key.jwk] } };
const segments = [idToken, signIdToken(other, { payload: goodClaims })].flatMap((token) => token.split('.'));

const encoded = fc.oneof(
  junk.map((value) => Buffer.from(JSON.stringify(value) ?? '').toString('base64url')),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
);
const segment = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...segments) }, encoded, anyText);
const tokens: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.array(segment, { minLength: 3, maxLength: 3 }).map((parts) => parts.join('.')) },
  fc.array(segment, { maxLength: 6 }).map((parts) => parts.join('.')),
  fc
    .tuple(fc.nat({ max: idToken.length }), anyText, fc.nat({ max: 5 }))
    .map(([at, text, gone]) => idToken.slice(0, at) + text + idToken.slice(at + gone)),
  junk as fc.Arbitrary<string>,
);

holds('any JWT but the token that our key signed is refused', tokens, async (token) => {
  const isLong = typeof token === 'string' && token.length > 60;
  const outcome = await outcomeOf(
    () => verifyIdToken(token, good),
    [accessToken, ...(isLong ? [token] : [])],
  );
  if ('result' in outcome && token !== idToken) throw new Error('Accepted');
  if ('error' in outcome && token === idToken) throw outcome.error;
  if ('error' in outcome && !outcome.error.code.startsWith('id_token_')) throw outcome.error;
});

const documents = fc.oneof(
  { weight: 3, arbitrary: changed({ keys: [key.jwk] }) },
  {
    weight: 2,
    arbitrary: changed({
      keys: [other.jwk, weak.jwk, ecKey('ec').jwk, { ...key.jwk, use: 'sig', alg: 'RS256' }],
    }),
  },
  changed({
    keys: [other.jwk, { kty: 'oct', k: key.jwk.n }, { ...key.jwk, use: 'enc' }, { ...key.jwk, alg: 'PS256' }],
  }),
  junk,
);
const numberOf = (text: unknown): bigint =>
  BigInt(`0x0${typeof text === 'string' ? Buffer.from(text, 'base64url').toString('hex') : ''}`);

/** Whether a document publishes our key, however it spells the numbers. */
function publishes(document: unknown): boolean {
  const { keys } = (document ?? {}) as { keys?: unknown };
  return (Array.isArray(keys) ? (keys as (JWK | null)[]) : []).some(
    (each) =>
      each?.kty === 'RSA' &&
      numberOf(each.n) === numberOf(key.jwk.n) &&
      numberOf(each.e) === numberOf(key.jwk.e),
  );
}
async function verifiedBy(answer: Answer): Promise<boolean> {
  const fetch = async (): Promise<Response> => responseOf(answer);
  const outcome = await outcomeOf(() => verifyIdToken(idToken, { clientID, nonce, fetch }), [idToken]);
  return 'result' in outcome;
}

holds(
  'an id_token is accepted only if the JWKS document publishes its key',
  answers(documents),
  async (answer) => {
    if (!(await verifiedBy(answer))) return;
    if (answer.status >= 300 || !publishes(JSON.parse(answer.body))) throw new Error('Accepted');
  },
);

holds('an id_token is accepted only if the jwks option contains its key', documents, async (jwks) => {
  const work = (): unknown => verifyIdToken(idToken, { ...good, jwks: jwks as never });
  const outcome = await outcomeOf(work, [idToken]);
  if ('result' in outcome && jwks !== undefined && !publishes(jwks)) throw new Error('Accepted');
});

it('the properties of id_tokens can fail: a valid token and a valid document are accepted', async () => {
  expect(await verifyIdToken(idToken, good)).toMatchObject(goodClaims);
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ keys: [other.jwk, key.jwk] });
  expect(await verifiedBy({ status: 200, headers, body })).toBe(true);
  const refused = verifyIdToken(segments.slice(3).join('.'), good);
  expect(await refused.catch(({ code }: PolarError) => code)).toBe('id_token_signature');
});
