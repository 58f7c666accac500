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

/** Cells that are others now than in docs/comparison.md. Where cells vary, only those of this package are compared. */
export function differences(rows, columns, cells) {
  const [header = [], ...lines] = readFileSync(guide, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const written = new Set(
    lines.flatMap(([title, ...texts]) => texts.map((cell, i) => `${title}, ${header[i + 1]}: ${cell}`)),
  );
  return rows.flatMap(({ title, varies }, row) =>
    columns.flatMap(({ name }, column) => {
      if (varies && name !== 'passport-polar-sh') return [];
      const cell = cells[row][column];
      return written.has(`${title}, ${name}: ${cell}`)
        ? []
        : [{ row, column, message: `${title}, ${name}: ${cell}, unlike in docs/comparison.md` }];
    }),
  );
}

export function writeTable(table, versions) {
  const [before, rest = ''] = readFileSync(guide, 'utf8').split(start);
  const after = rest.slice(rest.indexOf(end));
  const day = new Date().toISOString().slice(0, 10);
  const said = `Measured on ${day} with Node.js ${process.version}: ${versions.join(', ')}.`;
  writeFileSync(guide, `${before}${start}\n${table}\n\n${said}\n\n${after}`);
}
