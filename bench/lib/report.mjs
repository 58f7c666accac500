/**
 * What a part has found.
 *
 * @typedef {object} Report
 * @property {string} title
 * @property {string} text what the figures are
 * @property {Table[]} tables
 * @property {Goal[]} goals
 * @property {string} [why] where the time goes, for goals that are missed
 *
 * @typedef {{ columns: string[], rows: (string | number)[][] }} Table
 * @typedef {{ name: string, figure: number, limit: number, unit?: string, digits?: number }} Goal met where the figure is at most the limit
 */

/** @param {Goal} goal */
export function isMet({ figure, limit }) {
  return figure <= limit;
}

/** @param {Goal} goal */
function goalRow(goal) {
  const { name, figure, limit, unit = '', digits = 2 } = goal;
  return [isMet(goal) ? 'met' : 'missed', name, `${figure.toFixed(digits)}${unit}`, `<= ${limit}${unit}`];
}

/** @param {Table} table */
function markdownTable({ columns, rows }) {
  const lines = [columns, columns.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** @param {Goal[]} goals */
export function goalsTable(goals) {
  return { columns: ['goal', '', 'figure', 'limit'], rows: goals.map(goalRow) };
}

/** @param {Report} report @param {string} measuredOn */
export function markdown({ title, text, tables, goals, why }, measuredOn) {
  const all = goals.length === 0 ? tables : [...tables, goalsTable(goals)];
  const isMissed = goals.some((goal) => !isMet(goal));
  return [`## ${title}`, measuredOn, text, ...all.map(markdownTable), ...(isMissed && why ? [why] : [])].join(
    '\n\n',
  );
}

/** @param {Table} table for a terminal */
export function textTable({ columns, rows }) {
  const lines = [columns, ...rows].map((cells) => cells.map(String));
  const widths = columns.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  return lines
    .map((cells) =>
      `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`.trimEnd(),
    )
    .join('\n');
}

/** @param {Report} report */
export function forTerminal({ title, tables, goals }) {
  const all = goals.length === 0 ? tables : [...tables, goalsTable(goals)];
  return [title, ...all.map(textTable)].join('\n\n');
}
