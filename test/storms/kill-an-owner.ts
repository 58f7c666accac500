import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from './random.js';
import type { Site } from './site.js';
import type { RefreshMoment } from './worker-config.js';
import type { WorkerProcess } from './worker-process.js';

/** How far a refresh had come when its process was killed. */
export type RefreshPhase = Exclude<RefreshMoment, 'released'>;

// A refresh holds its lock for about this long, given the pauses of the workers and of Polar.
const refreshMs = 130;

/**
 * Kills one owner of a login's lock at a random moment of its ownership, during the storm that starts now. Returns a
 * function that resolves with the killed process, if any.
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
 * The refreshes that a process has started and not finished according to its news, by login id.
 *
 * @param loginOfToken returns the login of a refresh token; without it only locks and records count
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
