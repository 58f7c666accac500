import { resolve } from 'node:path';
import { build } from 'esbuild';

let script: Promise<string> | undefined;

/**
 * The worker and its modules as one script: it starts in a fraction of the time that a process needs to find and compile
 * its modules, and a storm starts many.
 */
export function workerScript(): Promise<string> {
  script ??= bundle();
  return script;
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [resolve(__dirname, 'worker.ts')],
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    external: ['pg-native'], // which pg tries to load, and does without
    logLevel: 'error',
  });
  return outputFiles.map(({ text }) => text).join('');
}
