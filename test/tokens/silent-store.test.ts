import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { TokenRecordStore } from 'passport-polar-sh';
import { newSealingKey, sealerWithKey } from '../../src/tokens/sealing.js';
import { hasEnded, type SealedRecordPlace, writeEnd } from '../../src/tokens/token-record.js';

describe('a store of records that does not answer', () => {
  let waiting: (() => void)[] = [];
  let mood: 'silent' | 'refuses' | 'answers';
  let place: SealedRecordPlace;
  beforeEach(() => {
    jest.useFakeTimers();
    waiting = [];
    mood = 'silent';
    const records: TokenRecordStore = {
      get: () =>
        new Promise((resolve, reject) => {
          if (mood === 'silent') waiting.push(() => resolve(undefined));
          else if (mood === 'answers') resolve(undefined);
          else reject(new Error('refused'));
        }),
      put: async () => true,
    };
    const sealer = sealerWithKey(newSealingKey());
    place = { loginId: 'a login', sealer, records, ttlSeconds: 60, storeTimeoutMs: 3000 };
  });
  afterEach(() => void jest.useRealTimers());

  /** How many milliseconds a look at the store took until it failed. */
  async function timeToFail(): Promise<number> {
    const startedAt = Date.now();
    const failed = expect(hasEnded(place)).rejects.toThrow('Reading a token record took longer than');
    await jest.advanceTimersToNextTimerAsync();
    await failed;
    return Date.now() - startedAt;
  }

  it('is named in the error, also when it does not take what is written', async () => {
    place = { ...place, records: { ...place.records, put: () => new Promise(() => {}) } };
    const failed = expect(writeEnd(place)).rejects.toThrow('Writing a token record took longer than 3000 ms');
    await jest.advanceTimersToNextTimerAsync();
    await failed;
  });

  it('is waited for once; after that only for a moment', async () => {
    expect([await timeToFail(), await timeToFail(), await timeToFail()]).toEqual([3000, 250, 250]);
  });

  it('is waited for as before once it has answered again', async () => {
    await timeToFail();
    mood = 'answers';
    expect(await hasEnded(place)).toBe(false);
    mood = 'silent';
    expect(await timeToFail()).toBe(3000);
  });

  it('has answered again also when nobody waits for that answer any more', async () => {
    await timeToFail();
    await timeToFail();
    for (const answer of waiting) answer();
    await jest.advanceTimersByTimeAsync(0);
    expect(await timeToFail()).toBe(3000);
  });

  it('is no worse for a time-out that is shorter anyway', async () => {
    place = { ...place, storeTimeoutMs: 100 };
    expect([await timeToFail(), await timeToFail()]).toEqual([100, 100]);
  });

  it('is back, too, when it refuses at once', async () => {
    await timeToFail();
    mood = 'refuses';
    await expect(hasEnded(place)).rejects.toThrow('refused');
    mood = 'silent';
    expect(await timeToFail()).toBe(3000);
  });
});
