import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { decodeJwt, exportJWK, SignJWT } from 'jose';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
type Forge = (
  claims: Record<string, unknown>,
  accessToken: string,
) => Promise<string | undefined> | string | undefined;

const sign = (claims: Record<string, unknown>, key: KeyObject | Uint8Array = privateKey, alg = 'RS256') =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(key);

/** Logs in at a Polar whose id_token is replaced on the way and signed with keys of our own. */
async function logInWith(forge: Forge) {
  const seen: string[] = [];
  app = await startTestApp({
    strategy: {
      fetch: async (url, init) => {
        const answer = await fetch(url, init);
        if (url.endsWith('/jwks.json')) return Response.json({ keys: [await exportJWK(publicKey)] });
        if (!url.endsWith('/token')) return answer;
        const body = (await answer.json()) as { id_token: string; access_token: string };
        const forged = await forge({ ...decodeJwt(body.id_token) }, body.access_token);
        if (forged !== undefined) seen.push(forged);
        return Response.json({ ...body, id_token: forged });
      },
    },
  });
  const browser = app.browser();
  const answer = await browser.logIn();
  const me = await browser.get('/me');
  return { answer, user: me.body.user, seen, session: (await browser.get('/session')).body };
}

const now = (claims: Record<string, unknown>) => claims['iat'] as number;
const cases: [string, string, Forge][] = [
  ['is missing', 'id_token_missing', () => undefined],
  ['is not a JWT', 'id_token_malformed', () => 'not.a-jwt'],
  [
    'is unsigned',
    'id_token_algorithm',
    (c) =>
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify(c)).toString('base64url')}.`,
  ],
  [
    'is signed with HS256 and the public key',
    'id_token_algorithm',
    (c) => sign(c, Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }) as string), 'HS256'),
  ],
  [
    'is signed with another key',
    'id_token_signature',
    (c) => sign(c, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
  ],
  ['has another issuer', 'id_token_issuer', (c) => sign({ ...c, iss: 'https://polar.sh1' })],
  ['has another audience', 'id_token_audience', (c) => sign({ ...c, aud: 'polar_ci_other' })],
  ['has no audience', 'id_token_audience', ({ aud: _, ...c }) => sign(c)],
  [
    'has several audiences but no azp',
    'id_token_authorized_party',
    (c) => sign({ ...c, aud: [...(c['aud'] as string[]), 'other'] }),
  ],
  ['was issued to another client', 'id_token_authorized_party', (c) => sign({ ...c, azp: 'other' })],
  ['has expired', 'id_token_expired', (c) => sign({ ...c, exp: now(c) - 60 })],
  ['has no exp', 'id_token_expired', ({ exp: _, ...c }) => sign(c)],
  ['has no iat', 'id_token_issued_at', ({ iat: _, ...c }) => sign(c)],
  ['is from the future', 'id_token_issued_at', (c) => sign({ ...c, iat: now(c) + 120 })],
  ['is a week old', 'id_token_issued_at', (c) => sign({ ...c, iat: now(c) - 7 * 86_400 })],
  ['has another nonce', 'id_token_nonce', (c) => sign({ ...c, nonce: `${c['nonce']}1` })],
  ['has no nonce', 'id_token_nonce', ({ nonce: _, ...c }) => sign(c)],
  ['has a null nonce', 'id_token_nonce', (c) => sign({ ...c, nonce: null })],
  [
    'was issued with another access token',
    'id_token_access_token_hash',
    (c) =>
      sign({
        ...c,
        at_hash: createHash('sha256').update('other').digest().subarray(0, 16).toString('base64url'),
      }),
  ],
  ['has no valid sub', 'id_token_subject', ({ sub: _, ...c }) => sign(c)],
];

describe('nobody is logged in when the id_token', () => {
  it.each(cases)('%s (%s)', async (_what, code, forge) => {
    const { answer, user, seen, session } = await logInWith(forge);
    expect([answer.status, answer.body.code, user]).toEqual([502, code, null]);
    expect(session).not.toHaveProperty('polar');
    // Refused before any other request uses the tokens, and never quoted.
    expect(app.emulator.requests.map(({ endpoint }) => endpoint)).not.toContain('userinfo');
    for (const token of seen) expect(JSON.stringify(answer.body)).not.toContain(token);
  });
});

describe('somebody is logged in when the id_token', () => {
  it.each<[string, Forge]>([
    ['is what Polar would send', (c) => sign(c)],
    ['has its audience as a string', (c) => sign({ ...c, aud: (c['aud'] as string[])[0] })],
    [
      'names us as azp among several audiences',
      (c) => sign({ ...c, aud: [...(c['aud'] as string[]), 'x'], azp: (c['aud'] as string[])[0] }),
    ],
    ['is a few seconds ahead of our clock', (c) => sign({ ...c, iat: now(c) + 20 })],
    ['has no at_hash', ({ at_hash: _, ...c }) => sign(c)],
  ])('%s', async (_what, forge) => {
    expect((await logInWith(forge)).user).toMatchObject({ provider: 'polar' });
  });
});
