import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { SharedLockKind } from './shared-locks.js';

/** A real process that holds locks. */
export interface LockHolder {
  acquire(key: string): Promise<void>;
  release(key: string): Promise<void>;
  /** Stops it where it is, as a machine that is out of memory or asleep does. */
  freeze(): void;
  thaw(): void;
  /** kill -9; also when it has ended. */
  crash(): Promise<void>;
}

export async function startLockHolder(
  kind: SharedLockKind,
  url: string,
  leaseMs: number,
): Promise<LockHolder> {
  const script = join(__dirname, 'lock-holder-process.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, kind, url, String(leaseMs)], {
    cwd: resolve(__dirname, '../..'),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const says = async (line: string): Promise<void> => {
    const { value } = await lines.next();
    if (value !== line) throw new Error(`The holder of locks said ${value}, not ${line}`);
  };
  const tell = async (command: string): Promise<void> => {
    child.stdin.write(`${command}\n`);
    await says(`done: ${command}`);
  };
  await says('ready');
  return {
    acquire: (key) => tell(`acquire ${key}`),
    release: (key) => tell(`release ${key}`),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    crash: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
