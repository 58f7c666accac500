/** Polar limits requests per minute: per address without a token, per client with one, and per unknown token. */
import { expect, it } from '@jest/globals';
import { bearer, LocalPolar, type Reply } from '../support/local-polar.js';

const polar = new LocalPolar({ consent: 'auto', realistic: { rateLimit: 'sandbox' } });

/** Sends a request repeatedly and counts each status. */
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

it('the rate limit allows the token, revoke, introspect and register endpoints a hundred requests a minute together', async () => {
  expect(await repeat(97, introspect)).toEqual({ 200: 97 });
  expect((await polar.token({ grant_type: 'nope' })).status).toBe(400);
  expect((await polar.post('/v1/oauth2/revoke', {})).status).toBe(401);
  expect((await polar.post('/v1/oauth2/register', {})).status).toBe(422);
  for (const path of ['token', 'revoke', 'introspect', 'register', 'userinfo']) {
    const refused = await polar.post(`/v1/oauth2/${path}`, {});
    expect([refused.status, refused.text, refused.headers.get('retry-after')]).toEqual([429, '', '60']);
  }
  expect(polar.emulator.requests.at(-1)).toMatchObject({ endpoint: 'userinfo', status: 429 });

  // The page, the keys, API calls and other addresses do not count.
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

it('the rate limit allows all users of a client a hundred API calls a minute together', async () => {
  const [ada, grace] = [issue(), issue('grace@example.com')];
  await polar.userinfo(grace); // the first call of a new token counts for the token
  expect(await repeat(60, () => polar.userinfo(ada))).toEqual({ 200: 60 });
  expect(await repeat(42, () => polar.userinfo(grace))).toEqual({ 200: 41, 429: 1 });
  polar.client = polar.register();
  expect((await polar.userinfo(issue())).status).toBe(200);
  // A token counts as new after five minutes without use.
  polar.emulator.advanceTime(300);
  expect(await repeat(102, () => polar.userinfo(ada))).toEqual({ 200: 101, 429: 1 });
});

it('the rate limit allows an invalid token sixty calls a minute', async () => {
  expect(await repeat(61, () => polar.userinfo('polar_at_u_bad'))).toEqual({ 401: 60, 429: 1 });
  expect((await polar.userinfo('polar_at_u_other')).status).toBe(401);
  const revoked = issue();
  await polar.userinfo(revoked);
  polar.emulator.revokeAll();
  expect(await repeat(62, () => polar.userinfo(revoked))).toEqual({ 401: 60, 429: 2 });
});

it('the rate limit counts the address before the request is routed', async () => {
  await repeat(100, introspect);
  expect((await polar.get('/v1/nowhere')).status).toBe(429);
  expect((await polar.send('/v1/oauth2/token', { headers: bearer('x') })).status).toBe(401);
});
