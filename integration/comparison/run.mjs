// `npm run compare [-- words of a library or fact ...] [--write | --check]`: measures every fact for every library against the local
// Polar, and prints a table. `--write` puts it into docs/comparison.md; `--check` fails if that says something else.
import { install } from './lib/install.mjs';

install();
const { compare } = await import('./lib/compare.mjs');
await compare(process.argv.slice(2));
