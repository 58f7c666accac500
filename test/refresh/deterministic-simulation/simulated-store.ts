/** The rows that all processes share, the ways to reach them, and the trouble on those ways. */

import type { PolarStorage, StorageKey, StorageStep, StoredRow } from '../../../src/storage/polar-storage.js';
import { type SessionStore, sessionStorage } from '../../../src/storage/session-storage.js';
import { type Random, randomFrom } from './random.js';
import type { Scenario, StoreTrouble } from './scenario.js';
import type { SimulatedProcess } from './simulated-process.js';
import { arriveAt, at, timeMs } from './virtual-time.js';

interface KeptRow {
  readonly row: unknown;
  readonly expiresAtMs: number;
}

interface Trouble {
  readonly process: number | undefined;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly trouble: StoreTrouble;
  readonly delayMs: number;
}

/** A request to the store, and whether it changes something. */
interface Operation {
  readonly name: string;
  readonly changes: boolean;
  act(): unknown;
}

export class SimulatedStore {
  /** The states of each row, the newest last, for lagging reads. */
  readonly #rows = new Map<string, { readonly sinceMs: number; readonly kept: KeptRow | undefined }[]>();
  readonly #troubles: Trouble[] = [];
  readonly #past: Trouble[] = [];
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #changed: () => void;
  readonly #log: (line: () => string) => void;
  readonly #nameOf: (id: string) => string;

  constructor(
    scenario: Scenario,
    parts: { changed: () => void; log: (line: () => string) => void; nameOf: (id: string) => string },
  ) {
    this.#scenario = scenario;
    this.#random = randomFrom(scenario.seed, 900);
    this.#changed = parts.changed;
    this.#log = parts.log;
    this.#nameOf = parts.nameOf;
  }

  /** The row in its current state. */
  look(id: string): StoredRow | undefined {
    const row = this.#find(id, timeMs());
    return this.#scenario.store === 'session store'
      ? (row as { polar?: StoredRow } | undefined)?.polar
      : (row as StoredRow | undefined);
  }

