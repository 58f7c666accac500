import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type SendRedisCommand, sendCommandOf } from '../tokens/redis-command.js';
import { within } from '../within.js';
import { inProcessLock, type RefreshLock } from './refresh-lock.js';

/** Options of {@link redisRefreshLock}. */
export interface RedisRefreshLockOptions {
  /** Sends one command over the app's Redis client. */
  readonly sendCommand: SendRedisCommand;
  /** What the keys begin with. @default 'polar:lock:' */
  readonly prefix?: string | undefined;
  /** Milliseconds after which the lock of a process that died is free; it is renewed while its owner lives. @default 5000 */
  readonly leaseMs?: number | undefined;
}

// Only the owner renews and releases: after a lost lease the lock is somebody else's.
const renewScript = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0`;
const releaseScript = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

const minPauseMs = 20;
const maxPauseMs = 200;
// A client that has lost its connection may keep commands until it is back: a Redis that does not answer is away.
const answerWithinMs = 1500;

/**
 * A refresh lock in Redis (or Valkey), for the strategy's option `refreshLock`. Uses plain commands only, so it can
 * share a connection with everything else.
 *
 * @throws TypeError when `sendCommand` is missing
 *
 * @example
 * ```ts
 * new PolarStrategy({ ..., refreshLock: redisRefreshLock({ sendCommand: (...args) => client.sendCommand(args) }) });
 * ```
 */
export function redisRefreshLock(options: RedisRefreshLockOptions): RefreshLock {
  const sendCommand = sendCommandOf(options, 'redisRefreshLock');
  const { leaseMs = 5000, prefix = 'polar:lock:' } = options;
  if (!Number.isFinite(leaseMs) || leaseMs < 100)
    throw new TypeError('redisRefreshLock: leaseMs must be a number of milliseconds, 100 or more');
  // At most one of this process polls for a key; the others queue here.
  const queue = inProcessLock();

  return {
    leaseMs,
    async acquire(key, { waitMs }) {
      const giveUpAt = performance.now() + waitMs;
      const leaveQueue = await queue.acquire(key, { waitMs });
      const name = prefix + key;
      const owner = randomBytes(16).toString('base64url');
      const release = async (): Promise<void> => {
        try {
          await ask('EVAL', releaseScript, '1', name, owner);
        } finally {
          await leaveQueue();
        }
      };
      try {
        for (
          let pauseMs = minPauseMs;
          !(await take(name, owner));
          pauseMs = Math.min(pauseMs * 2, maxPauseMs)
        ) {
          if (performance.now() >= giveUpAt) {
            throw new Error(`Waiting for the refresh lock took longer than ${waitMs} ms`);
          }
          await delay(pauseMs * (0.5 + Math.random()));
        }
      } catch (error) {
        // Also where the answer alone got lost: nobody would release the lock.
        release().catch(() => {});
        throw error;
      }
      const renewal = setInterval(() => {
        ask('EVAL', renewScript, '1', name, owner, String(leaseMs)).catch(() => {});
      }, leaseMs / 3);
      renewal.unref();
      return () => {
        clearInterval(renewal);
        return release();
      };
    },
  };

  async function take(name: string, owner: string): Promise<boolean> {
    return (await ask('SET', name, owner, 'NX', 'PX', String(leaseMs))) !== null;
  }

  // Async, so that a client which throws (a closed one may) rejects instead.
  async function ask(...command: [string, ...string[]]): Promise<unknown> {
    return within(sendCommand(...command), answerWithinMs, 'Asking Redis for the refresh lock');
  }
}
