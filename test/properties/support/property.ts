/** Runs a property 10,000 times, or `PROPERTY_RUNS` times (300 in `npm test`); fast-check prints seed and path of a failure. */
import { inspect } from 'node:util';
import { it } from '@jest/globals';
import fc from 'fast-check';
import { PolarError } from 'passport-polar-sh';

const runs = Number(process.env['PROPERTY_RUNS'] ?? 10_000);
// Hundreds of times as long as a run takes, and still short enough to find a regular expression that backtracks, or a wait.
const maxRunMs = 3000;

/** Tests that `check` throws for no value of `values`, ends soon, and leaves no rejection unhandled. */
export function holds<T>(
  name: string,
  values: fc.Arbitrary<T>,
  check: (value: T) => void | Promise<void>,
): void {
  const work = async (): Promise<void> => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    const throwUnhandled = (): void => {
      if (unhandled.length > 0) throw new Error('A rejection was not handled', { cause: unhandled.pop() });
    };
    process.on('unhandledRejection', note);
    // Stack frames contain no input, and Jest looks each of them up in its source maps.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 1;
    const startedAt = performance.now();
    try {
      await fc.assert(
        fc.asyncProperty(values, async (value) => {
          const runStartedAt = performance.now();
          await inTime(Promise.resolve(check(value)));
          if (performance.now() - runStartedAt > maxRunMs) throw new Error(`Took longer than ${maxRunMs} ms`);
          throwUnhandled();
        }),
        { numRuns: runs },
      );
      await new Promise(setImmediate);
      throwUnhandled();
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
      process.off('unhandledRejection', note);
    }
    if (runs > 10_000)
      console.info(`${name}: ${runs} runs in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  };
  it(name, work, 60_000 + runs * 20);
}

// Most runs end in microseconds, and a timer for each would cost as much: only slow ones get one.
async function inTime(work: Promise<void>): Promise<void> {
  let isOver = false;
  const ended = work.finally(() => {
    isOver = true;
  });
  for (let turn = 0; turn < 3 && !isOver; turn++) await null;
  if (isOver) return ended;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Not over after ${maxRunMs} ms`)), maxRunMs);
  });
  try {
    await Promise.race([ended, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The outcome of some work: its result, or an error, which must be one of ours and show no secrets. */
export async function outcomeOf<T>(
  work: () => T | Promise<T>,
  secrets: readonly string[],
): Promise<{ readonly result: T } | { readonly error: PolarError }> {
  try {
    return { result: await work() };
  } catch (error) {
    return { error: ownError(error, secrets) };
  }
}

/** The error, after it has been checked to be one of ours that shows no secrets. */
export function ownError(error: unknown, secrets: readonly string[]): PolarError {
  if (!(error instanceof PolarError) || typeof error.code !== 'string')
    throw new Error('What was thrown is no PolarError', { cause: error });
  const shown = everythingShownBy(error);
  const found = secrets.find((secret) => shown.includes(secret));
  if (found !== undefined) throw new Error(`An error shows the secret ${found}: ${shown}`);
  return error;
}

/** Everything that a log could show of an error: message, stack, inspect and JSON, with every cause and hidden field. */
export function everythingShownBy(error: unknown): string {
  const json = JSON.stringify(plain(error, 0));
  // JSON and inspect escape characters that the plain strings contain.
  return [
    json,
    inspect(error, { depth: 12, showHidden: true, maxStringLength: null }),
    ...texts(error, 0),
  ].join('\n');
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > 8) return value;
  return Object.fromEntries(
    Object.getOwnPropertyNames(value).map((key) => [
      key,
      plain((value as Record<string, unknown>)[key], depth + 1),
    ]),
  );
}

function texts(value: unknown, depth: number): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || depth > 8) return [];
  return Object.getOwnPropertyNames(value).flatMap((key) =>
    texts((value as Record<string, unknown>)[key], depth + 1),
  );
}