  /** How long the row has been in its current state. */
  ageMs(id: string): number {
    return timeMs() - (this.#rows.get(id)?.at(-1)?.sinceMs ?? 0);
  }

  lose(ids: readonly string[]): void {
    for (const id of ids) if (this.#find(id, timeMs()) !== undefined) this.#put(id, undefined);
    this.#changed();
  }

  trouble(trouble: Trouble): void {
    this.#troubles.push(trouble);
    this.#past.push(trouble);
  }

  /** Whether a process had trouble reaching the store at any time since. */
  wasTroubled(process: number, sinceMs: number): boolean {
    return this.#past.some(
      (trouble) =>
        (trouble.process ?? process) === process && trouble.untilMs >= sinceMs && trouble.fromMs <= timeMs(),
    );
  }

  /** Ends all trouble. */
  recover(): void {
    this.#troubles.length = 0;
  }

  /** The store as a process sees it. */
  storageFor(process: SimulatedProcess): PolarStorage {
    switch (this.#scenario.store) {
      case 'batch': {
        const batch = async (steps: readonly StorageStep[]) =>
          (await this.#ask(process, {
            name: steps.map((step) => this.#nameOfStep(step)).join(', '),
            changes: steps.some((step) => !('read' in step)),
            act: () => steps.map((step) => this.#take(step)),
          })) as (StoredRow | boolean | undefined)[];
        return { ...this.#atomicStorage(process), batch };
      }
      case 'atomic':
        return this.#atomicStorage(process);
      case 'session store':
        return sessionStorage(this.#sessionStore(process));
    }
  }

  #atomicStorage(process: SimulatedProcess): PolarStorage {
    const ask = (step: StorageStep): Promise<unknown> =>
      this.#ask(process, {
        name: this.#nameOfStep(step),
        changes: !('read' in step),
        act: () => ('read' in step ? this.#readLagging(step.read.id) : this.#take(step)),
      });
    return {
      read: async (key) => (await ask({ read: key })) as StoredRow | undefined,
      write: async (key, row, { ttlSeconds }) => (await ask({ write: key, row, ttlSeconds })) === true,
      remove: async (key, row) => void (await ask({ remove: key, row })),
    };
  }

  #sessionStore(process: SimulatedProcess): SessionStore {
    const ask = (operation: Operation, done: (error: unknown, result?: unknown) => void): void =>
      void this.#ask(process, operation).then(
        (result) => done(null, result),
        (error) => done(error),
      );
    return {
      get: (id, done) =>
        ask({ name: `reads ${this.#nameOf(id)}`, changes: false, act: () => this.#readLagging(id) }, done),
      set: (id, session, done) => {
        const { cookie, polar } = session as { cookie: { originalMaxAge: number }; polar: StoredRow };
        ask(
          {
            name: `sets ${this.#nameOf(id)} to ${this.#said(polar)}`,
            changes: true,
            act: () => this.#put(id, { polar }, cookie.originalMaxAge),
          },
          (error) => done?.(error),
        );
      },
      touch: (id, session, done) => {
        const { cookie } = session as { cookie: { originalMaxAge: number } };
        ask(
          {
            name: `touches ${this.#nameOf(id)}`,
            changes: true,
            act: () => {
              const row = this.#find(id, timeMs());
              if (row !== undefined) this.#put(id, row, cookie.originalMaxAge);
            },
          },
          (error) => done?.(error),
        );
      },
      destroy: (id, done) =>
        ask(
          {
            name: `destroys ${this.#nameOf(id)}`,
            changes: true,
            act: () => this.#put(id, undefined),
          },
          (error) => done?.(error),
        ),
    };
  }

  /** One way there, the effect, and the way back. */
  #ask(process: SimulatedProcess, { name, changes, act }: Operation): Promise<unknown> {
    const { loop } = process;
    process.step();
    const trouble = this.#troubleOf(process.index);
    const there = timeMs() + this.#wayMs(trouble);
    const effectOf = (): unknown => {
      const result = act();
      if (changes) this.#changed();
      return result;
    };
    return new Promise((resolve, reject) => {
      const arrive = (afterMs: number, settle: () => void): void =>
        arriveAt(timeMs() + afterMs, loop, () => {
          process.step();
          settle();
        });
      const fail = (afterMs: number, why: string): void =>
        arrive(afterMs, () => {
          this.#log(() => `${process.name} ${name}: fails (${why})`);
          reject(new Error(`The store ${why}`));
        });
      at(there, () => {
        const back = this.#wayMs(trouble);
        const kind = trouble?.trouble;
        const succeed = (): void => {
          const result = effectOf();
          this.#log(() => `${process.name} ${name}${resultText(result, (row) => this.#said(row))}`);
          arrive(back, () => resolve(result));
        };
        switch (kind) {
          case undefined:
          case 'slow':
            return succeed();
          case 'refuses':
            return fail(back, 'refuses');
          case 'breaks off':
            effectOf();
            return fail(back, 'breaks off, but has acted');
          case 'read-only':
            return changes ? fail(back, 'is read-only') : succeed();
          case 'hangs':
            return this.#log(() => `${process.name} ${name}: hangs`);
          case 'hangs, and acts':
            effectOf();
            return this.#log(() => `${process.name} ${name}: acts, and hangs`);
          case 'acts late':
            if (changes)
              at(timeMs() + this.#random.fraction() * (trouble?.delayMs ?? 0), () => {
                this.#log(() => `late: ${process.name} ${name}`);
                effectOf();
              });
            return fail(back, 'fails, and acts late');
        }
      });
    });
  }

  #wayMs(trouble: Trouble | undefined): number {
    const mostMs = trouble?.trouble === 'slow' ? trouble.delayMs : this.#scenario.storeMs;
    return mostMs * this.#random.between(0.2, 1);
  }

  #troubleOf(process: number): Trouble | undefined {
    const now = timeMs();
    return this.#troubles.find(
      (trouble) => (trouble.process ?? process) === process && now >= trouble.fromMs && now < trouble.untilMs,
    );
  }

  #take(step: StorageStep): StoredRow | boolean | undefined {
    if ('read' in step) return this.#find(step.read.id, timeMs()) as StoredRow | undefined;
    const { id } = keyOf(step);
    const found = this.#find(id, timeMs()) as StoredRow | undefined;
    const { row } = step;
    const isSame = found?.version === row.version && found.value === row.value;
    if ('remove' in step) {
      if (isSame) this.#put(id, undefined);
      return true;
    }
    if (found !== undefined && !isSame && found.version >= row.version) return false;
    this.#put(id, row, step.ttlSeconds * 1000);
    return true;
  }

  #readLagging(id: string): unknown {
    const { lagMs } = this.#scenario;
    return this.#find(id, timeMs() - (lagMs > 0 ? this.#random.fraction() * lagMs : 0));
  }

  #find(id: string, asOfMs: number): unknown {
    const states = this.#rows.get(id) ?? [];
    for (let index = states.length - 1; index >= 0; index--) {
      const state = states[index];
      if (state === undefined || state.sinceMs > asOfMs) continue;
      const { kept } = state;
      return kept !== undefined && kept.expiresAtMs > asOfMs ? kept.row : undefined;
    }
    return undefined;
  }

  #put(id: string, row: unknown, ttlMs = 0): void {
    const states = this.#rows.get(id) ?? [];
    this.#rows.set(id, states);
    // No read goes back that far.
    if (states.length > 50) states.splice(0, 25);
    const now = timeMs();
    states.push({ sinceMs: now, kept: row === undefined ? undefined : { row, expiresAtMs: now + ttlMs } });
  }

  #nameOfStep(step: StorageStep): string {
    const name = this.#nameOf(keyOf(step).id);
    if ('read' in step) return `reads ${name}`;
    return `${'write' in step ? 'writes' : 'removes'} ${name} ${this.#said(step.row)}`;
  }

  #said(row: unknown): string {
    const found = row as { polar?: StoredRow } & Partial<StoredRow>;
    const { version, value } = (found.polar ?? found) as StoredRow;
    if (value.length > 1000) return `probe`;
    const access = /"accessToken":"([^"]*)"/.exec(value)?.[1];
    if (access !== undefined) return `${version}:${access}`;
    const owner = /"owner":"(.{4})/.exec(value)?.[1];
    const mark = /"mark":"(.{4})/.exec(value)?.[1];
    return `${version}:${owner === undefined ? value : `owner ${owner}`}${mark === undefined ? '' : ` mark ${mark}`}${value.includes('isFree') ? ' free' : ''}`;
  }
}

function keyOf(step: StorageStep): StorageKey {
  if ('read' in step) return step.read;
  return 'write' in step ? step.write : step.remove;
}

function resultText(result: unknown, said: (row: unknown) => string): string {
  if (Array.isArray(result)) return ` ->${result.map((each) => resultText(each, said)).join(',')}`;
  if (result === undefined) return ' none';
  return typeof result === 'object' ? ` ${said(result)}` : ` ${String(result)}`;
}
