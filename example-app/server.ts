import { readConfig } from './config.js';
import { startExampleApp } from './start.js';

async function main(): Promise<void> {
  const app = await startExampleApp(readConfig(process.env), (line) => console.log(line));
  // A second signal ends the process at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close());
  console.log(`listening on ${app.url}`);
}

main().catch((error: unknown) => {
  console.error(`The example app cannot start: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});
