import { BoundedMap } from '../bounded-map.js';
import type { PolarTransientError } from '../errors.js';
import { waitError } from '../http/circuit-breaker.js';

interface Quota {
  readonly perMinute: number;
  /** The refusal that began it. */
  readonly cause: PolarTransientError;
  readonly begunAt: number;
  /** When the next minute begins. */
  opensAt: number;
  /** Refreshes sent in this minute; infinite while Polar asks to wait. */
  sent: number;
  isExceeded: boolean;
  /** When each refused login was told to come again, and the last of these times. */
  readonly turns: BoundedMap<number>;
  lastTurn: number;
}

const minuteMs = 60_000;
// Polar's minute begins when a request arrives, this process's when it is sent.
const windowMs = minuteMs + 1000;
const shareForRefreshes = 0.9;
// Fewer tell nothing about the limit: others have used it up.
const minAccepted = 30;
// Then it learns its share anew: other processes may have come or gone.
const forgottenAfterMs = 10 * minuteMs;
const maxTurns = 10_000;

/**
 * Leaves room for logins when Polar's rate limit is reached. Until Polar refuses a refresh, nothing is held back. After that, this
 * process refreshes at most nine tenths as many tokens a minute as Polar accepted from it in the minute before. So the limit is no
 * longer reached, and logins, which always go out, succeed. Each login beyond the quota is told a time of its own at which to try
 * again. It ends with the first minute in which it was not needed, or after ten minutes.
 *
 * docs/scaling.md has the figures, and what else was tried.
 */
export class RefreshQuota {
  readonly #elapsedMs: () => number;
  readonly #acceptedAt: number[] = [];
  #quota: Quota | undefined;

  /** @param elapsedMs monotonic clock, in milliseconds */
  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs;
  }

  /** The error for a login that has to wait; undefined if it may be refreshed now. */
  refusal(loginId: string): PolarTransientError | undefined {
    const quota = this.#current();
    if (quota === undefined || quota.sent < quota.perMinute) return undefined;
    quota.isExceeded = true;
    return waitError(quota.cause, turnOf(quota, loginId) - this.#elapsedMs());
  }

  /** Counts a refresh that is about to be sent. */
  spend(): void {
    const quota = this.#current();
    if (quota !== undefined) quota.sent++;
  }

  /** Notes that Polar accepted a refresh. */
  noteAccepted(): void {
    const accepted = this.#acceptedAt;
    const now = this.#elapsedMs();
    accepted.push(now);
    while ((accepted[0] ?? now) <= now - minuteMs) accepted.shift();
  }

  /** Notes that Polar refused a refresh, and asked to wait so many milliseconds. */
  noteRateLimit(cause: PolarTransientError, waitMs: number): void {
    const now = this.#elapsedMs();
    // Requests that were under way at the first refusal tell nothing new.
    if (this.#current()?.sent === Number.POSITIVE_INFINITY) return;
    const accepted = this.#acceptedAt.filter((at) => at > now - minuteMs && at <= now).length;
    if (accepted < minAccepted) return;
    this.#quota = {
      perMinute: Math.floor(accepted * shareForRefreshes),
      cause,
      begunAt: now,
      opensAt: now + waitMs,
      sent: Number.POSITIVE_INFINITY,
      isExceeded: true,
      turns: new BoundedMap(maxTurns),
      lastTurn: 0,
    };
  }

  #current(): Quota | undefined {
    const quota = this.#quota;
    const now = this.#elapsedMs();
    if (quota === undefined || (now >= quota.begunAt && now < quota.opensAt)) return quota;
    const isForgotten = now < quota.begunAt || now - quota.begunAt >= forgottenAfterMs;
    if (isForgotten || !quota.isExceeded) {
      this.#quota = undefined;
    } else {
      quota.opensAt = now + windowMs;
      quota.sent = 0;
      quota.isExceeded = false;
    }
    return this.#quota;
  }
}

/** When a login may try again. Whoever comes earlier is told the same time once more. */
function turnOf(quota: Quota, loginId: string): number {
  const promised = quota.turns.get(loginId) ?? 0;
  if (promised >= quota.opensAt) return promised;
  quota.lastTurn = Math.max(quota.opensAt, quota.lastTurn + windowMs / quota.perMinute);
  quota.turns.set(loginId, quota.lastTurn);
  return quota.lastTurn;
}
