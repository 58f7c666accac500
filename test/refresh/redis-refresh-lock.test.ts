/** What the lock asks of Redis, command by command; refresh-lock.test.ts has it over a real one. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { redisRefreshLock } from 'passport-polar-sh/redis';

let commands: string[][];
let answer: (command: string) => Promise<unknown>;
const sendCommand = (...command: string[]): Promise<unknown> => {
  commands.push(command);
  return answer(command[0] ?? '');
};
beforeEach(() => {
  jest.useFakeTimers();
  commands = [];
  answer = async (command) => (command === 'SET' ? 'OK' : 1);
});
afterEach(() => void jest.useRealTimers());

it('is renewed by its owner for as long as it is held, and then released', async () => {
  const release = await redisRefreshLock({ sendCommand, leaseMs: 900 }).acquire('a login', { waitMs: 100 });
  const owner = commands[0]?.[2];
  expect(commands).toEqual([['SET', 'polar:lock:a login', owner, 'NX', 'PX', '900']]);
  await jest.advanceTimersByTimeAsync(899);
  const renewal = ['EVAL', expect.stringContaining('PEXPIRE'), '1', 'polar:lock:a login', owner, '900'];
  expect(commands.slice(1)).toEqual([renewal, renewal]);
  await release();
  expect(commands.slice(3)).toEqual([
    ['EVAL', expect.stringContaining('DEL'), '1', 'polar:lock:a login', owner],
  ]);
  await jest.advanceTimersByTimeAsync(10_000);
  expect(commands).toHaveLength(4);
});

it('says how long it was waited for', async () => {
  answer = async () => null;
  const failed = expect(
    redisRefreshLock({ sendCommand }).acquire('a login', { waitMs: 150 }),
  ).rejects.toThrow('Waiting for the refresh lock took longer than 150 ms');
  await jest.advanceTimersByTimeAsync(1000);
  await failed;
});

it('says that Redis is silent', async () => {
  answer = () => new Promise(() => {});
  const failed = expect(
    redisRefreshLock({ sendCommand }).acquire('a login', { waitMs: 5000 }),
  ).rejects.toThrow('Asking Redis for the refresh lock took longer than 1500 ms');
  await jest.advanceTimersByTimeAsync(4000);
  await failed;
});
