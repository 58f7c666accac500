import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from './random.js';
import type { Site } from './site.js';
import type { RefreshMoment } from './worker-config.js';
import type { WorkerProcess } from './worker-process.js';

/** How far a refresh had come whose process was killed. */
export type RefreshPhase = Exclude<RefreshMoment, 'released'>;

// From taking the lock to releasing it a refresh takes about this long, by the pauses of the workers and of Polar.
const refreshMs = 130;

/**
 * Kills, during the storm that begins now, one process that owns the lock of a login, at a random moment of that
 * ownership. Returns what resolves with that process, once there is one.
 */
export function killAnOwner(site: Site, random: Random): () => Promise<WorkerProcess | undefined> {
  let locksToGo = random.index(5);
  const afterMs = random.below(refreshMs);
  let done: Promise<WorkerProcess | undefined> = Promise.resolve(undefined);

  const kill = async (candidate: WorkerProcess): Promise<WorkerProcess | undefined> => {
    await delay(afterMs);
    const owners = site.workers.filter((worker) => refreshesUnderWay(worker).size > 0);
    const victim = owners.includes(candidate) ? candidate : owners[0];
    if (victim !== undefined) await site.kill(victim);
    return victim;
  };
  for (const worker of site.workers) {
    worker.onNews = (news) => {
      if (news.news !== 'moment' || news.moment !== 'locked' || locksToGo-- > 0) return;
      for (const each of site.workers) each.onNews = () => {};
      done = kill(worker);
    };
  }
  return () => done;
}

/**
 * The refreshes that a process has begun and not ended by what it told, by login id.
 *
 * @param loginOfToken whose refresh token that is; without it only locks and records are looked at
 */
export function refreshesUnderWay(
  { news }: WorkerProcess,
  loginOfToken: (refreshToken: string) => string | undefined = () => undefined,
): Map<string, RefreshPhase> {
  const background = new Map<string, RefreshPhase>();
  for (const piece of news) {
    if (piece.news !== 'moment') continue;
    const { moment, of } = piece;
    const loginId = moment === 'asked' || moment === 'answered' ? loginOfToken(of) : of;
    if (loginId === undefined) continue;
    if (moment === 'released') background.delete(loginId);
    else background.set(loginId, moment);
  }
  return background;
}
