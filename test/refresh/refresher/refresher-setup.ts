/** What most tests of the refresher begin with. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { type KeeperProcess, outcome } from './refresher-process.js';
import { hourMs, KeeperWorld, pass } from './refresher-world.js';
import { finished, installVirtualTime, uninstallVirtualTime } from './virtual-time.js';
import { loginId, type StorageKind } from './world-rows.js';

/** What the package has published of a refresh. */
export interface Report {
  readonly event: string;
  readonly loginId?: string;
  readonly generation?: number;
  readonly error?: unknown;
}

/** Makes time virtual for all tests of a file; returns the reports of refreshes, emptied before each. */
export function inVirtualTime(): Report[] {
  const reports: Report[] = [];
  const report = (message: unknown): void => {
    const heard = message as Report;
    // Channels are the whole process's, and other tests may have left something to do in the background.
    if (heard.loginId === loginId) reports.push(heard);
  };
  beforeEach(() => {
    installVirtualTime();
    reports.length = 0;
    subscribe('passport-polar-sh:refresh', report);
  });
  afterEach(() => {
    unsubscribe('passport-polar-sh:refresh', report);
    uninstallVirtualTime();
  });
  return reports;
}

/** A world in which the tokens of the login have expired. */
export async function expiredWorld(kind: StorageKind = 'atomic'): Promise<KeeperWorld> {
  const world = new KeeperWorld(kind);
  await pass(hourMs);
  return world;
}

/** After a logout: nobody gets tokens that work, from whatever process, and Polar has none that live. */
export async function expectEnded(world: KeeperWorld, processes: readonly KeeperProcess[]): Promise<void> {
  await pass(60_000);
  expect([world.live, ...world.alsoLive]).toEqual([undefined]);
  const exchanges = world.exchanges.length;
  for (const process of processes) {
    const tokens = await finished(process.valid()).catch(() => undefined);
    expect(world.accepts(tokens)).toBe(false);
    await pass(hourMs);
    expect(await outcome(process.valid())).toBe('logged_out');
    expect(await process.isAlive()).toBe(false);
  }
  expect(world.exchanges).toHaveLength(exchanges);
}
