/** Polar responds before it commits: until then, other requests do not see what the response says. */
import { describe, expect, it } from '@jest/globals';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { SeededRandom } from '../../../src/emulator/realistic/seeded-random.js';
import { LocalPolar } from '../support/local-polar.js';

// Long enough for the next request to arrive in time on a busy machine.
const polar = new LocalPolar({ consent: 'auto', realistic: { commitLagMs: 700 } });
const live = () => polar.emulator.liveTokens().map(({ accessToken }) => accessToken);

/** Tokens that are already committed. */
function committedTokens() {
  const { accessToken, refreshToken = '' } = polar.emulator.issueTokens({
    clientID: polar.client.clientID,
    user: 'ada@example.com',
  });
  return { accessToken, refreshToken };
}

describe('before the commit', () => {
  it('a code is unknown and not used up by an attempt', async () => {
    const code = await polar.code();
    expect(await polar.exchange(code)).toMatchObject({
      status: 400,
      json: { error: 'invalid_grant', error_description: "Invalid 'code' in request." },
    });
    await polar.emulator.settled();
    expect((await polar.exchange(code)).status).toBe(200);
  });

  it('a code from authorize() is unknown as well', async () => {
    const path = await polar.emulator.authorize(polar.emulator.url + polar.authorizePath());
    const code = new URLSearchParams(path.split('?')[1]).get('code') ?? '';
    expect((await polar.exchange(code)).status).toBe(400);
    await polar.emulator.settled();
    expect((await polar.exchange(code)).status).toBe(200);
  });

  it('an exchanged code works again, so that two pairs of tokens live', async () => {
    const code = await polar.code();
    await polar.emulator.settled();
    const replies = [await polar.exchange(code), await polar.exchange(code)];
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(live()).toEqual(replies.map(({ json }) => json['access_token']));
    await polar.emulator.settled();
    expect((await polar.exchange(code)).status).toBe(400);
    for (const accessToken of live()) expect((await polar.userinfo(accessToken)).status).toBe(200);
  });

  it('new tokens are unknown', async () => {
    const code = await polar.code();
    await polar.emulator.settled();
    const { json } = await polar.exchange(code);
    const [accessToken, refreshToken] = [String(json['access_token']), String(json['refresh_token'])];
    expect((await polar.userinfo(accessToken)).status).toBe(401);
    expect(await polar.introspect(accessToken)).toEqual({ active: false });
    expect((await polar.refresh(refreshToken)).status).toBe(400);
    expect(live()).toEqual([accessToken]);
    await polar.emulator.settled();
    expect((await polar.userinfo(accessToken)).status).toBe(200);
    expect((await polar.refresh(refreshToken)).status).toBe(200);
  });

  it('refreshed tokens still work and can be refreshed again, so that two pairs live', async () => {
    const { accessToken, refreshToken } = committedTokens();
    const replies = [await polar.refresh(refreshToken), await polar.refresh(refreshToken)];
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect((await polar.userinfo(accessToken)).status).toBe(200);
    expect(live()).toEqual(replies.map(({ json }) => json['access_token']));
    await polar.emulator.settled();
    expect((await polar.userinfo(accessToken)).status).toBe(401);
    expect((await polar.refresh(refreshToken)).status).toBe(400);
    expect(live()).toHaveLength(2);
  });

  it('a revoked token still works', async () => {
    const { accessToken } = committedTokens();
    const { clientID: client_id, clientSecret: client_secret } = polar.client;
    await polar.post('/v1/oauth2/revoke', { token: accessToken, client_id, client_secret });
    expect((await polar.userinfo(accessToken)).status).toBe(200);
    expect(live()).toEqual([]);
    await polar.emulator.settled();
    expect((await polar.userinfo(accessToken)).status).toBe(401);
  });

  it('a token that the test itself issues or revokes has no lag', async () => {
    const { accessToken } = committedTokens();
    expect((await polar.userinfo(accessToken)).status).toBe(200);
    polar.emulator.revokeAll();
    expect((await polar.userinfo(accessToken)).status).toBe(401);
  });
});

it('advancing the time commits what is due', async () => {
  const code = await polar.code();
  polar.emulator.advanceTime(0.5);
  expect((await polar.exchange(code)).status).toBe(400);
  polar.emulator.advanceTime(1);
  expect((await polar.exchange(code)).status).toBe(200);
});

it('neither close nor reset waits for a commit of the local Polar', async () => {
  const emulator = await startPolarEmulator({ consent: 'auto', realistic: { commitLagMs: 3_600_000 } });
  const { clientID } = emulator.registerClient({ redirectURIs: ['http://localhost/cb'] });
  const visit = () =>
    emulator.authorize(`${emulator.url}/oauth2/authorize?response_type=code&client_id=${clientID}`);
  await visit();
  emulator.reset();
  await emulator.settled();
  await visit();
  await emulator.close();
  await emulator.settled();
});

it('the same seed brings the same random choices', () => {
  const choices = (seed: number) => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 1000 }, () => random.between([100, 200]));
  };
  expect(choices(7)).toEqual(choices(7));
  expect(choices(7)).not.toEqual(choices(8));
  expect(Math.min(...choices(7))).toBeGreaterThanOrEqual(100);
  expect(Math.max(...choices(7))).toBeLessThan(200);
  expect(new Set(choices(7)).size).toBeGreaterThan(900);
});
