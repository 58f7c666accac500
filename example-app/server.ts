import { readConfig } from './config.js';
import { startExampleApp } from './start.js';

async function main(): Promise<void> {
  const app = await startExampleApp(readConfig(process.env), (line) => console.log(line));
  onceTold(() => void app.close());
  console.log(`listening on ${app.url}`);
}

const sameSignalMs = 500;

/**
 * Calls `stop` at the first signal. A second one exits at once, unless it follows so soon that it is the same signal: a
 * terminal sends Ctrl-C to every process, and npm forwards it as well.
 *
 * A signal to `npm start` arrives only without a shell in between, hence `exec` in package.json. Windows has no `exec`
 * and runs the part after it.
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
