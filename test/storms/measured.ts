/** What the storms of one suite measured, for the people who read its output. */
export class Measured {
  readonly #rows: [string, string][] = [];

  add(what: string, value: unknown): void {
    this.#rows.push([what, typeof value === 'string' ? value : JSON.stringify(value)]);
  }

  /** To the terminal as it is: `console` would put a stack trace around each line. */
  print(): void {
    const width = Math.max(...this.#rows.map(([what]) => what.length));
    const lines = this.#rows.map(([what, value]) => `  ${what.padEnd(width)}  ${value}\n`);
    if (lines.length > 0) process.stderr.write(`Measured:\n${lines.join('')}`);
  }
}
