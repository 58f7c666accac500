import { facts } from '../facts.mjs';
import { libraries, versionOf } from '../libraries.mjs';
import { startRedis } from './processes.mjs';
import { startSite } from './site.mjs';
import { differences, tableOf, writeTable } from './table.mjs';

/**
 * Measures and prints. With `--write` among the arguments it writes docs/comparison.md, with `--check` it fails if that differs.
 * Other arguments choose libraries and facts by words of their names.
 */
export async function compare(args) {
  const words = args.filter((arg) => !arg.startsWith('--'));
  if (words.length > 0 && args.includes('--write')) throw new Error('--write needs all rows and columns');
  const columns = chosen(libraries, words, ({ name }) => name);
  const rows = chosen(facts, words, ({ title }) => title);
  const redis = await startRedis();
  const byLibrary = [];
  const waiting = [...columns.entries()];
  const measureNext = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      byLibrary[next[0]] = await measureAll(next[1], rows, redis.url);
  };
  await Promise.all([measureNext(), measureNext()]); // two at a time: what takes long is waiting
  const cells = rows.map((_, row) => byLibrary.map((column) => column[row]));
  if (args.includes('--check')) await check(rows, columns, cells, redis.url);
  await redis.stop();
  const table = tableOf(rows, columns, cells);
  process.stdout.write(`${table}\n`);
  if (args.includes('--write')) writeTable(table, versions());
  if (cells.flat().includes(failed)) process.exitCode = 1;
}

/** Measures each cell that differs from docs/comparison.md once more, alone: on a busy machine an app may be too slow. */
async function check(rows, columns, cells, redisURL) {
  for (const { row, column } of differences(rows, columns, cells))
    [cells[row][column]] = await measureAll(columns[column], [rows[row]], redisURL);
  for (const { message } of differences(rows, columns, cells)) {
    process.stderr.write(`${message}\n`);
    process.exitCode = 1;
  }
}

const failed = 'not measured';

function chosen(all, words, nameOf) {
  const found = all.filter((one) =>
    words.some((word) => nameOf(one).toLowerCase().includes(word.toLowerCase())),
  );
  return found.length > 0 ? found : all;
}

/** The cells of a library. */
async function measureAll(library, rows, redisURL) {
  const site = await startSite(library, redisURL);
  const cells = [];
  for (const fact of rows) {
    site.polar.reset();
    const cell = await fact.measure(site).catch((error) => {
      process.stderr.write(`${error.stack}\n${site.said()}\n`);
      return failed;
    });
    process.stderr.write(`${library.name}: ${fact.title}: ${cell}\n`);
    cells.push(cell);
  }
  await site.stop();
  return cells;
}

export const versions = () =>
  libraries.flatMap(({ packages }) => packages.map((name) => `${name} ${versionOf(name)}`));
