import { readFileSync, writeFileSync } from 'node:fs';

const guide = new URL('../../../docs/comparison.md', import.meta.url);
const start = '<!-- table: written by npm run compare -- --write -->\n';
const end = '<!-- end of table -->\n';

export function tableOf(rows, columns, cells) {
  const line = (texts) => `| ${texts.join(' | ')} |`;
  return [
    line(['', ...columns.map(({ name }) => name)]),
    line(['', ...columns].map(() => '---')),
    ...rows.map(({ title }, index) => line([title, ...cells[index]])),
  ].join('\n');
}

/** The table in docs/comparison.md, as lines of cells. */
export function writtenTable() {
  const [, text = ''] = readFileSync(guide, 'utf8').split(start);
  return text
    .slice(0, text.indexOf(end))
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

export function writeTable(table, versions) {
  const [before, rest = ''] = readFileSync(guide, 'utf8').split(start);
  const after = rest.slice(rest.indexOf(end));
  const day = new Date().toISOString().slice(0, 10);
  const said = `Measured on ${day} with Node.js ${process.version}: ${versions.join(', ')}.`;
  writeFileSync(guide, `${before}${start}\n${table}\n\n${said}\n\n${after}`);
}
