import type { CheckResult, Finding } from './check.js';

/** The report as JSON. Its keys and the names of the checks are stable; `found` and `remedy` are for people. */
export function reportJSON(findings: readonly Finding[]): string {
  const checks = findings.map(({ check, result, found, remedy = null }) => ({
    check,
    result,
    found,
    remedy,
  }));
  return `${JSON.stringify({ result: hasFailed(findings) ? 'failed' : 'ok', checks }, null, 2)}\n`;
}

export function hasFailed(findings: readonly Finding[]): boolean {
  return findings.some(({ result }) => result === 'failed');
}

const results: readonly CheckResult['result'][] = ['ok', 'warning', 'failed', 'skipped'];
const resultWidth = 9;

/** The report as a table, with the remedy below each row that needs one. */
export function reportTable(findings: readonly Finding[], columns = 100): string {
  const nameWidth = Math.max(...findings.map(({ check }) => check.length)) + 2;
  const indent = ' '.repeat(nameWidth + resultWidth);
  const width = Math.max(40, columns - indent.length);
  const rows = findings.map(({ check, found, remedy, result }) => {
    const lines = [...wrapped(found, width), ...(remedy === undefined ? [] : wrapped(`-> ${remedy}`, width))];
    return check.padEnd(nameWidth) + result.padEnd(resultWidth) + lines.join(`\n${indent}`);
  });
  const counts = results.map(
    (each) => [findings.filter(({ result }) => result === each).length, each] as const,
  );
  const summary = counts.filter(([count]) => count > 0).map(([count, each]) => `${count} ${each}`);
  const head = `${'check'.padEnd(nameWidth)}${'result'.padEnd(resultWidth)}found`;
  return `${[head, ...rows].join('\n')}\n\n${summary.join(', ')}\n`;
}

function wrapped(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
