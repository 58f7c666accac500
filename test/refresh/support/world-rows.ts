import { setTimeout as delay } from 'node:timers/promises';
import { loginKeys } from '../../../src/storage/login-keys.js';
import type { PolarStorage, StorageKey, StorageStep, StoredRow } from '../../../src/storage/polar-storage.js';
import { sessionStorage } from '../../../src/storage/session-storage.js';
import { elapsedMs } from '../../support/virtual-time.js';

/** What a storage supports: batches, like Redis; single steps, like a table; no compare-and-set, like a session store. */
export type StorageKind = 'batch' | 'atomic' | 'session store';
export const storageKinds: readonly StorageKind[] = ['batch', 'atomic', 'session store'];
/** Kinds in which a test can stop between any two steps. */
export const stepwiseKinds: readonly StorageKind[] = ['atomic', 'session store'];

export type RowName = 'record' | 'tombstone' | 'lock';

export const loginId = '0123456789abcdef0123456789abcdef';
const keys = loginKeys(loginId);
const names = new Map(Object.entries(keys).map(([name, { id }]) => [id, name as RowName]));

/** The name of a row of the login; undefined for other rows, such as the one of the storage check. */
export const rowName = (id: string): RowName | undefined => names.get(id);

/** The rows that processes share, in a storage of one kind. */
export class WorldRows {
  /** How long a write stays invisible, as on a replica. */
  lagMs = 0;
  /** How long each call takes; a session store needs two calls for a write. */
  latencyMs = 0;
  readonly #rows = new Map<string, StoredRow>();
  readonly #history = new Map<string, { readonly at: number; readonly row: StoredRow | undefined }[]>();
  readonly #kind: StorageKind;
  readonly #point: (process: string, what: string) => Promise<void>;

  /** @param point what each round trip for a row of the login awaits */
  constructor(kind: StorageKind, point: (process: string, what: string) => Promise<void>) {
    this.#kind = kind;
    this.#point = point;
  }

  get(name: RowName): StoredRow | undefined {
    return this.#rows.get(keys[name].id);
  }

  /** Changes a row without any process noticing. */
  put(name: RowName, row: StoredRow | undefined): void {
    this.#put(keys[name].id, row);
  }

  #put(id: string, row: StoredRow | undefined): void {
    if (row === undefined) this.#rows.delete(id);
    else this.#rows.set(id, row);
    this.#history.set(id, [...(this.#history.get(id) ?? []), { at: elapsedMs(), row }]);
  }

  #read(id: string): StoredRow | undefined {
    if (this.lagMs === 0) return this.#rows.get(id);
    return this.#history.get(id)?.findLast(({ at }) => at + this.lagMs <= elapsedMs())?.row;
  }

  storageFor(process: string): PolarStorage {
    const at = async (what: string, id: string): Promise<void> => {
      const name = rowName(id);
      if (name !== undefined) await this.#point(process, `${what} ${name}`);
      if (this.latencyMs > 0) await delay(this.latencyMs);
    };
    if (this.#kind === 'session store') return this.#sessionStorageFor(at);
    const storage: PolarStorage = {
      read: async ({ id }) => {
        await at('read', id);
        return this.#read(id);
      },
      write: async ({ id }, row) => {
        await at('write', id);
        return this.#write(id, row);
      },
      remove: async ({ id }, row) => {
        await at('remove', id);
        this.#remove(id, row);
      },
    };
    if (this.#kind === 'atomic') return storage;
    return {
      ...storage,
      batch: async (steps) => {
        const what = steps.flatMap(describe);
        if (what.length > 0) await this.#point(process, what.join(', '));
        if (this.latencyMs > 0) await delay(this.latencyMs);
        return steps.map((step) => this.#take(step));
      },
    };
  }

  #sessionStorageFor(at: (what: string, id: string) => Promise<void>): PolarStorage {
    return sessionStorage({
      get: (id, callback) =>
        void at('read', id).then(() => {
          const polar = this.#read(id);
          callback(null, polar && { cookie: {}, polar: { ...polar } });
        }),
      set: (id, session, callback) =>
        void at('write', id).then(() => {
          this.#put(id, { ...(session as { polar: StoredRow }).polar });
          callback?.();
        }),
      destroy: (id, callback) =>
        void at('remove', id).then(() => {
          this.#put(id, undefined);
          callback?.();
        }),
    });
  }

  #take(step: StorageStep): StoredRow | boolean | undefined {
    if ('read' in step) return this.#read(step.read.id);
    if ('write' in step) return this.#write(step.write.id, step.row);
    this.#remove(step.remove.id, step.row);
    return true;
  }

  #write(id: string, row: StoredRow): boolean {
    const found = this.#rows.get(id);
    const isOther = found?.version === row.version && found.value !== row.value;
    if (found !== undefined && (found.version > row.version || isOther)) return false;
    this.#put(id, row);
    return true;
  }

  #remove(id: string, row: StoredRow): void {
    const found = this.#rows.get(id);
    if (found?.version === row.version && found.value === row.value) this.#put(id, undefined);
  }
}

function describe(step: StorageStep): string[] {
  const [what, key] = Object.entries(step)[0] as [string, StorageKey];
  const name = rowName(key.id);
  return name === undefined ? [] : [`${what} ${name}`];
}
