/**
 * A process that takes and releases locks when it is told to, to be stopped and killed by tests: reads lines such as
 * `acquire some-key` and `release some-key`, and says when each is done.
 */
import { createInterface } from 'node:readline';
import type { Release } from 'passport-polar-sh';
import { openSharedLock, type SharedLockKind } from './shared-locks.js';

async function main(): Promise<void> {
  const [kind, url = '', leaseMs] = process.argv.slice(2);
  const { lock } = await openSharedLock(kind as SharedLockKind, url, Number(leaseMs));
  const held = new Map<string, Release>();
  console.log('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    const [what, key = ''] = line.split(' ');
    if (what === 'acquire') held.set(key, await lock.acquire(key, { waitMs: 10_000 }));
    else await held.get(key)?.();
    console.log(`done: ${line}`);
  }
}

main().then(
  () => process.exit(0), // whoever started it is gone
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
