/** The setup that most tests of the refresher share. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { finished, installVirtualTime, uninstallVirtualTime } from '../../support/virtual-time.js';
import { outcome, type RefresherProcess } from './refresher-process.js';
import { hourMs, pass, RefresherWorld } from './refresher-world.js';
import { loginId, type StorageKind } from './world-rows.js';

/** A message that the package has published about a refresh. */
export interface Report {
  readonly event: string;
  readonly loginId?: string;
  readonly generation?: number;
  readonly error?: unknown;
}

/** Makes time virtual for all tests of a file; returns the reports of refreshes, which it clears before each. */
export function inVirtualTime(): Report[] {
  const reports: Report[] = [];
  const report = (message: unknown): void => {
    const heard = message as Report;
    // Channels belong to the whole process, and background work of other tests may still publish.
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
export async function expiredWorld(kind: StorageKind = 'atomic'): Promise<RefresherWorld> {
  const world = new RefresherWorld(kind);
  await pass(hourMs);
  return world;
}

/** After a logout no process returns tokens that work, and no tokens at Polar live. */
export async function expectEnded(
  world: RefresherWorld,
  processes: readonly RefresherProcess[],
): Promise<void> {
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
