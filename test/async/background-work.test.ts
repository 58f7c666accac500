import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { BackgroundWork } from '../../src/async/background-work.js';
import { PolarConfigurationError } from '../../src/errors.js';

async function tookMs(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

it('settled waits for a retry that comes in time, and for what follows it', async () => {
  const background = new BackgroundWork(1);
  let isDone = false;
  const retry = async (): Promise<void> => {
    await background.beforeRetry(300);
    await background.write(delay(300));
    isDone = true;
  };
  void retry();
  expect(await background.settled(10_000)).toEqual({ exchanges: 0, writes: 0 });
  expect(isDone).toBe(true);
});

it('settled does not wait for a retry that comes too late, but counts it', async () => {
  const background = new BackgroundWork(1);
  void background.beforeRetry(60_000);
  expect(await tookMs(background.settled(30_000))).toBeLessThan(10_000);
  expect(await background.settled(30_000)).toEqual({ exchanges: 0, writes: 1 });
});

it('settled waits for other work while a retry is far away', async () => {
  const background = new BackgroundWork(1);
  void background.beforeRetry(60_000);
  let isDone = false;
  void background.write(delay(300)).then(() => {
    isDone = true;
  });
  expect(await background.settled(30_000)).toEqual({ exchanges: 0, writes: 1 });
  expect(isDone).toBe(true);
});

it('settled counts any number of retries', async () => {
  const background = new BackgroundWork(1);
  const many = 200_000;
  for (let index = 0; index < many; index++) void background.beforeRetry(60_000);
  expect(await background.settled(30_000)).toEqual({ exchanges: 0, writes: many });
});

it.each([undefined, Number.NaN, '5000'])('settled refuses %p as a time', async (withinMs) => {
  await expect(new BackgroundWork(1).settled(withinMs as number)).rejects.toThrow(PolarConfigurationError);
});

it('settled waits for as long as it takes with Infinity', async () => {
  const background = new BackgroundWork(1);
  void background.write(delay(200));
  expect(await background.settled(Number.POSITIVE_INFINITY)).toEqual({ exchanges: 0, writes: 0 });
});
