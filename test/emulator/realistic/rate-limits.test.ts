/** Polar counts requests per minute: per address without a token, per client with one, and per token it does not know. */
import { expect, it } from '@jest/globals';
import { bearer, LocalPolar, type Reply } from '../support/local-polar.js';

const polar = new LocalPolar({ consent: 'auto', realistic: { rateLimit: 'sandbox' } });

/** Sends a request so many times, and tells how often each status came. */
async function repeat(times: number, send: () => Promise<Reply>): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (let sent = 0; sent < times; sent++) {
    const { status } = await send();
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

const introspect = () => {
  const { clientID: client_id, clientSecret: client_secret } = polar.client;
  return polar.post('/v1/oauth2/introspect', { token: 'x', client_id, client_secret });
};
const issue = (user = 'ada@example.com') => {
  const { clientID } = polar.client;
  return polar.emulator.issueTokens({ clientID, user }).accessToken;
};

it('gives the token endpoint, revoke, introspect and register a hundred requests a minute together', async () => {
  expect(await repeat(97, introspect)).toEqual({ 200: 97 });
  expect((await polar.token({ grant_type: 'nope' })).status).toBe(400);
  expect((await polar.post('/v1/oauth2/revoke', {})).status).toBe(401);
  expect((await polar.post('/v1/oauth2/register', {})).status).toBe(422);
  for (const path of ['token', 'revoke', 'introspect', 'register', 'userinfo']) {
    const refused = await polar.post(`/v1/oauth2/${path}`, {});
    expect([refused.status, refused.text, refused.headers.get('retry-after')]).toEqual([429, '', '60']);
  }
  expect(polar.emulator.requests.at(-1)).toMatchObject({ endpoint: 'userinfo', status: 429 });

  // The page, the keys, API calls and other addresses are no part of it.
  expect((await polar.authorize()).status).toBe(302);
  expect((await polar.get('/.well-known/jwks.json')).status).toBe(200);
  expect((await polar.userinfo(issue())).status).toBe(200);
  expect((await polar.post('/v1/oauth2/token', {}, { 'true-client-ip': '192.0.2.1' })).status).toBe(400);

  polar.emulator.advanceTime(20);
  expect((await introspect()).status).toBe(429);
  polar.emulator.advanceTime(40);
  expect(await repeat(101, introspect)).toEqual({ 200: 100, 429: 1 });
  polar.emulator.reset();
  expect((await introspect()).status).toBe(200);
});

it('gives all users of a client a hundred API calls a minute together', async () => {
  const [ada, grace] = [issue(), issue('grace@example.com')];
  await polar.userinfo(grace); // that of a token which Polar meets for the first time counts for the token
  expect(await repeat(60, () => polar.userinfo(ada))).toEqual({ 200: 60 });
  expect(await repeat(42, () => polar.userinfo(grace))).toEqual({ 200: 41, 429: 1 });
  polar.client = polar.register();
  expect((await polar.userinfo(issue())).status).toBe(200);
  // A token that was not used for five minutes is a new one.
  polar.emulator.advanceTime(300);
  expect(await repeat(102, () => polar.userinfo(ada))).toEqual({ 200: 101, 429: 1 });
});

it('gives a token that is no good sixty calls a minute', async () => {
  expect(await repeat(61, () => polar.userinfo('polar_at_u_bad'))).toEqual({ 401: 60, 429: 1 });
  expect((await polar.userinfo('polar_at_u_other')).status).toBe(401);
  const revoked = issue();
  await polar.userinfo(revoked);
  polar.emulator.revokeAll();
  expect(await repeat(62, () => polar.userinfo(revoked))).toEqual({ 401: 60, 429: 2 });
});

it('counts the address before it looks at what the request wants', async () => {
  await repeat(100, introspect);
  expect((await polar.get('/v1/nowhere')).status).toBe(429);
  expect((await polar.send('/v1/oauth2/token', { headers: bearer('x') })).status).toBe(401);
});
