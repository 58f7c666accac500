/** Concurrent requests for the same row, as Polar's processes and its database handle them. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { LocalPolar, type Reply } from '../support/local-polar.js';

/** Long enough for the next request to arrive before the commit, even on a busy machine. */
const commitLagMs = 700;

/** A reply with the milliseconds that it took. */
async function timed(reply: Promise<Reply>): Promise<Reply & { tookMs: number }> {
  const startedAt = performance.now();
  const received = await reply;
  return { ...received, tookMs: performance.now() - startedAt };
}

/** The reply with a status among several. */
function withStatus<Each extends Reply>(status: number, replies: readonly Each[]): Each {
  const found = replies.find((reply) => reply.status === status);
  if (found === undefined) throw new Error(`Nobody got a ${status}: ${replies.map((each) => each.status)}`);
  return found;
}

function refreshToken(polar: LocalPolar): string {
  const { clientID } = polar.client;
  return String(polar.emulator.issueTokens({ clientID, user: 'ada@example.com' }).refreshToken);
}

async function expectAllAlive(polar: LocalPolar, replies: readonly Reply[]): Promise<void> {
  await polar.emulator.settled();
  expect(polar.emulator.liveTokens().map(({ accessToken }) => accessToken)).toEqual(
    replies.map(({ json }) => json['access_token']),
  );
  for (const { json } of replies) {
    expect((await polar.userinfo(String(json['access_token']))).status).toBe(200);
  }
}

describe('in a single process of Polar,', () => {
  const lockTimeoutMs = 400;
  const polar = new LocalPolar({
    consent: 'auto',
    realistic: { commitLagMs, refreshRaces: { workers: 1, lockTimeoutMs, latencyMs: 0 } },
  });

  it('the second of two refreshes waits in vain and gets a 500', async () => {
    const token = refreshToken(polar);
    const replies = await Promise.all([timed(polar.refresh(token)), timed(polar.refresh(token))]);
    const [winner, loser] = [withStatus(200, replies), withStatus(500, replies)];
    expect(loser.tookMs).toBeGreaterThan(lockTimeoutMs - 50);
    expect(loser.text).toBe('Internal Server Error');
    expect(loser.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    await expectAllAlive(polar, [winner]);
  });

  it('four concurrent refreshes wait for one another', async () => {
    const token = refreshToken(polar);
    const replies = await Promise.all(Array.from({ length: 4 }, () => timed(polar.refresh(token))));
    const winner = withStatus(200, replies);
    const losers = replies.filter((reply) => reply !== winner);
    // The commit comes after 700 ms, within which two of them time out after 400 ms each.
    expect(losers.map(({ status }) => status).sort()).toEqual(expect.arrayContaining([500, 500]));
    expect(losers.every(({ status }) => status === 500 || status === 400)).toBe(true);
    expect(Math.max(...losers.map(({ tookMs }) => tookMs))).toBeGreaterThan(2 * lockTimeoutMs - 50);
    await expectAllAlive(polar, [winner]);
  });

  it('all other requests wait during a race', async () => {
    const token = refreshToken(polar);
    await polar.refresh(token);
    const loser = polar.refresh(token);
    await delay(lockTimeoutMs / 4);
    const keys = await timed(polar.get('/.well-known/jwks.json'));
    expect(keys.status).toBe(200);
    expect((await loser).status).toBe(500);
    expect(keys.tookMs).toBeGreaterThan(lockTimeoutMs / 4);
  });

  it('a code that is sent twice is exchanged once', async () => {
    const code = await polar.code();
    await polar.emulator.settled();
    const replies = await Promise.all([polar.exchange(code), polar.exchange(code)]);
    withStatus(500, replies);
    await expectAllAlive(polar, [withStatus(200, replies)]);
  });

  it('a refresh after the commit is refused', async () => {
    const token = refreshToken(polar);
    await polar.refresh(token);
    await polar.emulator.settled();
    expect(await polar.refresh(token)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } });
  });

  it('a reset lets waiting requests continue', async () => {
    const token = refreshToken(polar);
    await polar.refresh(token);
    const loser = polar.refresh(token);
    polar.emulator.reset();
    await loser;
    expect((await polar.get('/.well-known/jwks.json')).status).toBe(200);
  });
});

describe('in a single process of Polar that freezes for long,', () => {
  const lockTimeoutMs = 1500;
  const polar = new LocalPolar({
    consent: 'auto',
    realistic: { commitLagMs, refreshRaces: { workers: 1, lockTimeoutMs, latencyMs: 0 } },
  });

  it('a refresh that arrives meanwhile is refused late', async () => {
    const token = refreshToken(polar);
    await polar.refresh(token);
    const loser = polar.refresh(token);
    await delay(commitLagMs + 200); // by now the process would have committed, if it could
    const late = await timed(polar.refresh(token));
    expect((await loser).status).toBe(500);
    expect([late.status, late.json]).toEqual([400, { error: 'invalid_grant' }]);
    expect(late.tookMs).toBeGreaterThan((lockTimeoutMs - commitLagMs) / 4);
  });
});

