import type { PolarStorage, StorageStep } from '../../../src/storage/polar-storage.js';
import { rowName } from './world-rows.js';

/** What is wrong with a storage; a test may change it at any time. */
export interface StorageFaults {
  /** No call ever settles. */
  hangs: boolean;
  /** Every call rejects. */
  isDown: boolean;
  /** Reads work, writes reject. */
  isReadOnly: boolean;
  /** This many writes of the login's rows reject; later ones work. */
  failingWrites: number;
  /** Calls for rows of the login. */
  reads: number;
  writes: number;
}

/** A storage that fails as the test says. */
export function faultyStorage(storage: PolarStorage): { storage: PolarStorage; faults: StorageFaults } {
  const faults: StorageFaults = {
    hangs: false,
    isDown: false,
    isReadOnly: false,
    failingWrites: 0,
    reads: 0,
    writes: 0,
  };
  const call = async (...steps: Pick<StepKind, 'isWrite' | 'id'>[]): Promise<void> => {
    for (const { id, isWrite } of steps)
      if (rowName(id) !== undefined) faults[isWrite ? 'writes' : 'reads']++;
    if (faults.hangs) await new Promise(() => {});
    if (faults.isDown) throw new Error('the store is down');
    const writes = steps.filter(({ isWrite }) => isWrite);
    if (faults.isReadOnly && writes.length > 0) throw new Error('the store is read-only');
    if (faults.failingWrites > 0 && writes.some(({ id }) => rowName(id) !== undefined)) {
      faults.failingWrites--;
      throw new Error('disk full');
    }
  };
  const { batch, ...rest } = storage;
  const faulty: PolarStorage = {
    ...rest,
    async read(key) {
      await call({ id: key.id, isWrite: false });
      return storage.read(key);
    },
    async write(key, row, options) {
      await call({ id: key.id, isWrite: true });
      return storage.write(key, row, options);
    },
    async remove(key, row) {
      await call({ id: key.id, isWrite: true });
      return storage.remove(key, row);
    },
    ...(batch && {
      async batch(steps) {
        await call(...steps.map(kindOf));
        return batch(steps);
      },
    }),
  };
  return { storage: faulty, faults };
}

interface StepKind {
  readonly id: string;
  readonly isWrite: boolean;
}

function kindOf(step: StorageStep): StepKind {
  if ('read' in step) return { id: step.read.id, isWrite: false };
  return { id: ('write' in step ? step.write : step.remove).id, isWrite: true };
}
