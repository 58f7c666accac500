/** Counts the round trips to the storage, so that their number cannot grow unseen. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { logout, type PolarStorage, type StorageStep } from 'passport-polar-sh';
import { inMemoryStorage } from '../support/in-memory-storage.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

let app: TestApp;
afterEach(() => app.close());

const tenDays = 864_000;

/** A storage that takes several steps at once, like redisStorage, and records each round trip. */
function counted(): { storage: PolarStorage; trips: StorageStep[][] } {
  const rows = inMemoryStorage();
  const trips: StorageStep[][] = [];
  const take = (step: StorageStep): Promise<unknown> => {
    if ('read' in step) return rows.read(step.read);
    if ('remove' in step) return rows.remove(step.remove, step.row);
    const { write, row, ...options } = step;
    return rows.write(write, row, options);
  };
  const batch: NonNullable<PolarStorage['batch']> = async (steps) => {
    trips.push([...steps]);
    const results: unknown[] = [];
    for (const step of steps) results.push(await take(step));
    return results as never;
  };
  return { storage: { ...rows, batch }, trips };
}

async function start(strategy: TestAppOptions['strategy'] = {}) {
  const { storage, trips } = counted();
  app = await startTestApp({
    strategy: { storage, ...strategy },
    routes: (server, { polar }) => server.post('/logout', logout(polar, { redirectTo: '/' })),
  });
  const tripsOf = async (work: () => PromiseLike<unknown>): Promise<number> => {
    await app.polar.settled({ withinMs: 5000 });
    trips.length = 0;
    await work();
    await app.polar.settled({ withinMs: 5000 });
    // Nothing waits for the renewal of a row.
    return trips.filter((steps) => steps.some((step) => 'read' in step)).length;
  };
  return { tripsOf, trips };
}

describe.each<[string, TestAppOptions['strategy']]>([
  ['tokens in the clear', {}],
  ['encryptionKeys', { encryptionKeys: ['a key that only these tests know, and its jobs'] }],
])('round trips to the storage with %s', (_what, strategy) => {
  it('are not needed for a valid token, however often it is asked for', async () => {
    const { tripsOf } = await start(strategy);
    const browser = await app.loggedInBrowser();
    expect(await tripsOf(() => browser.token())).toBe(0);
    expect(await tripsOf(() => browser.get('/me'))).toBe(0);
  });

  it('are two for a refresh: one takes the lock and reads, one writes the record and releases the lock', async () => {
    const { tripsOf, trips } = await start(strategy);
    const browser = await app.loggedInBrowser();
    // The storage is checked once.
    app.emulator.advanceTime(tenDays);
    await browser.token();
    app.emulator.advanceTime(3600);
    expect(await tripsOf(() => browser.token())).toBe(2);
    expect(trips.flat().length).toBeLessThanOrEqual(8);
  });

  it('are one for a login that this process has evicted', async () => {
    const { tripsOf } = await start({ ...strategy, maxRememberedLogins: 1 });
    const [one, other] = [app.browser(), app.browser()];
    await one.logIn();
    await other.logIn();
    await one.token();
    expect(await tripsOf(() => other.token())).toBe(1);
    expect(await tripsOf(() => other.token())).toBe(0);
    expect(await tripsOf(() => one.token())).toBe(1);
  });
});