describe('in a single slow process of Polar,', () => {
  const lockTimeoutMs = 1200;
  const polar = new LocalPolar({
    consent: 'auto',
    realistic: { refreshRaces: { workers: 1, lockTimeoutMs, latencyMs: 500 } },
  });

  it('the winner gets its response after the loser has waited in vain', async () => {
    const token = refreshToken(polar);
    const replies = await Promise.all([timed(polar.refresh(token)), timed(polar.refresh(token))]);
    expect(withStatus(200, replies).tookMs).toBeGreaterThan(lockTimeoutMs - 50);
    withStatus(500, replies);
    await expectAllAlive(polar, [withStatus(200, replies)]);
  });

  it('a refresh takes effect even when its client does not wait', async () => {
    const token = refreshToken(polar);
    const { clientID: client_id, clientSecret = '' } = polar.client;
    const fields = {
      grant_type: 'refresh_token',
      refresh_token: token,
      client_id,
      client_secret: clientSecret,
    };
    const init = { method: 'POST', body: new URLSearchParams(fields), signal: AbortSignal.timeout(200) };
    await expect(polar.send('/v1/oauth2/token', init)).rejects.toThrow();
    await polar.emulator.settled();
    expect((await polar.refresh(token)).status).toBe(400);
    expect(polar.emulator.liveTokens()).toHaveLength(1);
  });
});

describe('in separate processes of Polar,', () => {
  const polar = new LocalPolar({
    consent: 'auto',
    realistic: { commitLagMs, refreshRaces: { workers: 1000, latencyMs: [0, 30] } },
  });

  it('two concurrent refreshes succeed and both pairs live', async () => {
    const token = refreshToken(polar);
    const replies = await Promise.all([timed(polar.refresh(token)), timed(polar.refresh(token))]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    replies.sort((a, b) => a.tookMs - b.tookMs);
    // The second one waited for the first one's commit.
    expect(replies[1]?.tookMs).toBeGreaterThan(commitLagMs - 200);
    await expectAllAlive(polar, replies);
  });

  it('a code that is sent twice brings two live pairs', async () => {
    const code = await polar.code();
    await polar.emulator.settled();
    const replies = await Promise.all([timed(polar.exchange(code)), timed(polar.exchange(code))]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    await expectAllAlive(
      polar,
      replies.sort((a, b) => a.tookMs - b.tookMs),
    );
  });

  it('a revocation during a refresh does not affect the new pair', async () => {
    const token = refreshToken(polar);
    const refreshed = await polar.refresh(token);
    const { clientID: client_id, clientSecret: client_secret } = polar.client;
    const revoked = await polar.post('/v1/oauth2/revoke', { token, client_id, client_secret });
    expect([revoked.status, revoked.json]).toEqual([200, {}]);
    await expectAllAlive(polar, [refreshed]);
  });
});

describe('in a single process of Polar that waits for an hour,', () => {
  const polar = new LocalPolar({
    consent: 'auto',
    realistic: { commitLagMs: 3_600_000, refreshRaces: { workers: 1, lockTimeoutMs: 3_600_000 } },
  });

  /** Starts a refresh that is not committed, and five more that wait for it and for one another. */
  async function jam(): Promise<Promise<number | 'dropped'>[]> {
    const token = refreshToken(polar);
    expect((await polar.refresh(token)).status).toBe(200);
    const before = polar.emulator.requests.length;
    const jammed = Array.from({ length: 5 }, () =>
      polar.refresh(token).then(
        ({ status }) => status,
        () => 'dropped' as const,
      ),
    );
    while (polar.emulator.requests.length < before + 5) await delay(10);
    return jammed;
  }

  it('a reset frees all waiting requests, and so does the next one', async () => {
    for (const _ of ['once', 'twice']) {
      const jammed = await jam();
      polar.emulator.reset();
      for (const status of await Promise.all(jammed)) expect([400, 500]).toContain(status);
      await polar.emulator.settled();
      expect(polar.emulator.liveTokens()).toEqual([]);
    }
  });

  it('close drops all waiting requests and leaves nothing to wait for', async () => {
    const jammed = await jam();
    await polar.emulator.close();
    expect(await Promise.all(jammed)).toEqual(Array(5).fill('dropped'));
    await polar.emulator.settled();
  });
});
