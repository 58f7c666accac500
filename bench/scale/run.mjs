// `npm run bench:scale [-- --measure]`: what many users need, calculated and simulated; with --measure also what users see at
// Polar's limit, with real processes, a real Redis and a local Polar, in three minutes.
import { parseArgs } from 'node:util';
import { simulations } from './simulations.mjs';
import { sizes } from './sizes.mjs';

const { values } = parseArgs({ options: { measure: { type: 'boolean', default: false } } });
const print = (
  /** @type {{ title: string, columns: string[], rows: (string | number)[][] }} */ { title, columns, rows },
) => {
  const lines = [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  console.log(`\n## ${title}\n\n${lines.join('\n')}`);
};

if (values.measure) {
  process.env.NODE_OPTIONS = '--import tsx';
  const { measure } = await import('./measure.mjs');
  const found = await measure({ people: 10_000, loginsPerMinute: 30, processes: 4, minutes: 2 });
  const { byMinute, ...rest } = found;
  print({
    title: '10,000 users come back within one minute (measured, 4 processes)',
    columns: ['minute', ...Object.keys(byMinute[0])],
    rows: byMinute.map((counts, index) => [index + 1, ...Object.values(counts)]),
  });
  console.log(`\n${JSON.stringify(rest, null, 2)}`);
} else {
  print(sizes());
  for (const table of simulations()) print(table);
}
process.exit();
