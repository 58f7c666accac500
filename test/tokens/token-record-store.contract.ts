import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { TokenRecordStore } from 'passport-polar-sh';

/** What differs from store to store. */
export interface RecordStoreTraits {
  /** The store compares and writes in one step. Session stores cannot: they only look again. */
  readonly comparesAndSets: boolean;
  /** It forgets a record when its time is over. */
  readonly forgets: boolean;
  /** The store, over a connection that is gone; left out where nothing can fail. */
  readonly disconnected?: () => Promise<TokenRecordStore>;
}

const ttlSeconds = 60;
/** Something of the length and the characters of sealed tokens. */
const sealedFor = (what: number | string): string => `${what}.${'aA0-_'.repeat(400)}..${what}`;

/**
 * What every store of token records has to do.
 *
 * @param open the records as one process has them; called twice, for two processes
 */
export function tokenRecordStoreContract(
  open: () => TokenRecordStore | Promise<TokenRecordStore>,
  traits: RecordStoreTraits,
): void {
  let records: TokenRecordStore;
  let elsewhere: TokenRecordStore;
  // The stores are shared by the tests, so each test has logins of its own.
  let login: string;
  const passing = randomUUID();
  const renewed = randomUUID();

  const put = (generation: number, sealed = sealedFor(generation), to = records): Promise<boolean> =>
    to.put(login, { generation, sealed }, { ttlSeconds });
  const fresh = (): void => {
    login = randomUUID();
  };

  beforeAll(async () => {
    records = await open();
    elsewhere = await open();
    // Their time passes while the other tests run.
    for (const name of [passing, renewed])
      await records.put(name, { generation: 1, sealed: 'x' }, { ttlSeconds: 1 });
    await records.put(renewed, { generation: 2, sealed: 'y' }, { ttlSeconds });
  });

  it('has no record before one was written', async () => {
    fresh();
    expect(await records.get(login)).toBeUndefined();
  });

  it('gives a record back as it was written, in every process', async () => {
    fresh();
    expect(await put(1)).toBe(true);
    for (const view of [records, elsewhere])
      expect(await view.get(login)).toEqual({ generation: 1, sealed: sealedFor(1) });
  });

  it('lets a higher generation win, however much higher', async () => {
    fresh();
    for (const generation of [0, 1, 2, 50, Number.MAX_SAFE_INTEGER]) {
      expect(await put(generation)).toBe(true);
      expect(await elsewhere.get(login)).toEqual({ generation, sealed: sealedFor(generation) });
    }
  });

  it('takes no lower generation, and the same one only once', async () => {
    fresh();
    await put(5);
    for (const generation of [5, 4, 0]) expect(await put(generation, 'other', elsewhere)).toBe(false);
    expect(await records.get(login)).toEqual({ generation: 5, sealed: sealedFor(5) });
  });

  it('compares generations as numbers', async () => {
    fresh();
    await put(9);
    expect(await put(10)).toBe(true);
    expect(await put(9)).toBe(false);
  });

  it('keeps logins apart, and the mark of an ended one from its record', async () => {
    fresh();
    const other = randomUUID();
    const ended = `${login}.ended`;
    await put(5);
    expect([await records.get(other), await records.get(ended)]).toEqual([undefined, undefined]);
    for (const name of [other, ended])
      expect(await records.put(name, { generation: 1, sealed: name }, { ttlSeconds })).toBe(true);
    expect(await records.get(login)).toEqual({ generation: 5, sealed: sealedFor(5) });
    expect(await records.get(other)).toEqual({ generation: 1, sealed: other });
    expect(await records.get(ended)).toEqual({ generation: 1, sealed: ended });
  });

  if (traits.comparesAndSets) comparesAndSets();
  else looksAgain();

  function comparesAndSets(): void {
    it('ends at the highest of many that are written at once, and never goes back on the way', async () => {
      fresh();
      let isOver = false;
      const read: number[] = [];
      const reading = (async () => {
        while (!isOver) read.push((await elsewhere.get(login))?.generation ?? -1);
      })();
      const generations = shuffled(50);
      const taken = await Promise.all(
        generations.map((generation, index) =>
          put(generation, sealedFor(generation), index % 2 === 0 ? records : elsewhere),
        ),
      );
      isOver = true;
      await reading;
      expect(await records.get(login)).toEqual({ generation: 50, sealed: sealedFor(50) });
      expect(read).toEqual([...read].sort((a, b) => a - b));
      // Nothing that was seen there had been refused.
      const accepted = generations.filter((_generation, index) => taken[index]);
      expect(accepted).toContain(50);
      expect(accepted).toEqual(
        expect.arrayContaining([...new Set(read)].filter((generation) => generation > 0)),
      );
    });

    it('takes one of many that are written at once with the same generation', async () => {
      fresh();
      const taken = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          put(1, sealedFor(index), index % 2 === 0 ? records : elsewhere),
        ),
      );
      expect(taken.filter(Boolean)).toHaveLength(1);
      expect(await records.get(login)).toEqual({ generation: 1, sealed: sealedFor(taken.indexOf(true)) });
    });
  }

  /** Without compare-and-set: what two processes that refresh one after the other, and nearly at once, rely on. */
  function looksAgain(): void {
    it.each([
      ['lower first', [1, 2]],
      ['higher first', [2, 1]],
    ])('ends at the higher of two that are written at once, the %s', async (_order, generations) => {
      fresh();
      const taken = await Promise.all(generations.map((generation) => put(generation)));
      expect(taken[generations.indexOf(2)]).toBe(true);
      expect(await records.get(login)).toEqual({ generation: 2, sealed: sealedFor(2) });
    });

    it('holds one of many that are written at once, whole, and a later one wins', async () => {
      fresh();
      const generations = shuffled(50);
      const outcomes = await Promise.allSettled(generations.map((generation) => put(generation)));
      for (const outcome of outcomes) {
        // Whoever finds something older there again and again is told, and tries again later.
        if (outcome.status === 'rejected') expect(String(outcome.reason)).toMatch(/does not keep/);
      }
      expect(outcomes.some((outcome) => outcome.status === 'fulfilled' && outcome.value)).toBe(true);
      const stored = await records.get(login);
      expect(generations).toContain(stored?.generation);
      expect(stored?.sealed).toBe(sealedFor(stored?.generation ?? ''));
      expect(await put(51)).toBe(true);
      expect((await elsewhere.get(login))?.generation).toBe(51);
    });
  }

  const { disconnected } = traits;
  if (disconnected !== undefined) {
    it('rejects while it cannot be reached, and does not say that there is none', async () => {
      fresh();
      const away = await disconnected();
      await expect(away.get(login)).rejects.toThrow();
      await expect(put(1, 'x', away)).rejects.toThrow();
    });
  }

  if (traits.forgets) {
    describe('when the time of a record is over', () => {
      it('forgets it, and then takes a new one', async () => {
        for (const giveUpAt = Date.now() + 10_000; Date.now() < giveUpAt; await delay(50))
          if ((await records.get(passing)) === undefined) break;
        expect(await records.get(passing)).toBeUndefined();
        expect(await records.put(passing, { generation: 1, sealed: 'new' }, { ttlSeconds })).toBe(true);
        expect(await elsewhere.get(passing)).toEqual({ generation: 1, sealed: 'new' });
      });

      it('keeps it where a later write has renewed its time', async () => {
        expect(await records.get(renewed)).toEqual({ generation: 2, sealed: 'y' });
      });
    });
  }
}

/** 1 to `count`, in some order. */
function shuffled(count: number): number[] {
  return Array.from({ length: count }, (_, index) => ({ generation: index + 1, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ generation }) => generation);
}
