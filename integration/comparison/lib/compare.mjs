import { facts } from '../facts.mjs';
import { libraries, versionOf } from '../libraries.mjs';
import { startRedis } from './processes.mjs';
import { startSite } from './site.mjs';
import { tableOf, writeTable } from './table.mjs';

/** Measures, prints, and writes if `--write` is among the arguments. The others choose libraries and facts by words of their names. */
export async function compare(args) {
  const words = args.filter((arg) => !arg.startsWith('--'));
  const columns = chosen(libraries, words, ({ name }) => name);
  const rows = chosen(facts, words, ({ title }) => title);
  const redis = await startRedis();
  const cells = [];
  for (const fact of rows) {
    // Those of one fact at once: what takes long is waiting.
    cells.push(await Promise.all(columns.map((library) => cellOf(fact, library, redis.url))));
    process.stderr.write(`${fact.title}: ${cells.at(-1).join(' | ')}\n`);
  }
  await redis.stop();
  const table = tableOf(rows, columns, cells);
  process.stdout.write(`${table}\n`);
  if (args.includes('--write')) writeTable(table, versions());
  if (cells.flat().includes(failed)) process.exitCode = 1;
}

const failed = 'not measured';

function chosen(all, words, nameOf) {
  const found = all.filter((one) => words.some((word) => nameOf(one).toLowerCase().includes(word.toLowerCase())));
  return found.length > 0 ? found : all;
}

async function cellOf(fact, library, redisURL) {
  const site = await startSite(library, redisURL, fact.site);
  try {
    return await fact.measure(site);
  } catch (error) {
    process.stderr.write(`${library.name}, ${fact.title}: ${error.stack}\n${site.said()}\n`);
    return failed;
  } finally {
    await site.stop();
  }
}

export const versions = () =>
  libraries.flatMap(({ packages }) => packages.map((name) => `${name} ${versionOf(name)}`));
