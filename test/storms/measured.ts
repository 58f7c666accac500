/** Measurements of a suite, printed for people. */
export class Measured {
  readonly #rows: [string, string][] = [];

  add(what: string, value: unknown): void {
    this.#rows.push([what, typeof value === 'string' ? value : JSON.stringify(value)]);
  }

  /** Writes to stderr, since `console` would print a stack trace with each line. */
  print(): void {
    const width = Math.max(...this.#rows.map(([what]) => what.length));
    const lines = this.#rows.map(([what, value]) => `  ${what.padEnd(width)}  ${value}\n`);
    if (lines.length > 0) process.stderr.write(`Measured:\n${lines.join('')}`);
  }
}
