import { Worker } from 'node:worker_threads';

/** A PGlite as far as `postgresStorage` uses it. */
export interface TestPGlite {
  query(text: string, values: unknown[]): Promise<unknown>;
  close(): Promise<void>;
}

// Outside of Jest's modules, which support no dynamic import.
const script = `
const { parentPort } = require('node:worker_threads');
const { PGlite } = require(${JSON.stringify(require.resolve('@electric-sql/pglite'))});
const db = new PGlite();
parentPort.on('message', async ({ id, text, values }) => {
  try {
    const result = text === undefined ? await db.close() : await db.query(text, values);
    parentPort.postMessage({ id, result });
  } catch ({ code, message }) {
    parentPort.postMessage({ id, error: { code, message } });
  }
});`;

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

/** A PGlite in memory, with results and errors as it returns them. */
export function startPGlite(): TestPGlite {
  const worker = new Worker(script, { eval: true });
  worker.unref();
  const waiting = new Map<number, (answer: Answer) => void>();
  worker.on('message', (answer: Answer) => waiting.get(answer.id)?.(answer));
  let last = 0;
  const ask = async (text?: string, values?: unknown[]): Promise<unknown> => {
    const id = ++last;
    worker.ref();
    const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve));
    worker.postMessage({ id, text, values });
    const { error, result } = await answered;
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
    if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code });
    return result;
  };
  return {
    query: (text, values) => ask(text, values),
    async close() {
      await ask();
    },
  };
}
