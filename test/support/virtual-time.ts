/** Time that passes only when a test says so. */
import timersPromises from 'node:timers/promises';
import { randomNumbers } from './random-numbers.js';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

const timers = new Set<Timer>();
let nowMs = 0;
let activity = 0;
const real = {
  delay: timersPromises.setTimeout,
  setTimeout,
  clearTimeout,
  setImmediate,
  now: performance.now,
  random: Math.random,
};

/** Replaces timers and Math.random until {@link uninstallVirtualTime}. */
export function installVirtualTime(): void {
  nowMs = 0;
  timers.clear();
  // Pauses have a random part, so that two processes do not stay in step; here it is the same each time.
  const below = randomNumbers(1);
  Math.random = () => below(2 ** 30) / 2 ** 30;
  globalThis.setImmediate = ((run: (...args: unknown[]) => void, ...args: unknown[]) => {
    noteActivity();
    return real.setImmediate(() => {
      noteActivity();
      run(...args);
    });
  }) as never;
  globalThis.setTimeout = ((run: () => void, ms = 0) => {
    const timer = { at: nowMs + ms, run };
    timers.add(timer);
    noteActivity();
    return timer;
  }) as never;
  globalThis.clearTimeout = ((timer: Timer) => void timers.delete(timer)) as never;
  timersPromises.setTimeout = ((ms: number, value: unknown) =>
    new Promise((resolve) => setTimeout(() => resolve(value), ms))) as never;
  performance.now = () => nowMs;
}

export function uninstallVirtualTime(): void {
  globalThis.setTimeout = real.setTimeout;
  globalThis.clearTimeout = real.clearTimeout;
  timersPromises.setTimeout = real.delay;
  globalThis.setImmediate = real.setImmediate;
  performance.now = real.now;
  Math.random = real.random;
}

/** Virtual milliseconds that have passed. */
export const elapsedMs = (): number => nowMs;

/** Tells {@link settle} that something is going on. */
export function noteActivity(): void {
  activity++;
}

/** Runs everything that does not wait for time. */
export async function settle(): Promise<void> {
  // The memory store of express-session responds at the next turn of the event loop, and a deadline ends two turns
  // after its time.
  for (let quietTurns = 0; quietTurns < 2; quietTurns++) {
    const before = activity;
    await new Promise((resolve) => real.setImmediate(resolve));
    if (activity !== before) quietTurns = -1;
  }
}

/** Advances to the next timer, if it is due by `atMost`, and runs it. */
export function stepTime(atMost = Number.POSITIVE_INFINITY): boolean {
  let next: Timer | undefined;
  for (const timer of timers) if (next === undefined || timer.at < next.at) next = timer;
  if (next === undefined || next.at > atMost) return false;
  timers.delete(next);
  nowMs = Math.max(nowMs, next.at);
  next.run();
  return true;
}

/** Lets time pass. */
export async function pass(ms: number): Promise<void> {
  const until = nowMs + ms;
  do await settle();
  while (stepTime(until));
  nowMs = until;
}

/** Lets time pass until a promise settles. */
export async function finished<T>(promise: Promise<T>): Promise<T> {
  let isDone = false;
  promise.then(
    () => {
      isDone = true;
    },
    () => {
      isDone = true;
    },
  );
  const givenUpAt = nowMs + 24 * 3_600_000;
  for (;;) {
    await settle();
    if (isDone) return promise;
    if (nowMs > givenUpAt) throw new Error('A day has passed, and the promise has not settled');
    if (!stepTime()) throw new Error('Nothing is left to wait for, and the promise has not settled');
  }
}
