// Measures every fact for every library against the local Polar, and prints a table.
import { parseArgs } from 'node:util';
import { install } from './lib/install.mjs';

const usage = `Usage: npm run compare [-- words of a library or fact ...] [--write | --check]

  --write   put the table into docs/comparison.md
  --check   fail if docs/comparison.md says something else
`;

let request;
try {
  const options = { write: { type: 'boolean' }, check: { type: 'boolean' }, help: { type: 'boolean' } };
  request = parseArgs({ allowPositionals: true, options });
} catch (error) {
  console.error(`${error.message}\n\n${usage}`);
  process.exit(2);
}
if (request.values.help) {
  process.stdout.write(usage);
  process.exit();
}
install();
const { compare } = await import('./lib/compare.mjs');
await compare(process.argv.slice(2));
