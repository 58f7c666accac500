/** Retries for a Polar that commits after it has responded; flows/uncommitted.test.ts has a whole login. */
import { describe, expect, it } from '@jest/globals';
import { untilCommitted } from '../../src/client/until-committed.js';

const tooEarly = new Error('not known yet');
const isTooEarly = (error: unknown): boolean => error === tooEarly;

/** Calls untilCommitted with attempts that end as listed; the last outcome repeats. */
function asking(outcomes: readonly (Error | string)[], timeoutMs = 10_000) {
  const attempts: { readonly atMs: number; readonly leftMs: number }[] = [];
  const startedAt = performance.now();
  const asked = untilCommitted(
    async (leftMs) => {
      const outcome = outcomes[Math.min(attempts.length, outcomes.length - 1)];
      attempts.push({ atMs: performance.now() - startedAt, leftMs });
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
    { isTooEarly, timeoutMs },
  );
  return { asked, attempts };
}

describe('a call about something that Polar has just issued', () => {
  it('is made once if Polar knows it', async () => {
    const { asked, attempts } = asking(['known']);
    expect(await asked).toBe('known');
    expect(attempts).toHaveLength(1);
  });

  it('is made three times, the last time a second and a half later', async () => {
    const { asked, attempts } = asking([tooEarly, tooEarly, 'known']);
    expect(await asked).toBe('known');
    expect(attempts[1]?.atMs).toBeGreaterThanOrEqual(490);
    expect(attempts[2]?.atMs).toBeGreaterThanOrEqual(1490);
    expect(attempts).toHaveLength(3);
  });

  it('is not made a fourth time', async () => {
    const { asked, attempts } = asking([tooEarly]);
    await expect(asked).rejects.toBe(tooEarly);
    expect(attempts).toHaveLength(3);
  });

  it('is not repeated after another error', async () => {
    const other = new Error('another error');
    const { asked, attempts } = asking([tooEarly, other, 'known']);
    await expect(asked).rejects.toBe(other);
    expect(attempts).toHaveLength(2);
  });

  it('is not repeated after the time-out', async () => {
    const { asked, attempts } = asking([tooEarly, tooEarly, 'known'], 1400);
    await expect(asked).rejects.toBe(tooEarly);
    expect(attempts.length).toBeLessThan(3);
    const impatient = asking([tooEarly, 'known'], 500);
    await expect(impatient.asked).rejects.toBe(tooEarly);
    expect(impatient.attempts).toHaveLength(1);
  });

  it('gets the time that is left with each attempt', async () => {
    const { asked, attempts } = asking([tooEarly, tooEarly, 'known'], 5000);
    await asked;
    const [first, second, third] = attempts.map(({ leftMs }) => leftMs);
    expect(first).toBeLessThanOrEqual(5000);
    expect(second).toBeLessThanOrEqual(4501);
    expect(third).toBeLessThanOrEqual(3502);
    expect(third).toBeGreaterThan(0);
  });
});
