/**
 * Time that passes only from event to event, for several simulated processes. Each has an event loop of its own, which can
 * be stopped and killed; events outside of them (at Polar, in a store) belong to none.
 */
import timersPromises from 'node:timers/promises';

/** The order in which Node handles due events: even after a pause, timers come before arrivals. */
const phases = { timers: 0, poll: 1, check: 2 } as const;

/** The event loop of one simulated process. */
export class EventLoop {
  isDead = false;
  stoppedUntilMs = 0;
  /** How long it has been stopped in all, including a stop that is still to come. */
  stoppedMs = 0;
  /** Added to the monotonic clock, whose start is arbitrary. */
  readonly clockStartMs: number;

  constructor(clockStartMs: number) {
    this.clockStartMs = clockStartMs;
  }

  /** The milliseconds in which it was not stopped. */
  runningMs(): number {
    return nowMs - this.stoppedMs + Math.max(0, this.stoppedUntilMs - nowMs);
  }
}

interface Event {
  /** When it runs: later than `dueMs` if the process was stopped. */
  atMs: number;
  readonly phase: number;
  readonly dueMs: number;
  readonly order: number;
  readonly loop: EventLoop | undefined;
  run: (() => void) | undefined;
}

const heap: Event[] = [];
let nowMs = 0;
let order = 0;
let current: EventLoop | undefined;
const real = {
  delay: timersPromises.setTimeout,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setImmediate: globalThis.setImmediate,
  now: performance.now,
};

/** Replaces timers and the monotonic clock, until {@link uninstallVirtualTime}. */
export function installVirtualTime(): void {
  globalThis.setTimeout = ((run: () => void, ms?: number) =>
    push(phases.timers, nowMs + timerMs(ms), current, run)) as never;
  globalThis.clearTimeout = ((event: Event | undefined) => {
    if (event !== undefined) event.run = undefined;
  }) as never;
  globalThis.setImmediate = ((run: () => void) => push(phases.check, nowMs, current, run)) as never;
  timersPromises.setTimeout = ((ms?: number, value?: unknown) =>
    new Promise((resolve) => setTimeout(() => resolve(value), ms))) as never;
  performance.now = () => nowMs + (current?.clockStartMs ?? 0);
}

export function uninstallVirtualTime(): void {
  globalThis.setTimeout = real.setTimeout;
  globalThis.clearTimeout = real.clearTimeout;
  globalThis.setImmediate = real.setImmediate;
  timersPromises.setTimeout = real.delay;
  performance.now = real.now;
}

/** Starts over at zero. */
export function resetTime(): void {
  heap.length = 0;
  nowMs = 0;
  order = 0;
  current = undefined;
}

/** Milliseconds since the start. */
export const timeMs = (): number => nowMs;

/** Schedules an event outside of all processes. */
export function at(atMs: number, run: () => void): void {
  push(phases.poll, Math.max(atMs, nowMs), undefined, run);
}

/** Schedules an arrival at a process: a response from a store or from Polar, or a request of a user. */
export function arriveAt(atMs: number, loop: EventLoop, run: () => void): void {
  push(phases.poll, Math.max(atMs, nowMs), loop, run);
}

/** Stops the process for a while: none of its code runs, and all due events run afterwards. */
export function stop(loop: EventLoop, forMs: number): void {
  const untilMs = nowMs + forMs;
  if (untilMs <= loop.stoppedUntilMs) return;
  loop.stoppedMs += untilMs - Math.max(nowMs, loop.stoppedUntilMs);
  loop.stoppedUntilMs = untilMs;
}

/** Kills the process: none of its code ever runs again. */
export function kill(loop: EventLoop): void {
  loop.isDead = true;
}

/** Runs events until a time, which is then the present; false if no events are left at all. */
export async function runUntil(untilMs: number): Promise<boolean> {
  for (;;) {
    const event = heap[0];
    if (event === undefined || event.atMs > untilMs) break;
    popFirst();
    const { loop, run } = event;
    if (run === undefined || loop?.isDead) continue;
    if (loop !== undefined && loop.stoppedUntilMs > event.atMs) {
      event.atMs = loop.stoppedUntilMs;
      insert(event);
      continue;
    }
    nowMs = event.atMs;
    current = loop;
    run();
    // Runs the reactions to all promises that have settled.
    if (loop !== undefined) await new Promise((resolve) => real.setImmediate(resolve));
    current = undefined;
  }
  if (Number.isFinite(untilMs)) nowMs = Math.max(nowMs, untilMs);
  return heap.length > 0;
}

// As Node does it.
const timerMs = (ms: number | undefined): number =>
  ms === undefined || !(ms >= 1) || ms > 2 ** 31 - 1 ? 1 : ms;

function push(phase: number, atMs: number, loop: EventLoop | undefined, run: () => void): Event {
  const event = { atMs, phase, dueMs: atMs, order: order++, loop, run };
  insert(event);
  return event;
}

function isBefore(a: Event, b: Event): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs;
  if (a.phase !== b.phase) return a.phase < b.phase;
  if (a.dueMs !== b.dueMs) return a.dueMs < b.dueMs;
  return a.order < b.order;
}

function insert(event: Event): void {
  let index = heap.length;
  heap.push(event);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!isBefore(event, heap[parent] as Event)) break;
    heap[index] = heap[parent] as Event;
    index = parent;
  }
  heap[index] = event;
}

function popFirst(): void {
  const last = heap.pop() as Event;
  if (heap.length === 0) return;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++;
    if (!isBefore(heap[child] as Event, last)) break;
    heap[index] = heap[child] as Event;
    index = child;
  }
  heap[index] = last;
}
