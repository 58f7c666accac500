// Processes that answer calls. Each ends with this one, however this one ends: a child that loses its channel exits.
import { fork, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const [signal, number] of /** @type {const} */ ([
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
])) {
  process.once(signal, () => process.exit(128 + number));
}

/** @param {import('node:child_process').ChildProcess} child */
function endWithUs(child) {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** @type {string | undefined} */
let profiles;

/**
 * Has every process that is started from now on write a CPU profile into a folder when it is stopped.
 *
 * @param {string} folder
 */
export function profileInto(folder) {
  mkdirSync(folder, { recursive: true });
  profiles = folder;
}

/**
 * A process whose functions can be called.
 *
 * @typedef {object} Remote
 * @property {(name: string, ...args: unknown[]) => Promise<any>} call calls one of the functions that it gives to `answerCalls`
 * @property {() => Promise<void>} stop
 */

/**
 * Starts a module of `servers/` in a process of its own.
 *
 * @param {string} name the file's, without its ending
 * @param {string} [label] names its CPU profile
 * @returns {Remote}
 */
export function startProcess(name, label = name) {
  const profile = `--cpu-prof-name=${label.replace(/\W+/g, '-')}-${process.hrtime.bigint()}.cpuprofile`;
  const profiling = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`, profile];
  const child = endWithUs(
    fork(fileURLToPath(new URL(`../servers/${name}.mjs`, import.meta.url)), [], {
      execArgv: ['--expose-gc', ...profiling],
      env: { ...process.env, NODE_ENV: 'production' },
    }),
  );
  /** @type {Map<number, { resolve: (value: unknown) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  let calls = 0;
  child.on('message', (/** @type {any} */ { id, value, error }) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(`${label}: ${error}`));
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  exited.then(() => {
    for (const { reject } of waiting.values()) reject(new Error(`${label} has exited`));
  });
  return {
    call: (name, ...args) =>
      new Promise((resolve, reject) => {
        calls += 1;
        waiting.set(calls, { resolve, reject });
        child.send({ id: calls, name, args });
      }),
    async stop() {
      child.disconnect();
      await exited;
    },
  };
}

/**
 * In a process that {@link startProcess} has started: what it can be asked to do.
 *
 * @param {Record<string, (...args: any[]) => unknown>} functions
 */
export function answerCalls(functions) {
  process.on('message', async (/** @type {any} */ { id, name, args }) => {
    try {
      process.send?.({ id, value: await functions[name](...args) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? error.stack : String(error) });
    }
  });
  process.once('disconnect', () => process.exit());
  process.on('SIGINT', () => {}); // Ctrl-C goes to all of us; whoever started this one ends it
}

/**
 * Starts a program that is not ours.
 *
 * @param {string} program
 * @param {string[]} args
 */
export function startProgram(program, args) {
  return endWithUs(spawn(program, args, { stdio: 'ignore' }));
}
