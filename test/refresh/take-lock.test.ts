/** A lock saves requests and nothing more: whatever becomes of it, a refresh goes on. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { defaultLock, type RefreshLock, type Release } from '../../src/refresh/refresh-lock.js';
import { takeLock } from '../../src/refresh/take-lock.js';

interface Told {
  readonly event: string;
  readonly loginId: string;
  readonly error: Error;
}
let told: Told[];
const listen = (message: unknown): void => void told.push(message as Told);
beforeEach(() => {
  jest.useFakeTimers();
  told = [];
  subscribe('passport-polar-sh:refresh', listen);
});
afterEach(() => {
  unsubscribe('passport-polar-sh:refresh', listen);
  jest.useRealTimers();
});

const limits = { waitMs: 500, answerWithinMs: 100 };
const take = (acquire: RefreshLock['acquire']) => takeLock({ acquire }, 'a login', limits);
const settle = () => jest.advanceTimersByTimeAsync(0);
const unavailable = (message: string | RegExp) => ({
  event: 'lock-unavailable',
  loginId: 'a login',
  error: expect.objectContaining({ message: expect.stringMatching(message) }),
});

it('is asked for by login and time, and released when wanted', async () => {
  const release = jest.fn<Release>();
  const acquire = jest.fn<RefreshLock['acquire']>(async () => release);
  const letGo = await take(acquire);
  expect(acquire.mock.calls).toEqual([['a login', { waitMs: 500 }]]);
  expect(release).not.toHaveBeenCalled();
  expect(letGo()).toBeUndefined();
  await settle();
  expect(release).toHaveBeenCalledTimes(1);
  expect(told).toEqual([]);
  expect(jest.getTimerCount()).toBe(0);
});

it.each<[string, RefreshLock['acquire']]>([
  ['rejects', () => Promise.reject(new Error('down'))],
  [
    'throws',
    () => {
      throw new Error('down');
    },
  ],
])('that %s is done without, and told', async (_what, acquire) => {
  const letGo = await take(acquire);
  expect(letGo()).toBeUndefined();
  await settle();
  expect(told).toEqual([unavailable(/^down$/)]);
});

it('that is silent is done without after its time, and released when it comes after all', async () => {
  const release = jest.fn<Release>();
  let come = (): void => {};
  let isTaken = false;
  const taken = take(
    () =>
      new Promise((resolve) => {
        come = () => resolve(release);
      }),
  ).then(() => {
    isTaken = true;
  });
  await jest.advanceTimersByTimeAsync(599);
  expect(isTaken).toBe(false);
  await jest.advanceTimersByTimeAsync(1);
  await taken;
  expect(told).toEqual([unavailable('Taking the refresh lock took longer than 600 ms')]);
  come();
  await settle();
  expect(release).toHaveBeenCalledTimes(1);
});

it.each<[string, Release, RegExp]>([
  ['rejects', () => Promise.reject(new Error('lost')), /^lost$/],
  [
    'throws',
    () => {
      throw new Error('lost');
    },
    /^lost$/,
  ],
  ['hangs', () => new Promise(() => {}), /^Releasing the refresh lock took longer than 100 ms$/],
])('whose release %s holds nobody up, and is told', async (_what, release, message) => {
  const letGo = await take(async () => release);
  letGo();
  await jest.advanceTimersByTimeAsync(100);
  expect(told).toEqual([unavailable(message)]);
});

it('is one for the whole process where none is given', () => {
  expect(defaultLock()).toBe(defaultLock());
  expect(typeof defaultLock().acquire).toBe('function');
});
