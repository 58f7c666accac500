import { readConfig } from './config.js';
import { startExampleApp } from './start.js';

async function main(): Promise<void> {
  const app = await startExampleApp(readConfig(process.env), (line) => console.log(line));
  onceTold(() => void app.close());
  console.log(`listening on ${app.url}`);
}

const sameSignalMs = 500;

/**
 * Calls `stop` at the first signal; another one ends the process at once, unless it comes so soon that it is the same:
 * a terminal sends Ctrl-C to every process, and npm sends it on.
 *
 * For a signal to `npm start` to get here, no shell may stand in between, which is what `exec` in package.json is for.
 * Windows does not have it and runs what follows there.
 */
function onceTold(stop: () => void): void {
  let firstAt: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (firstAt === undefined) {
        firstAt = performance.now();
        stop();
      } else if (performance.now() - firstAt > sameSignalMs) {
        process.exit(1);
      }
    });
  }
}

main().catch((error: unknown) => {
  console.error(`The example app cannot start: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});
